//! What verified claims say: for whom, for when, and who.

use std::time::{Duration, SystemTime};

use portcullis_policy::Subject;
use serde_json::{Map, Value};

use super::super::config::OidcIssuer;
use super::super::{Purpose, Unproven, ago, name};
use super::Owners;
use super::token::shown;

/// How far the issuer's clock may be from ours.
pub(super) const LEEWAY: Duration = Duration::from_secs(30);

/// Most audiences of a token.
const MAX_AUDIENCES: usize = 64;

/// Longest chain of those who act for each other.
const MAX_ACTORS: usize = 8;

/// The end of the year 9999: a later time is a mistake, such as milliseconds for seconds.
const LAST_SECOND: f64 = 253_402_300_799.0;

const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// Whether a token holds, here and now. Returns when it stops.
pub(super) fn check(
    issuer: &OidcIssuer,
    claims: &Map<String, Value>,
    purpose: Purpose<'_>,
    now: SystemTime,
) -> Result<SystemTime, Unproven> {
    let expires_at = check_times(claims, now)?;
    check_audience(issuer, claims, purpose)?;
    for (claim, wanted) in &issuer.required_claims {
        if claims.get(claim).and_then(Value::as_str) != Some(wanted) {
            return Err(Unproven::both(format!(
                "the token's claim `{claim}` is not what is required here"
            )));
        }
    }
    Ok(expires_at)
}

/// Who it is.
pub(super) fn subject(
    issuer: &OidcIssuer,
    owners: &Owners,
    claims: &Map<String, Value>,
) -> Result<Subject, Unproven> {
    let name = username(issuer, claims)?;
    let mut subject = Subject {
        issuer: issuer.issuer.clone(),
        claims: claims.clone(),
        actor: actor(issuer, claims)?,
        ..Subject::default()
    };
    if let Some((namespace, account)) = service_account(issuer, claims, name) {
        subject.username = name::prefixed("username", "", name)?;
        // As the cluster itself groups them.
        subject.groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ];
        subject.owner = owners
            .get(&(namespace.to_owned(), account.to_owned()))
            .cloned();
    } else {
        subject.username = name::ordinary("username", &issuer.username_prefix, name)?;
        subject.groups = groups(issuer, claims)?;
    }
    Ok(subject)
}

fn check_times(claims: &Map<String, Value>, now: SystemTime) -> Result<SystemTime, Unproven> {
    let end = time(claims, "exp")?
        .ok_or_else(|| Unproven::both("the token does not say when it expires (exp)".to_owned()))?;
    let expires_at = end
        .checked_add(LEEWAY)
        .ok_or_else(|| wrong_kind("exp", "a time"))?;
    if now >= expires_at {
        return Err(Unproven::both(format!(
            "the token expired {}",
            ago(end, now)
        )));
    }
    let soon = now.checked_add(LEEWAY).unwrap_or(now);
    if time(claims, "nbf")?.is_some_and(|from| from > soon) {
        return Err(Unproven::both(
            "the token is not valid yet (nbf)".to_owned(),
        ));
    }
    if time(claims, "iat")?.is_some_and(|made| made > soon) {
        return Err(Unproven::both(
            "the token was issued in the future (iat)".to_owned(),
        ));
    }
    Ok(expires_at)
}

fn check_audience(
    issuer: &OidcIssuer,
    claims: &Map<String, Value>,
    purpose: Purpose<'_>,
) -> Result<(), Unproven> {
    let audiences = texts(claims, "aud", MAX_AUDIENCES)?
        .ok_or_else(|| Unproven::both("the token does not say for whom it is (aud)".to_owned()))?;
    if !issuer
        .audiences
        .iter()
        .any(|own| audiences.contains(&own.as_str()))
    {
        return Err(Unproven::both(format!(
            "the token is for somebody else (aud): ask its issuer for one for `{}`",
            issuer.audiences.join("` or `")
        )));
    }
    match purpose.audience {
        Some(wanted) if !audiences.contains(&wanted) => Err(Unproven::both(format!(
            "the token is not for this connection (aud): ask its issuer for one that is for \
             `{wanted}` too"
        ))),
        _ => Ok(()),
    }
}

fn username<'a>(issuer: &OidcIssuer, claims: &'a Map<String, Value>) -> Result<&'a str, Unproven> {
    let claim = issuer.username_claim.as_str();
    let name = claims
        .get(claim)
        .and_then(Value::as_str)
        .ok_or_else(|| wrong_kind(claim, "a name"))?;
    // An address that nobody has shown to be theirs is no name.
    if claim == "email"
        && claims
            .get("email_verified")
            .is_some_and(|verified| verified != &Value::Bool(true))
    {
        return Err(Unproven::both(
            "the token's e-mail address is not verified".to_owned(),
        ));
    }
    Ok(name)
}

fn groups(issuer: &OidcIssuer, claims: &Map<String, Value>) -> Result<Vec<String>, Unproven> {
    let Some(claim) = &issuer.groups_claim else {
        return Ok(vec![]);
    };
    let prefix = issuer
        .groups_prefix
        .as_deref()
        .unwrap_or(&issuer.username_prefix);
    let names = texts(claims, claim, name::MAX_GROUPS)?.unwrap_or_default();
    name::groups(prefix, names.into_iter())
}

/// The agent that acts on behalf of the token's subject (RFC 8693): the outermost of the chain;
/// those within acted before it, and are only looked at for their shape.
fn actor(issuer: &OidcIssuer, claims: &Map<String, Value>) -> Result<Option<String>, Unproven> {
    let mut outermost = None;
    let mut next = claims.get("act");
    for _ in 0..MAX_ACTORS {
        let Some(act) = next else {
            return Ok(outermost);
        };
        let agent = act
            .get("sub")
            .and_then(Value::as_str)
            .ok_or_else(|| wrong_kind("act", "an agent with a name (sub)"))?;
        let agent = name::ordinary("agent's name", &issuer.username_prefix, agent)?;
        outermost.get_or_insert(agent);
        next = act.get("act");
    }
    match next {
        None => Ok(outermost),
        Some(_) => Err(Unproven::both(format!(
            "more than {MAX_ACTORS} act for each other in the token (act)"
        ))),
    }
}

/// Namespace and name, where the token is a service account's: its issuer speaks for the cluster,
/// and both of its ways to say who it is agree.
fn service_account<'a>(
    issuer: &OidcIssuer,
    claims: &'a Map<String, Value>,
    name: &str,
) -> Option<(&'a str, &'a str)> {
    if issuer.username_claim != "sub" || !issuer.username_prefix.is_empty() {
        return None;
    }
    let bound = claims.get("kubernetes.io")?;
    let namespace = bound.get("namespace")?.as_str()?;
    let account = bound.get("serviceaccount")?.get("name")?.as_str()?;
    let said = name.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
    let whole = !namespace.is_empty() && !account.is_empty() && !account.contains(':');
    (whole && said == (namespace, account)).then_some((namespace, account))
}

/// A time in seconds (RFC 7519: fractions are allowed).
fn time(claims: &Map<String, Value>, claim: &str) -> Result<Option<SystemTime>, Unproven> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    value
        .as_f64()
        .filter(|seconds| (0.0..=LAST_SECOND).contains(seconds))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
        .map(Some)
        .ok_or_else(|| wrong_kind(claim, "a time in seconds"))
}

/// A text, or a list of texts, of at most `limit`.
fn texts<'a>(
    claims: &'a Map<String, Value>,
    claim: &str,
    limit: usize,
) -> Result<Option<Vec<&'a str>>, Unproven> {
    let list = match claims.get(claim) {
        None => return Ok(None),
        Some(Value::String(one)) => return Ok(Some(vec![one])),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong_kind(claim, "a text or a list of texts")),
    };
    if list.len() > limit {
        return Err(Unproven::both(format!(
            "the token's claim {} has {} values; at most {limit} are allowed",
            shown(claim),
            list.len()
        )));
    }
    let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    texts
        .map(Some)
        .ok_or_else(|| wrong_kind(claim, "a text or a list of texts"))
}

fn wrong_kind(claim: &str, wanted: &str) -> Unproven {
    Unproven::both(format!(
        "the token's claim {} is not {wanted}",
        shown(claim)
    ))
}

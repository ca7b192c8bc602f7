//! ConnectionClass: what its schema cannot check, and what it lets a Connection do.

use std::collections::BTreeMap;

use portcullis_policy::matcher::Glob;

use super::host::{Host, HostPattern};
use super::target::has_labels;
use super::{Errors, FieldError};
use crate::connection_class::{ConnectionClass, OidcIssuer};

/// Every error of a class. Connections of a class that has one open for nobody.
pub fn check(class: &ConnectionClass) -> Result<(), Vec<FieldError>> {
    let spec = &class.spec;
    let mut errors = Errors::default();
    if let Some(allowed) = &spec.allowed_namespaces {
        let field = "spec.allowedNamespaces.names";
        errors.list(field, &allowed.names, |name| Glob::parse(name));
    }
    for (index, upstream) in spec.allowed_upstreams.iter().enumerate() {
        let field = format!("spec.allowedUpstreams[{index}].host");
        errors.keep(&field, HostPattern::parse(&upstream.host));
    }
    for (index, issuer) in spec.identity.oidc.iter().enumerate() {
        check_issuer(&mut errors, &format!("spec.identity.oidc[{index}]"), issuer);
    }
    for (index, key) in spec.identity.api_keys.iter().enumerate() {
        let field = format!("spec.identity.apiKeys[{index}].connections");
        errors.list(&field, &key.connections, |pattern| {
            connection_pattern(pattern)
        });
    }
    for (index, review) in spec.reviewed_functions.iter().enumerate() {
        let field = |name: &str| format!("spec.reviewedFunctions[{index}].{name}");
        errors.keep(&field("name"), sql_name(&review.name));
        errors.list(&field("reads"), &review.reads, |name| sql_name(name));
        errors.list(&field("writes"), &review.writes, |name| sql_name(name));
    }
    errors.finish(())
}

/// Schema and name of something in SQL, as its catalogue has them.
pub type SqlName = (String, String);

/// A function of PostgreSQL that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    pub name: SqlName,
    pub sha256: String,
    pub reads: Vec<SqlName>,
    pub writes: Vec<SqlName>,
}

/// The functions that were read. What [`check`] refuses is left out: it reviews nothing.
pub fn reviewed(class: &ConnectionClass) -> Vec<Reviewed> {
    let names = |names: &[String]| -> Option<Vec<SqlName>> {
        names.iter().map(|name| sql_name(name).ok()).collect()
    };
    let all = class.spec.reviewed_functions.iter();
    all.filter_map(|review| {
        Some(Reviewed {
            name: sql_name(&review.name).ok()?,
            sha256: review.sha256.clone(),
            reads: names(&review.reads)?,
            writes: names(&review.writes)?,
        })
    })
    .collect()
}

/// Whether Connections of a namespace with these labels may use the class.
pub fn allows_namespace(
    class: &ConnectionClass,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    class
        .spec
        .allowed_namespaces
        .as_ref()
        .is_none_or(|allowed| {
            allowed.names.iter().any(|name| matches(name, namespace))
                || allowed
                    .selector
                    .as_ref()
                    .is_some_and(|selector| has_labels(selector, labels))
        })
}

/// Whether Connections of the class may dial this address.
pub fn allows_upstream(class: &ConnectionClass, host: &Host, port: u16) -> bool {
    let allowed = &class.spec.allowed_upstreams;
    allowed.is_empty()
        || allowed.iter().any(|upstream| {
            // What cannot be read allows nothing.
            HostPattern::parse(&upstream.host).is_ok_and(|pattern| pattern.matches(host))
                && (upstream.ports.is_empty() || upstream.ports.contains(&i64::from(port)))
        })
}

/// Whether an API key with these patterns opens the Connection.
pub fn key_opens(patterns: &[String], namespace: &str, name: &str) -> bool {
    patterns.is_empty()
        || patterns.iter().any(|pattern| {
            connection_pattern(pattern)
                .is_ok_and(|(ns, own)| ns.matches(namespace) && own.matches(name))
        })
}

/// `schema.name`: each as it is in lower case, or in double quotes.
fn sql_name(text: &str) -> Result<SqlName, String> {
    let wrong = || format!("{text} is not `schema.name`, in lower case or in double quotes");
    let (schema, rest) = sql_part(text).ok_or_else(wrong)?;
    let (name, rest) = rest
        .strip_prefix('.')
        .and_then(sql_part)
        .ok_or_else(wrong)?;
    match rest {
        "" => Ok((schema, name)),
        _ => Err(wrong()),
    }
}

/// One part of a name, and what stands behind it.
fn sql_part(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_$".contains(c);
        let end = text.find(|c| !plain(c)).unwrap_or(text.len());
        let (part, rest) = text.split_at_checked(end)?;
        let starts = part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        return starts.then(|| (part.to_owned(), rest));
    };
    let mut part = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('"')?;
        part.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                part.push('"');
                rest = more;
            }
            None => return (!part.is_empty()).then_some((part, after)),
        }
    }
}

/// An allow-list: what cannot be read allows nothing.
fn matches(pattern: &str, name: &str) -> bool {
    Glob::parse(pattern).is_ok_and(|glob| glob.matches(name))
}

fn connection_pattern(pattern: &str) -> Result<(Glob, Glob), String> {
    let Some((namespace, name)) = pattern.split_once('/') else {
        return Err("a Connection is written `namespace/name`".to_owned());
    };
    let parse = |part: &str| Glob::parse(part).map_err(|error| error.to_string());
    Ok((parse(namespace)?, parse(name)?))
}

/// Keys that come over a network without TLS could be anybody's.
fn check_issuer(errors: &mut Errors, field: &str, issuer: &OidcIssuer) {
    let (name, fetched) = match (&issuer.jwks, &issuer.jwks_uri) {
        (Some(_), _) => return,
        (None, Some(uri)) => ("jwksUri", uri),
        (None, None) => ("issuer", &issuer.issuer),
    };
    if !fetched.starts_with("https://") && !is_loopback(fetched) {
        errors.add(
            format!("{field}.{name}"),
            "keys are fetched from here, which needs https:// (http:// only on loopback)",
        );
    }
}

/// The host is what stands between `http://` and a port or the end of the authority: in
/// `http://localhost:x@keys.example` it is not localhost.
fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']').unwrap_or_default(),
        None => authority
            .find(':')
            .and_then(|colon| authority.split_at_checked(colon))
            .unwrap_or((authority, "")),
    };
    let is_port = |port: &str| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    let ends = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    let is_local = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    ends && is_local
}

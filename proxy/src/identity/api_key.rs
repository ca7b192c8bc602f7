//! API keys: long random words, known here by their hash only.

use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use portcullis_policy::Subject;
use serde_json::Map;

use super::config::ApiKey;
use super::{Proven, ProvenBy, Purpose, Unproven, ago, name};

/// `Subject.issuer` of who came with an API key. No URL, so no issuer of tokens can be named so.
pub const ISSUER: &str = "portcullis:api-key";

/// What `key` proves; `None` where it is no key of ours.
pub(super) fn prove(
    keys: &[ApiKey],
    key: &[u8],
    purpose: Purpose<'_>,
    now: SystemTime,
) -> Option<Result<Proven, Unproven>> {
    find(keys, digest(&SHA256, key).as_ref()).map(|known| judge(known, purpose, now))
}

/// What the key with this hash proves now.
pub(super) fn prove_again(
    keys: &[ApiKey],
    sha256: &[u8; 32],
    purpose: Purpose<'_>,
    now: SystemTime,
) -> Result<Proven, Unproven> {
    find(keys, sha256).map_or_else(
        || Err(Unproven::both("the API key was removed".to_owned())),
        |known| judge(known, purpose, now),
    )
}

/// Looks at all keys, so that the time tells nothing about which was near.
fn find<'a>(keys: &'a [ApiKey], sha256: &[u8]) -> Option<&'a ApiKey> {
    keys.iter().fold(None, |found, key| {
        let same = verify_slices_are_equal(&key.sha256, sha256).is_ok();
        found.or(same.then_some(key))
    })
}

fn judge(key: &ApiKey, purpose: Purpose<'_>, now: SystemTime) -> Result<Proven, Unproven> {
    if let Some(at) = key.expires_at.filter(|at| *at <= now) {
        return Err(Unproven::both(format!(
            "the API key expired {}",
            ago(at, now)
        )));
    }
    let opens = key.connections.is_empty()
        || key.connections.iter().any(|(namespace, connection)| {
            namespace.matches(purpose.namespace) && connection.matches(purpose.connection)
        });
    if !opens {
        return Err(Unproven::both(
            "the API key does not open this connection".to_owned(),
        ));
    }
    Ok(Proven {
        subject: Arc::new(Subject {
            username: name::ordinary("API key's username", "", &key.username)?,
            groups: name::groups("", key.groups.iter().map(String::as_str))?,
            issuer: ISSUER.to_owned(),
            claims: Map::new(),
            actor: None,
            owner: Some(name::prefixed("API key's owner", "", &key.owner)?),
            is_workload: false,
        }),
        expires_at: key.expires_at,
        credential: ProvenBy::ApiKey { sha256: key.sha256 },
    })
}

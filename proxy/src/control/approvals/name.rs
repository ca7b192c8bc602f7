//! Names of requests, and who asks for what.

use aws_lc_rs::digest::{Context, SHA256};

use crate::hex::hex;
use crate::session::ports::WantedApproval;

/// How much of a Connection's name a request's name begins with.
const MAX_CONNECTION_PART: usize = 40;

/// The bytes of the hash that a name carries.
const HASH_BYTES: usize = 8;

/// What all requests for one operation of one requester share.
pub(in crate::control) fn stem(wanted: &WantedApproval) -> String {
    let mut context = Context::new(&SHA256);
    for part in [&wanted.connection_uid, &wanted.requester, &wanted.hash] {
        // Lengths first, so that no two triples make the same bytes.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let hash = context.finish();
    let hash = hex(hash.as_ref().get(..HASH_BYTES).unwrap_or_default());
    let connection: String = wanted
        .connection
        .chars()
        .take(MAX_CONNECTION_PART)
        .collect();
    // A name that was cut at a dot would be none.
    let connection = connection.trim_end_matches(['.', '-']);
    format!("{connection}-{hash}")
}

/// The name of the `n`th request, counted from 1.
pub(in crate::control) fn numbered(stem: &str, number: u64) -> String {
    format!("{stem}-{number}")
}

/// The stem and number of a name.
pub(in crate::control) fn parse(name: &str) -> Option<(&str, u64)> {
    let (stem, number) = name.rsplit_once('-')?;
    Some((stem, number.parse().ok()?))
}

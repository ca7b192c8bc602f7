mod book;
mod desk;
mod disk;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use portcullis_policy::{ApprovalTerms, Grant, Wait};

use super::*;
use crate::session::ports::ApprovalBounds;

/// A whole second, as files keep them.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000)
}

fn after(seconds: u64) -> SystemTime {
    start() + Duration::from_secs(seconds)
}

fn wanted() -> WantedApproval {
    WantedApproval {
        namespace: "shop".to_owned(),
        connection: "orders-db".to_owned(),
        connection_uid: "5d3c1f5e".to_owned(),
        address: "orders.internal:5432".to_owned(),
        policy: ("shop".to_owned(), "writes".to_owned()),
        generation: 7,
        rule: "hold".to_owned(),
        requester: "agent-7".to_owned(),
        on_behalf_of: Some("oidc:Alice@example.com".to_owned()),
        issuer: "api-key".to_owned(),
        hash: "ab".repeat(32),
        summary: "DELETE FROM orders WHERE id = 7".to_owned(),
        verb: "DELETE".to_owned(),
        effects: vec!["Write"],
        resources: vec!["Write table:public.orders".to_owned()],
        flags: vec!["unbounded"],
        attributes: BTreeMap::from([("database".to_owned(), vec!["orders".to_owned()])]),
        text: "DELETE FROM orders\nWHERE id = 7".to_owned(),
        masked_values: 0,
        terms: ApprovalTerms {
            required: 1,
            grant: Grant::OneShot,
            wait: Wait::Reject,
            expires_after: Duration::from_secs(900),
        },
        bounds: ApprovalBounds {
            max_pending_per_subject: 2,
            ttl_after_finished: Duration::from_secs(3_600),
            required_extra: BTreeMap::new(),
        },
    }
}

fn wanted_by(required: u8, grant: Grant) -> WantedApproval {
    let mut wanted = wanted();
    wanted.terms.required = required;
    wanted.terms.grant = grant;
    wanted
}

fn open(path: &Path, now: SystemTime) -> Book {
    Book::open(Folder::new(path.to_owned(), b"0123456789abcdef"), now).unwrap()
}

fn said(verb: Verb, name: &str, by: &str) -> Decision {
    Decision {
        name: name.to_owned(),
        verb,
        by: by.to_owned(),
        reason: "because".to_owned(),
    }
}

fn approved(by: &[&str]) -> Standing {
    Standing::Approved {
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        reasons: by.iter().map(|_| "because".to_owned()).collect(),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "what a recorder answers")]
fn recorded(_: &Decision) -> Result<(), String> {
    Ok(())
}

//! Replies that a limit cuts or fails, told to the client.

use std::sync::Arc;

use portcullis_policy::limit::{LimitKind, Standing};
use portcullis_policy::{Class, Effect};

use crate::protocol::postgres::refuse::{self, Report, code};
use crate::session::denial::Denial;

/// The error of a limit that fails an operation.
pub(super) fn denial(limit: &Standing) -> Denial {
    Denial::new(
        Class::LimitExceeded,
        format!("the reply is over the limit of {}", told(limit)),
        "Ask for less, with a narrower condition or a LIMIT.",
    )
    .by(Some(Arc::clone(&limit.source)), None)
}

/// The same where the operation has changed data: it ran to its end, and may be undone.
pub(super) fn completed(denial: &Denial, effect: Effect, undone: bool) -> Denial {
    if effect <= Effect::Read {
        return denial.clone();
    }
    Denial {
        message: format!(
            "{}; {}",
            denial.message,
            match undone {
                true => "what the statement changed is rolled back",
                false => "the statement itself ran to its end, and only its reply is not shown",
            }
        ),
        ..denial.clone()
    }
}

/// Says that a reply was cut, and by what.
pub(super) fn notice(out: &mut Vec<u8>, limit: &Standing, rows: u64) {
    let message = format!(
        "the reply was cut after {rows} rows by the limit of {}",
        told(limit)
    );
    let report = Report::new(code::SUCCESSFUL_COMPLETION, &message)
        .hint("Rows beyond the limit are not shown. Ask for less to see all of it.");
    refuse::notice(out, report);
}

/// The command tag of a reply that was cut: a query tells the rows that the client got, a change
/// what it changed.
pub(super) fn tag(tag: &[u8], rows: u64) -> Vec<u8> {
    let word = tag.split(|&byte| byte == b' ').next().unwrap_or_default();
    match word {
        b"SELECT" | b"FETCH" | b"COPY" => [word, format!(" {rows}").as_bytes()].concat(),
        _ => tag.to_vec(),
    }
}

fn told(limit: &Standing) -> String {
    let unit = match limit.kind {
        LimitKind::Bytes => "bytes",
        _ => "rows",
    };
    format!("{} {unit}", limit.max)
}

//! Denials and failures in PostgreSQL's own words.
//!
//! Every field is cut at its first zero byte by the writer, so no message can end early.

use portcullis_dialect::postgres::wire::backend::tag;
use portcullis_dialect::postgres::wire::write;
use portcullis_policy::Class;

use crate::session::denial::Denial;

/// SQLSTATEs that the gateway itself says.
pub(super) mod code {
    pub(in crate::protocol::postgres) const INSUFFICIENT_PRIVILEGE: &str = "42501";
    pub(in crate::protocol::postgres) const FEATURE_NOT_SUPPORTED: &str = "0A000";
    pub(in crate::protocol::postgres) const SYNTAX_ERROR: &str = "42601";
    pub(in crate::protocol::postgres) const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
    pub(in crate::protocol::postgres) const PROTOCOL_VIOLATION: &str = "08P01";
    pub(in crate::protocol::postgres) const ADMIN_SHUTDOWN: &str = "57P01";
    pub(in crate::protocol::postgres) const QUERY_CANCELED: &str = "57014";
    pub(in crate::protocol::postgres) const INVALID_AUTHORIZATION: &str = "28000";
    pub(in crate::protocol::postgres) const INVALID_PASSWORD: &str = "28P01";
    pub(in crate::protocol::postgres) const TOO_MANY_CONNECTIONS: &str = "53300";
    pub(in crate::protocol::postgres) const CONNECTION_FAILURE: &str = "08006";
    pub(in crate::protocol::postgres) const INVALID_CURSOR_NAME: &str = "34000";
    pub(in crate::protocol::postgres) const INVALID_STATEMENT_NAME: &str = "26000";
    pub(in crate::protocol::postgres) const SUCCESSFUL_COMPLETION: &str = "00000";
}

/// What becomes of the session after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// It goes on.
    Error,
    /// It is closed.
    Fatal,
}

// === impl Severity ===

impl Severity {
    fn word(self) -> &'static [u8] {
        match self {
            Self::Error => b"ERROR",
            Self::Fatal => b"FATAL",
        }
    }
}

/// The SQLSTATE of a class: `42501` for all that policy says, the server's own code where the
/// server would have refused for the same reason.
pub(super) fn sqlstate(class: Class) -> &'static str {
    match class {
        Class::Unparsable => code::SYNTAX_ERROR,
        Class::Unsupported => code::FEATURE_NOT_SUPPORTED,
        Class::TooLarge => code::PROGRAM_LIMIT_EXCEEDED,
        _ => code::INSUFFICIENT_PRIVILEGE,
    }
}

/// A denial: the message for all, DETAIL as JSON for agents, HINT for people.
pub(super) fn denial(out: &mut Vec<u8>, severity: Severity, denial: &Denial) {
    denial_at(out, severity, denial, None);
}

/// The same about a place in the client's text: the character, from 1 on.
pub(super) fn denial_at(
    out: &mut Vec<u8>,
    severity: Severity,
    denial: &Denial,
    place: Option<usize>,
) {
    let json = denial.to_json();
    let hint = match denial.remediation.as_str() {
        "" => None,
        hint => Some(hint),
    };
    error(
        out,
        severity,
        Report {
            code: sqlstate(denial.class),
            message: &denial.message,
            detail: Some(&json),
            hint,
            place,
        },
    );
}

/// What an error or a notice says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) detail: Option<&'a str>,
    pub(super) hint: Option<&'a str>,
    /// The character of the client's text that it is about, from 1 on.
    pub(super) place: Option<usize>,
}

// === impl Report ===

impl<'a> Report<'a> {
    pub(super) fn new(code: &'a str, message: &'a str) -> Self {
        Self {
            code,
            message,
            detail: None,
            hint: None,
            place: None,
        }
    }

    #[must_use]
    pub(super) fn detail(self, detail: &'a str) -> Self {
        Self {
            detail: Some(detail),
            ..self
        }
    }

    #[must_use]
    pub(super) fn hint(self, hint: &'a str) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }
}

pub(super) fn error(out: &mut Vec<u8>, severity: Severity, report: Report<'_>) {
    fields(out, tag::ERROR, severity.word(), report);
}

pub(super) fn notice(out: &mut Vec<u8>, report: Report<'_>) {
    fields(out, tag::NOTICE, b"NOTICE", report);
}

fn fields(out: &mut Vec<u8>, tag: u8, severity: &[u8], report: Report<'_>) {
    let always = [
        (b'S', severity),
        (b'V', severity),
        (b'C', report.code.as_bytes()),
        (b'M', report.message.as_bytes()),
    ];
    let detail = report.detail.map(|text| (b'D', text.as_bytes()));
    let hint = report.hint.map(|text| (b'H', text.as_bytes()));
    let place = report.place.map(|place| place.to_string());
    let place = place.as_ref().map(|place| (b'P', place.as_bytes()));
    let fields = always.into_iter().chain(detail).chain(hint).chain(place);
    write::report(out, tag, fields);
}

#[cfg(test)]
mod tests;

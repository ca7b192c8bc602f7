//! Why a session on the target did not start: one face for logs, one for the client.

use std::io;

use portcullis_dialect::postgres::wire::InvalidFrame;
use thiserror::Error;

use super::link::LinkFailed;
use super::query::ServerReport;
use super::scram::ScramFailed;

/// Why a session on the target did not start. `Display` is for logs and holds no secret;
/// [`ConnectFailed::told`] is for the client.
#[derive(Debug, Error)]
pub enum ConnectFailed {
    #[error("there is no credential: {0}")]
    NoCredential(String),
    #[error("{host} cannot be resolved: {reason}")]
    Unresolved { host: String, reason: String },
    #[error("{host} cannot be reached: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("{0} took too long")]
    TimedOut(&'static str),
    #[error("the target does not speak TLS, and the Connection asks for it")]
    TlsRefused,
    #[error("the target sent bytes in clear behind its answer to SSLRequest")]
    BytesBeforeTls,
    #[error("the target answered SSLRequest with byte {0:#04x}")]
    NotAnAnswer(u8),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("the target broke the protocol: {0}")]
    Protocol(#[from] InvalidFrame),
    #[error("the target sent message {0:#04x} in the middle of login")]
    Unexpected(u8),
    #[error("the target sends more than {0} start-up parameters")]
    TooManyParameters(usize),
    #[error("the target closed the connection")]
    Closed,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the target asks for a password, and the credential has none")]
    PasswordMissing,
    #[error("the target asks for the password {0}, which needs TLS mode VerifyFull")]
    Insecure(&'static str),
    #[error("the target asks for authentication method {0}, which is not spoken")]
    Method(u32),
    #[error("SCRAM: {0}")]
    Scram(#[from] ScramFailed),
    #[error("the target refused the login: {report}")]
    Rejected {
        report: ServerReport,
        database: String,
    },
}

/// What a client may read: no host, no address, no secret, no user of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldFailure {
    pub sqlstate: String,
    pub message: String,
}

// === impl ConnectFailed ===

impl ConnectFailed {
    pub fn told(&self) -> ToldFailure {
        let (sqlstate, message) = match self {
            Self::NoCredential(_) => ("08004", "the credential for the target is missing"),
            Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut(_)
            | Self::Closed
            | Self::Io(_) => ("08001", "the target cannot be reached"),
            Self::TlsRefused | Self::BytesBeforeTls | Self::NotAnAnswer(_) | Self::Tls(_) => {
                ("08001", "no trusted TLS connection to the target")
            }
            Self::Protocol(_) | Self::Unexpected(_) | Self::TooManyParameters(_) => {
                ("08P01", "the target broke the protocol")
            }
            Self::PasswordMissing | Self::Insecure(_) | Self::Method(_) | Self::Scram(_) => {
                ("08004", "the proxy and the target found no way to log in")
            }
            Self::Rejected { report, database } => return told_rejection(report, database),
        };
        ToldFailure {
            sqlstate: sqlstate.to_owned(),
            message: message.to_owned(),
        }
    }
}

impl From<LinkFailed> for ConnectFailed {
    fn from(failed: LinkFailed) -> Self {
        match failed {
            LinkFailed::Closed => Self::Closed,
            LinkFailed::Io(error) => Self::Io(error),
            LinkFailed::Invalid(invalid) => Self::Protocol(invalid),
        }
    }
}

/// The target's own words go on only where they are about what the client itself sent.
fn told_rejection(report: &ServerReport, database: &str) -> ToldFailure {
    let (sqlstate, message) = match report.sqlstate.as_str() {
        "3D000" => ("3D000", format!("database \"{database}\" does not exist")),
        "53300" => ("53300", "the target has too many connections".to_owned()),
        "57P03" => (
            "57P03",
            "the target is starting up, shutting down or recovering".to_owned(),
        ),
        "22023" => ("22023", report.message.clone()),
        "42704" => ("42704", report.message.clone()),
        "42501" => (
            "42501",
            format!("the target does not let the proxy into database \"{database}\""),
        ),
        _ => ("08004", "the target refused our credential".to_owned()),
    };
    ToldFailure {
        sqlstate: sqlstate.to_owned(),
        message,
    }
}

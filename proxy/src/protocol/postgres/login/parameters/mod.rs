//! Start-up parameters to what the client wants of its session.
//!
//! Settings reach the target only from a list of those whose meaning is known here, and as
//! start-up parameters that are written anew: the client's own `options` text never travels on.
//! Settings on the list that can weaken or change what a text means ([`Wanted::judged`]) are
//! judged like the SET that they are.

use portcullis_dialect::postgres::wire::startup::{Parameter, Version};

use super::options::{self, InvalidOptions};
use crate::protocol::postgres::refuse::code;

/// The newest minor version of protocol 3 that is spoken here.
pub(super) const NEWEST_MINOR: u16 = 2;

/// Says in `options` that the client logs in by OAUTHBEARER: `-c portcullis.auth=oauth`. Never
/// sent on. (The protocol has no way to offer both a password and OAUTHBEARER.)
const AUTH_SETTING: &str = "portcullis.auth";

/// Settings of presentation: every driver sends some, and no rule can want them refused.
const PRESENTATION: [&str; 8] = [
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "extra_float_digits",
    "intervalstyle",
    "timezone",
];

/// Settings that a session may start with where no rule refuses to SET them.
const JUDGED: [&str; 14] = [
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "geqo",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "jit",
    "lock_timeout",
    "plan_cache_mode",
    "search_path",
    "statement_timeout",
    "tcp_keepalives_idle",
    "transaction_timeout",
    "work_mem",
];

/// What a client wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// As the client calls itself; proves nothing.
    pub(super) user: String,
    pub(super) database: Option<String>,
    /// Settings for the target, the last of a name.
    pub(super) settings: Vec<(String, String)>,
    pub(super) oauth: bool,
    /// Of protocol 3.
    pub(super) minor: u16,
    /// The client asked for a newer one.
    pub(super) newer: bool,
    /// Protocol options (`_pq_.…`) that are not known here.
    pub(super) unknown_options: Vec<Vec<u8>>,
}

/// Why a start-up is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidStart {
    #[error(
        "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{NEWEST_MINOR}"
    )]
    Version { major: u16, minor: u16 },
    #[error("no user name is given in the start-up packet")]
    NoUser,
    #[error("start-up parameter {0:?} is not valid UTF-8")]
    NotUtf8(String),
    #[error("replication connections are not supported")]
    Replication,
    #[error("the setting \"{0}\" may not be given at start-up")]
    Setting(String),
    #[error("the client_encoding \"{0}\" is not supported")]
    Encoding(String),
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    #[error("portcullis.auth is \"{0}\"; it may be \"oauth\" or \"password\"")]
    Auth(String),
}

// === impl InvalidStart ===

impl InvalidStart {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Version { .. } | Self::Replication | Self::Encoding(_) => {
                code::FEATURE_NOT_SUPPORTED
            }
            Self::NoUser => code::INVALID_AUTHORIZATION,
            Self::NotUtf8(_) => code::PROTOCOL_VIOLATION,
            Self::Setting(_) | Self::Options(_) | Self::Auth(_) => code::INSUFFICIENT_PRIVILEGE,
        }
    }
}

// === impl Wanted ===

impl Wanted {
    pub(super) fn read(
        version: Version,
        parameters: &[Parameter<'_>],
    ) -> Result<Self, InvalidStart> {
        let Version { major, minor } = version;
        if major != 3 {
            return Err(InvalidStart::Version { major, minor });
        }
        let mut wanted = Self {
            minor: minor.min(NEWEST_MINOR),
            newer: minor > NEWEST_MINOR,
            ..Self::default()
        };
        let mut own = Vec::new();
        for (name, value) in parameters {
            if name.starts_with(b"_pq_.") {
                wanted.unknown_options.push(name.to_vec());
                continue;
            }
            let (name, value) = (text(name, name)?, text(name, value)?);
            match name.to_ascii_lowercase().as_str() {
                "user" => wanted.user = value,
                "database" => wanted.database = Some(value).filter(|name| !name.is_empty()),
                "replication" => refuse_replication(&value)?,
                "options" => {
                    for (name, value) in options::settings(&value)? {
                        wanted.option(&name, value)?;
                    }
                }
                name => own.push((name.to_owned(), value)),
            }
        }
        // The server reads `options` first and then the settings by their own names.
        for (name, value) in own {
            wanted.setting(name, value)?;
        }
        if wanted.user.is_empty() {
            return Err(InvalidStart::NoUser);
        }
        Ok(wanted)
    }

    /// The settings that are judged before the session starts.
    pub(super) fn judged(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings
            .iter()
            .filter(|(name, _)| JUDGED.contains(&name.as_str()))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn option(&mut self, name: &str, value: String) -> Result<(), InvalidStart> {
        let name = name.to_ascii_lowercase();
        if name != AUTH_SETTING {
            return self.setting(name, value);
        }
        self.oauth = match value.as_str() {
            "oauth" => true,
            "password" => false,
            _ => return Err(InvalidStart::Auth(value)),
        };
        Ok(())
    }

    fn setting(&mut self, name: String, value: String) -> Result<(), InvalidStart> {
        if !PRESENTATION.contains(&name.as_str()) && !JUDGED.contains(&name.as_str()) {
            return Err(InvalidStart::Setting(name));
        }
        if name == "client_encoding" && !can_be_lexed(&value) {
            return Err(InvalidStart::Encoding(value));
        }
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value));
        Ok(())
    }
}

fn text(name: &[u8], bytes: &[u8]) -> Result<String, InvalidStart> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| InvalidStart::NotUtf8(String::from_utf8_lossy(name).into_owned()))
}

fn refuse_replication(value: &str) -> Result<(), InvalidStart> {
    match value.to_ascii_lowercase().as_str() {
        "false" | "off" | "no" | "0" => Ok(()),
        _ => Err(InvalidStart::Replication),
    }
}

/// Encodings in which no byte of a character that is not ASCII is an ASCII byte: there the ends of
/// literals are where they seem.
fn can_be_lexed(encoding: &str) -> bool {
    let plain: String = encoding
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    const EXACT: [&str; 7] = [
        "utf8", "unicode", "sqlascii", "koi8", "koi8r", "koi8u", "alt",
    ];
    EXACT.contains(&plain.as_str())
        || ["latin", "win", "windows", "iso8859", "euc"]
            .iter()
            .any(|family| plain.starts_with(family) && plain.len() > family.len())
            && ![
                "win932",
                "windows932",
                "win936",
                "windows936",
                "win949",
                "windows949",
                "win950",
                "windows950",
            ]
            .contains(&plain.as_str())
}

#[cfg(test)]
mod tests;

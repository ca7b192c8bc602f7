//! The settings of a session that change what a text means.
//!
//! The proxy keeps one [`Settings`] for each session, read from the server at the start. Each
//! analysis tells the changes that its text makes ([`Change`]); the proxy applies them when the
//! server says that the operation ended well, and voids all when it did not. A void setting is one
//! that must be read again in the session itself before anything that rests on it can be told.

use std::collections::BTreeSet;

use super::names::parse_list;

/// A value that may have to be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tracked<T> {
    Known(T),
    Void,
}

/// The settings that change what a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    SearchPath,
    Role,
    SessionAuthorization,
    StandardConformingStrings,
    ClientEncoding,
    RowSecurity,
}

/// What a text does to a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub setting: Setting,
    /// The new value; `None` when only the server knows it (a reset, a computed value).
    pub value: Option<Vec<String>>,
    /// Ends with the transaction.
    pub local: bool,
}

/// What is known of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub database: String,
    /// The role that logged in: the catalogue tells which schemas it may use.
    pub login_role: String,
    pub session_authorization: Tracked<String>,
    /// The role in force, as `current_user` tells it.
    pub role: Tracked<String>,
    pub search_path: Tracked<Vec<String>>,
    /// The schema of this session's temporary objects, where it has one.
    pub temporary_schema: Tracked<Option<String>>,
    pub standard_conforming_strings: Tracked<bool>,
    pub client_encoding: Tracked<String>,
    /// Of the database: it stays what it is.
    pub server_encoding: Tracked<String>,
    pub row_security: Tracked<bool>,
    changed: BTreeSet<Setting>,
    local: BTreeSet<Setting>,
}

// === impl Tracked ===

impl<T> Tracked<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Void => None,
        }
    }
}

// === impl Setting ===

impl Setting {
    /// The setting of this name, where it is one that is tracked. Names are compared without case.
    pub fn from_name(name: &str) -> Option<Self> {
        const NAMES: [(&str, Setting); 6] = [
            ("search_path", Setting::SearchPath),
            ("role", Setting::Role),
            ("session_authorization", Setting::SessionAuthorization),
            (
                "standard_conforming_strings",
                Setting::StandardConformingStrings,
            ),
            ("client_encoding", Setting::ClientEncoding),
            ("row_security", Setting::RowSecurity),
        ];
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, setting)| *setting)
    }

    pub const ALL: [Self; 6] = [
        Self::SearchPath,
        Self::Role,
        Self::SessionAuthorization,
        Self::StandardConformingStrings,
        Self::ClientEncoding,
        Self::RowSecurity,
    ];
}

// === impl Settings ===

impl Settings {
    /// The settings of a new session with the server's defaults.
    pub fn new(database: impl Into<String>, role: impl Into<String>) -> Self {
        let role = role.into();
        Self {
            database: database.into(),
            login_role: role.clone(),
            session_authorization: Tracked::Known(role.clone()),
            role: Tracked::Known(role),
            search_path: Tracked::Known(vec!["$user".to_owned(), "public".to_owned()]),
            temporary_schema: Tracked::Known(None),
            standard_conforming_strings: Tracked::Known(true),
            client_encoding: Tracked::Known("UTF8".to_owned()),
            server_encoding: Tracked::Known("UTF8".to_owned()),
            row_security: Tracked::Known(true),
            changed: BTreeSet::new(),
            local: BTreeSet::new(),
        }
    }

    /// Takes over a change that the server made.
    pub fn apply(&mut self, change: &Change) {
        self.changed.insert(change.setting);
        match change.local {
            true => self.local.insert(change.setting),
            false => self.local.remove(&change.setting),
        };
        match &change.value {
            Some(values) => self.set(change.setting, values),
            None => self.void(change.setting),
        }
    }

    /// A transaction ended: what it changed for itself alone is void, and when it was rolled back
    /// (also to a savepoint) so is all that it changed.
    pub fn transaction_ended(&mut self, committed: bool) {
        let local = std::mem::take(&mut self.local);
        let changed = std::mem::take(&mut self.changed);
        for setting in if committed { local } else { changed } {
            self.void(setting);
        }
        if !committed {
            self.temporary_schema = Tracked::Void;
        }
    }

    /// Something happened that could have changed anything.
    pub fn void_all(&mut self) {
        for setting in Setting::ALL {
            self.void(setting);
        }
        self.temporary_schema = Tracked::Void;
        self.changed.clear();
        self.local.clear();
    }

    fn set(&mut self, setting: Setting, values: &[String]) {
        let one = match values {
            [value] => Some(value.as_str()),
            _ => None,
        };
        match setting {
            Setting::SearchPath => {
                self.search_path = match one {
                    Some("") => Tracked::Known(Vec::new()),
                    _ => Tracked::Known(values.to_vec()),
                };
            }
            // `none` is the session's own user, whoever that is.
            Setting::Role => match one {
                Some("none") | None => self.role = self.session_authorization.clone(),
                Some(role) => self.role = Tracked::Known(role.to_owned()),
            },
            Setting::SessionAuthorization => {
                self.session_authorization = one.map(str::to_owned).into();
                self.role = self.session_authorization.clone();
            }
            Setting::StandardConformingStrings => {
                self.standard_conforming_strings = one.and_then(parse_boolean).into();
            }
            Setting::ClientEncoding => self.client_encoding = one.map(str::to_owned).into(),
            Setting::RowSecurity => self.row_security = one.and_then(parse_boolean).into(),
        }
    }

    fn void(&mut self, setting: Setting) {
        match setting {
            Setting::SearchPath => self.search_path = Tracked::Void,
            Setting::Role => self.role = Tracked::Void,
            Setting::SessionAuthorization => {
                self.session_authorization = Tracked::Void;
                self.role = Tracked::Void;
            }
            Setting::StandardConformingStrings => {
                self.standard_conforming_strings = Tracked::Void;
            }
            Setting::ClientEncoding => self.client_encoding = Tracked::Void,
            Setting::RowSecurity => self.row_security = Tracked::Void,
        }
    }
}

impl<T> From<Option<T>> for Tracked<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Void, Self::Known)
    }
}

// === impl Change ===

impl Change {
    /// A change to a value that is given as one text, as `set_config` and startup parameters do:
    /// there a search path is a list within the text.
    pub fn from_text(setting: Setting, text: &str, local: bool) -> Self {
        let value = match setting {
            Setting::SearchPath => match parse_list(text) {
                Some(names) if names.is_empty() => Some(vec![String::new()]),
                other => other,
            },
            _ => Some(vec![text.to_owned()]),
        };
        Self {
            setting,
            value,
            local,
        }
    }
}

/// The words that the server takes for a boolean, with their unambiguous beginnings.
pub(crate) fn parse_boolean(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if text == "1" || text == "on" || begins("true", 1) || begins("yes", 1) {
        Some(true)
    } else if text == "0" || begins("off", 2) || begins("false", 1) || begins("no", 1) {
        Some(false)
    } else {
        None
    }
}

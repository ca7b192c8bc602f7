//! What an operation rests on beside its words, for those who approve it: the session's settings,
//! the definitions of what it touches, the statements that it runs by name, the types of its
//! parameters.

use portcullis_dialect::sql::settings::{Settings, Tracked};

use crate::protocol::postgres::analysis::{Analysed, SessionView};
use crate::session::gate::{Meaning, Meant};

/// All of it, of one operation at this moment.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) view: &'a SessionView,
    pub(super) analysed: &'a Analysed,
    /// The types that Parse gave to the parameters.
    pub(super) types: &'a [u32],
}

// === impl Context ===

impl Meaning for Context<'_> {
    fn facts(&self) -> Vec<Meant> {
        let mut facts = settings(self.view.settings());
        facts.extend(self.view.untracked().map(|value| Meant {
            name: "setting",
            value,
            shown: true,
        }));
        let attributes = &self.analysed.told.operation.attributes;
        for name in attributes.get("prepared").into_iter().flatten() {
            if let Some(prepared) = self.view.prepared().get(name) {
                facts.push(Meant {
                    name: "prepared",
                    value: format!("{name}: {}", prepared.text),
                    shown: true,
                });
            }
        }
        for name in &self.analysed.facts.unread {
            facts.push(Meant {
                name: "unread",
                value: name.to_string(),
                shown: true,
            });
        }
        facts.push(unseen("parameterTypes", format!("{:?}", self.types)));
        facts.push(unseen("definitions", self.definitions()));
        facts
    }
}

impl Context<'_> {
    /// What cannot be told to touch one thing may touch anything: then all definitions count.
    fn definitions(&self) -> String {
        let facts = &self.analysed.facts;
        match facts.touches_are_known {
            true => {
                let operation = &self.analysed.told.operation;
                facts.catalogue.definitions(&facts.touches, operation)
            }
            false => format!("all: {:02x?}", self.view.catalogue_digest()),
        }
    }
}

/// Each setting that is tracked; an approver sees those that are not as in a new session.
fn settings(now: &Settings) -> Vec<Meant> {
    let new = Settings::new(now.database.clone(), now.login_role.clone());
    let told = [
        ("database", now.database.clone(), new.database.clone()),
        ("loginRole", now.login_role.clone(), new.login_role.clone()),
        (
            "session_authorization",
            told(&now.session_authorization, String::clone),
            told(&new.session_authorization, String::clone),
        ),
        (
            "role",
            told(&now.role, String::clone),
            told(&new.role, String::clone),
        ),
        (
            "search_path",
            told(&now.search_path, |path| list(path)),
            told(&new.search_path, |path| list(path)),
        ),
        (
            "standard_conforming_strings",
            told(&now.standard_conforming_strings, on_or_off),
            told(&new.standard_conforming_strings, on_or_off),
        ),
        (
            "client_encoding",
            told(&now.client_encoding, String::clone),
            told(&new.client_encoding, String::clone),
        ),
        (
            "row_security",
            told(&now.row_security, on_or_off),
            told(&new.row_security, on_or_off),
        ),
    ];
    told.into_iter()
        .map(|(name, value, usual)| Meant {
            name,
            shown: value != usual,
            value,
        })
        .collect()
}

fn told<T>(setting: &Tracked<T>, text: impl FnOnce(&T) -> String) -> String {
    setting
        .known()
        .map_or_else(|| "(not known)".to_owned(), text)
}

fn list(path: &[String]) -> String {
    let quoted = path
        .iter()
        .map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
    quoted.collect::<Vec<_>>().join(", ")
}

fn on_or_off(on: &bool) -> String {
    if *on { "on" } else { "off" }.to_owned()
}

fn unseen(name: &'static str, value: String) -> Meant {
    Meant {
        name,
        value,
        shown: false,
    }
}

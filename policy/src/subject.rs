//! Who acts.

use serde_json::{Map, Value};

/// The proven identity behind a session. Made by `identity` from a credential, never from what a
/// client says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The name that policies and approvals compare, with its issuer's prefix.
    pub username: String,
    pub groups: Vec<String>,
    pub issuer: String,
    /// The credential's claims, as its issuer signed them.
    pub claims: Map<String, Value>,
    /// The agent that acts, where `username` is the person on whose behalf it does.
    pub actor: Option<String>,
    /// The accountable person, where the credential names one beside `username`: the mandatory
    /// owner of an API key or a service account.
    pub owner: Option<String>,
    /// The credential names a program and nobody else: a host, or a workload.
    pub is_workload: bool,
}

// === impl Subject ===

impl Subject {
    /// The person who answers for what this subject does, and so may not approve it.
    pub fn accountable(&self) -> &str {
        self.owner.as_deref().unwrap_or(&self.username)
    }

    /// Namespace and name, where the username is a service account's.
    pub fn service_account(&self) -> Option<(&str, &str)> {
        self.username
            .strip_prefix("system:serviceaccount:")?
            .split_once(':')
    }
}

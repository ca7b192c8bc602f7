//! What others read of the configuration in force: status, the admin port, who may decide.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::compile::{Deciders, Name};
use crate::control::refusal::Refusal;
use crate::identity::Identities;

/// The configuration in force, as others need it. Replaced whole.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Empty until a configuration was applied.
    pub revision: String,
    pub connections: BTreeMap<Name, Served>,
    /// What is wrong: with an edit that was refused, or with what closes a Connection.
    pub refused: Vec<Refusal>,
    pub classes: BTreeMap<String, ClassInForce>,
    /// The one Connection of the process is there no more, or opens for nobody.
    pub closed: bool,
}

/// A Connection that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    pub protocol: &'static str,
    pub port: u16,
    pub class: String,
}

/// What a class means while it is in force.
#[derive(Debug, Clone)]
pub struct ClassInForce {
    pub identities: Arc<Identities>,
    /// Groups whose members may look after sessions.
    pub admin_groups: Vec<String>,
    pub deciders: Arc<Deciders>,
}

// === impl Standing ===

impl Standing {
    /// The username under which a user of this machine decides about requests of a Connection.
    pub fn decider(&self, connection: &Name, uid: u32) -> Option<&str> {
        let class = &self.connections.get(connection)?.class;
        self.classes.get(class)?.deciders.username(uid)
    }

    /// The username of a user who may decide about anything at all.
    pub fn any_decider(&self, uid: u32) -> Option<&str> {
        let mut classes = self.classes.values();
        classes.find_map(|class| class.deciders.username(uid))
    }
}

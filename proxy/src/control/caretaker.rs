//! Looking after sessions: to list, follow and end them.
//!
//! Who may is said by each class for the sessions of its own Connections (`spec.admin.groups`). It
//! is asked anew for each act, and for each line that is followed; each act is in the record before
//! anything of it happens.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use portcullis_recording::event::SessionId;

use crate::control::doors::{ClassInForce, Standing};
use crate::secret::Secret;
use crate::session::ports::House;
use crate::session::registry::{Listed, Tail};

/// The longest reason that is taken.
pub const MAX_REASON_BYTES: usize = 1024;

/// Somebody who may look after sessions, of at least one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caretaker {
    /// The username under which they do, by class.
    names: BTreeMap<String, String>,
}

/// What sessions are looked after in.
#[derive(Debug, Clone)]
pub struct Ward {
    pub standing: Arc<ArcSwap<Standing>>,
    pub house: Arc<House>,
}

/// Why somebody may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCaretaker {
    #[error("user id {0} is nobody here; a class names it under spec.identity.osUsers")]
    Nobody(u32),
    #[error(
        "{0} may not look after sessions: none of its groups is in spec.admin.groups of its class"
    )]
    InNoGroup(String),
}

/// What is done with the sessions of a Connection, as the API server knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionVerb {
    List,
    /// To follow one.
    Get,
    Delete,
}

/// Why a bearer is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotLetIn {
    Nobody,
    Forbidden,
    Unavailable,
}

/// Says who a bearer is, if they may do this.
#[async_trait]
pub trait Guard: std::fmt::Debug + Send + Sync {
    async fn may(&self, token: &Secret, verb: SessionVerb) -> Result<String, NotLetIn>;
}

// === impl Caretaker ===

impl Caretaker {
    /// Somebody with a name in some classes; none without any.
    pub fn new(names: BTreeMap<String, String>) -> Option<Self> {
        (!names.is_empty()).then_some(Self { names })
    }

    /// A user of this machine.
    pub fn of_uid(standing: &Standing, uid: u32) -> Result<Self, NoCaretaker> {
        let mut names = BTreeMap::new();
        let mut known = None;
        for (name, class) in &standing.classes {
            let Some(user) = class.deciders.user(uid) else {
                continue;
            };
            if may(class, &user.groups) {
                names.insert(name.clone(), user.username.clone());
            }
            known = Some(&user.username);
        }
        match (Self::new(names), known) {
            (Some(caretaker), _) => Ok(caretaker),
            (None, Some(username)) => Err(NoCaretaker::InNoGroup(username.clone())),
            (None, None) => Err(NoCaretaker::Nobody(uid)),
        }
    }

    /// Under what name for the sessions of a Connection, if at all.
    fn of(&self, standing: &Standing, session: &Listed) -> Option<&str> {
        let connection = (session.namespace.clone(), session.connection.clone());
        let class = &standing.connections.get(&connection)?.class;
        self.names.get(class).map(String::as_str)
    }

    fn any_name(&self) -> &str {
        self.names.values().next().map_or("", String::as_str)
    }
}

// === impl Ward ===

impl Ward {
    /// The open sessions that are theirs to look after.
    pub fn list(&self, caretaker: &Caretaker) -> Result<Vec<Listed>, String> {
        let house = &self.house;
        let listed = house.registry.list_for(house, caretaker.any_name());
        let mut listed = listed.map_err(|error| error.to_string())?;
        let standing = self.standing.load();
        listed.retain(|session| caretaker.of(&standing, session).is_some());
        Ok(listed)
    }

    /// Ends a session. Its client is told by whom and why.
    pub fn kill(&self, caretaker: &Caretaker, session: &str, reason: &str) -> Result<(), String> {
        if reason.trim().is_empty() {
            return Err("say why: the client is told, and it is recorded".to_owned());
        }
        let (session, who) = self.find(caretaker, session, reason)?;
        let house = &self.house;
        let killed = house.registry.kill(house, session.id, &who, reason);
        killed.map_err(|error| error.to_string())
    }

    /// Follows a session until it ends.
    pub fn tail(
        &self,
        caretaker: &Caretaker,
        session: &str,
        reason: &str,
    ) -> Result<(Listed, Tail), String> {
        let (session, who) = self.find(caretaker, session, reason)?;
        let house = &self.house;
        let tail = house.registry.tail(house, session.id, &who, reason);
        let tail = tail.map_err(|error| error.to_string())?;
        Ok((session, tail))
    }

    /// Whether this user of this machine may still look after this session.
    pub fn still_may(&self, uid: u32, session: &Listed) -> bool {
        let caretaker = Caretaker::of_uid(&self.standing.load(), uid);
        caretaker.is_ok_and(|caretaker| self.is_theirs(&caretaker, session))
    }

    /// Whether this caretaker may still look after this session.
    pub fn is_theirs(&self, caretaker: &Caretaker, session: &Listed) -> bool {
        let standing = self.standing.load();
        caretaker.of(&standing, session).is_some()
    }

    /// The session, and the name under which it is looked after. One that is not theirs to look
    /// after is told apart from one that is not there: both are told to people who may look after
    /// some.
    fn find(
        &self,
        caretaker: &Caretaker,
        session: &str,
        reason: &str,
    ) -> Result<(Listed, String), String> {
        if reason.len() > MAX_REASON_BYTES {
            return Err(format!("a reason has at most {MAX_REASON_BYTES} bytes"));
        }
        let id: SessionId = session.parse().map_err(|error| format!("{error}"))?;
        let found = self.house.registry.listed(id);
        let found = found.map_err(|error| error.to_string())?;
        let standing = self.standing.load();
        match caretaker.of(&standing, &found) {
            Some(who) => Ok((found.clone(), who.to_owned())),
            None => Err(format!(
                "{} may not look after sessions of {}/{}",
                caretaker.any_name(),
                found.namespace,
                found.connection
            )),
        }
    }
}

/// Whether members of these groups look after the sessions of a class.
pub fn may(class: &ClassInForce, groups: &[String]) -> bool {
    let mut allowed = class.admin_groups.iter();
    allowed.any(|group| groups.contains(group))
}

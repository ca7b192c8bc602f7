//! Openings that were refused: on record with who, from where and why, as far as that is known.
//!
//! Anybody can cause them, so they must not fill the record. Of whom a credential has proven, so
//! many in each window are recorded one by one, as a session that began and was refused. What is
//! beyond, and every login that failed, is only counted: one notice for each Connection and window
//! says how many there were, and shows the first of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_policy::Class;
use portcullis_policy::mask::MaskSet;
use portcullis_recording::event::{self, Body, Event, Map, Notice, SessionId, Value, notice};

use super::ClientSays;
use super::denial::Denial;
use super::ports::Door;
use super::record::{self, Cleaner};
use crate::identity::Proven;
use crate::metrics::Refused;

/// Refused openings of one Connection are counted together for so long.
pub const WINDOW: Duration = Duration::from_secs(10);

/// The same of those that end while the process drains: what is left of it is recorded before it
/// stops.
pub const DRAINING_WINDOW: Duration = Duration::from_millis(250);

/// The most refused openings of one Connection and window that are recorded one by one.
pub const MAX_SINGLE: u64 = 32;

/// The most that the notice of a window shows.
pub const MAX_SHOWN: usize = 8;

/// The longest name or reason that it shows; what is beyond is cut off.
pub const MAX_SHOWN_TEXT: usize = 200;

/// What was refused since, by namespace and name of the Connection.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(String, String), Window>>);

#[derive(Debug, Default)]
struct Window {
    /// Recorded by themselves.
    single: u64,
    logins: u64,
    openings: u64,
    shown: Vec<Value>,
}

/// Somebody did not prove who they are. What they say of themselves is shown as such.
pub fn login_failed(door: &Arc<Door>, client: IpAddr, user: &str, why: &str) {
    door.house.metrics.refused(door.protocol, Refused::Login);
    add(door, |window| {
        window.logins += 1;
        window.show(client, user, why);
    });
}

/// Somebody named a database that is not open here; their session tells of it.
pub fn database_refused(door: &Door) {
    door.house.metrics.refused(door.protocol, Refused::Database);
}

/// Records that an opening was refused. The denial names the session where that is on record.
pub(super) fn opening(
    door: &Arc<Door>,
    (proven, client, says): (&Proven, IpAddr, &ClientSays),
    id: SessionId,
    denial: Denial,
) -> Denial {
    let by = match denial.class {
        Class::AccessDenied => Refused::Access,
        Class::LimitExceeded => Refused::Limit,
        _ => Refused::Unavailable,
    };
    door.house.metrics.refused(door.protocol, by);
    let is_single = add(door, |window| {
        let is_single = window.single < MAX_SINGLE;
        match is_single {
            true => window.single += 1,
            false => {
                window.openings += 1;
                window.show(client, &proven.subject.username, &denial.message);
            }
        }
        is_single
    });
    match is_single && write(door, (proven, client, says), id, &denial) {
        true => denial.in_session(id),
        false => denial,
    }
}

/// A session that began and was refused.
fn write(
    door: &Door,
    (proven, client, says): (&Proven, IpAddr, &ClientSays),
    id: SessionId,
    denial: &Denial,
) -> bool {
    let started = match door.target.load().snapshot.masks_for(&proven.subject) {
        Ok(masks) => record::started(id, door, proven, client, (says, &masks)),
        // What the client said cannot be cleaned as it has to be.
        Err(_) => {
            let nothing = (&ClientSays::default(), &MaskSet::default());
            record::started(id, door, proven, client, nothing)
        }
    };
    let mut attributes = Map::from([("class".to_owned(), denial.class.as_str().into())]);
    if let Some(policy) = &denial.policy {
        attributes.insert("policy".to_owned(), policy.to_string().into());
    }
    if let Some(rule) = &denial.rule {
        attributes.insert("rule".to_owned(), Value::from(&**rule));
    }
    let ended = event::SessionEnded {
        outcome: "refused".to_owned(),
        reason: denial.message.clone(),
        operations: 0,
        attributes,
    };
    let ended = Event::new(id, Body::SessionEnded(ended));
    [started, ended].iter().all(|event| append(door, event))
}

fn append(door: &Door, event: &Event) -> bool {
    let house = &door.house;
    let appended = house.writer.append(event, house.clock.now());
    if let Err(error) = &appended {
        tracing::warn!(%error, "a refused opening is not recorded");
    }
    appended.is_ok()
}

/// Adds to the window of a Connection. The first opens it, and sees to its end.
fn add<T>(door: &Arc<Door>, what: impl FnOnce(&mut Window) -> T) -> T {
    let key = (door.namespace.clone(), door.name.clone());
    let mut windows = door.house.registry.refusals.lock();
    let is_new = !windows.contains_key(&key);
    let told = what(windows.entry(key).or_default());
    drop(windows);
    if is_new {
        let shutdown = &door.house.shutdown;
        let draining = shutdown.drain.is_cancelled();
        shutdown.sessions.spawn(tell(Arc::clone(door), draining));
    }
    told
}

/// Says at the window's end what was only counted in it; sooner where the process is to stop.
async fn tell(door: Arc<Door>, draining: bool) {
    let shutdown = &door.house.shutdown;
    let (window, end) = match draining {
        false => (WINDOW, &shutdown.drain),
        true => (DRAINING_WINDOW, &shutdown.cut),
    };
    tokio::select! {
        () = tokio::time::sleep(window) => {}
        () = end.cancelled() => {}
    }
    let key = (door.namespace.clone(), door.name.clone());
    let window = door.house.registry.refusals.lock().remove(&key);
    if let Some(told) = window.and_then(|window| window.notice(&door)) {
        append(&door, &Event::new(SessionId::NONE, Body::Notice(told)));
    }
}

// === impl Refusals ===

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Window>> {
        // Counts are whole whatever a thread that died there did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Window ===

impl Window {
    fn show(&mut self, client: IpAddr, user: &str, why: &str) {
        if self.shown.len() >= MAX_SHOWN {
            return;
        }
        let masks = MaskSet::default();
        let text = |text: &str| Value::from(Cleaner::new(&masks).short(text, MAX_SHOWN_TEXT));
        self.shown.push(Value::Map(Map::from([
            ("address".to_owned(), client.to_string().into()),
            ("user".to_owned(), text(user)),
            ("reason".to_owned(), text(why)),
        ])));
    }

    /// None where all of it is recorded already.
    fn notice(self, door: &Door) -> Option<Notice> {
        if self.logins == 0 && self.openings == 0 {
            return None;
        }
        let count = |count: u64| Value::from(i64::try_from(count).unwrap_or(i64::MAX));
        Some(Notice {
            what: notice::OPENINGS_REFUSED.to_owned(),
            attributes: Map::from([
                (
                    "connection".to_owned(),
                    format!("{}/{}", door.namespace, door.name).into(),
                ),
                ("failedLogins".to_owned(), count(self.logins)),
                ("refusedSessions".to_owned(), count(self.openings)),
                ("first".to_owned(), Value::List(self.shown)),
            ]),
        })
    }
}

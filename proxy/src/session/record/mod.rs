//! Session facts to events of the record.
//!
//! The texts, parameters and attributes of an operation go through the detectors of its subject's
//! masks and through those that find credentials, whoever the subject is. What is cut off for its
//! size is marked and counted. An event is built once for an operation and filled anew for each of
//! its executions: that is what makes recording cheap.

mod clean;

use std::sync::Arc;

use portcullis_policy::mask::MaskSet;
use portcullis_policy::{Access, Decision, ObjectName, Resource, Verdict};
use portcullis_recording::event::{self, Body, Event, Map, SessionId, Value};

use super::ClientSays;
use super::gate::Told;
use super::ports::Door;
use crate::identity::{Proven, ProvenBy};
pub use clean::MAX_TEXT_BYTES;
pub(crate) use clean::{Cleaner, Cleaning};

/// The most bytes of all bound parameters of one operation that are recorded.
pub const MAX_PARAMETERS_BYTES: usize = 64 * 1024;

/// The most values that attributes of an operation, or of a client at login, may have in the
/// record.
pub const MAX_ATTRIBUTES: usize = 256;

/// The longest value of an attribute in the record; what is beyond is cut off.
pub const MAX_ATTRIBUTE_BYTES: usize = 1024;

/// The most accesses that are recorded one by one; the rest is counted.
pub const MAX_ACCESSES: usize = 4096;

/// An event with a longer text is not kept for the next execution.
const MAX_KEPT_BYTES: usize = 4 * 1024;

/// Builds the events of one session's operations.
#[derive(Debug)]
pub(crate) struct Recorder {
    session: SessionId,
    kept: Option<Kept>,
}

/// What was judged of one execution.
#[derive(Debug, Default)]
pub(crate) struct Judged<'a> {
    pub(crate) number: u64,
    pub(crate) decision: &'static str,
    pub(crate) class: &'static str,
    pub(crate) policy: Option<&'a ObjectName>,
    pub(crate) rule: Option<&'a str>,
    pub(crate) hash: Option<&'a [u8]>,
    pub(crate) revision: &'a str,
    pub(crate) parameters: &'a [Option<String>],
    pub(crate) would_be: Option<&'a Decision>,
    pub(crate) request: Option<&'a str>,
}

#[derive(Debug)]
struct Kept {
    told: Arc<Told>,
    masks: Arc<MaskSet>,
    event: Event,
}

// === impl Recorder ===

impl Recorder {
    pub(crate) fn new(session: SessionId) -> Self {
        Self {
            session,
            kept: None,
        }
    }

    /// The event of one execution.
    pub(crate) fn operation(
        &mut self,
        told: &Arc<Told>,
        masks: &Arc<MaskSet>,
        judged: &Judged<'_>,
    ) -> &Event {
        let session = self.session;
        let cleaner = Cleaner::new(masks);
        let mut kept = match self.kept.take() {
            Some(kept) if Arc::ptr_eq(&kept.masks, masks) => kept.fit(told, &cleaner),
            _ => Kept::new(session, told, masks, &cleaner),
        };
        if let Body::Operation(operation) = &mut kept.event.body {
            fill(operation, judged, &cleaner);
        }
        &self.kept.insert(kept).event
    }

    /// Called when an event was written: a long one is not worth its memory.
    pub(crate) fn written(&mut self) {
        let long = |kept: &mut Kept| kept.told.operation.text.len() > MAX_KEPT_BYTES;
        self.kept.take_if(long);
    }
}

// === impl Kept ===

impl Kept {
    fn new(
        session: SessionId,
        told: &Arc<Told>,
        masks: &Arc<MaskSet>,
        cleaner: &Cleaner<'_>,
    ) -> Self {
        let operation = event::Operation {
            operation: neutral(told, cleaner),
            ..event::Operation::default()
        };
        Self {
            told: Arc::clone(told),
            masks: Arc::clone(masks),
            event: Event::new(session, Body::Operation(operation)),
        }
    }

    /// The same event for another operation. One that differs in its text alone, as the same
    /// statement with other constants does, takes over all the rest.
    fn fit(mut self, told: &Arc<Told>, cleaner: &Cleaner<'_>) -> Self {
        if Arc::ptr_eq(&self.told, told) {
            return self;
        }
        let Body::Operation(event) = &mut self.event.body else {
            return self;
        };
        let (was, is) = (&self.told.operation, &told.operation);
        let alike = was.effect == is.effect
            && was.verb == is.verb
            && was.flags == is.flags
            && was.attributes == is.attributes
            && was.accesses == is.accesses;
        if alike {
            put_text(&mut event.operation, told.text(), cleaner);
        } else {
            event.operation = neutral(told, cleaner);
        }
        self.told = Arc::clone(told);
        self
    }
}

/// What is of one execution alone.
fn fill(event: &mut event::Operation, judged: &Judged<'_>, cleaner: &Cleaner<'_>) {
    event.number = judged.number;
    set(&mut event.decision, judged.decision);
    set(&mut event.class, judged.class);
    event.policy.clear();
    if let Some(policy) = judged.policy {
        event.policy = policy.to_string();
    }
    set(&mut event.rule, judged.rule.unwrap_or_default());
    event.hash.clear();
    event
        .hash
        .extend_from_slice(judged.hash.unwrap_or_default());
    set(&mut event.revision, judged.revision);
    event.attributes.clear();
    if let Some(request) = judged.request {
        let name = "approvalRequest".to_owned();
        event.attributes.insert(name, request.into());
    }
    put_parameters(&mut event.attributes, judged.parameters, cleaner);
    let would_be = judged.would_be.map(|decision| &decision.would_be);
    if let Some(would_be) = would_be.filter(|all| !all.is_empty()) {
        let told: Vec<Value> = would_be.iter().map(would).collect();
        event.attributes.insert("wouldBe".to_owned(), told.into());
    }
}

fn set(field: &mut String, value: &str) {
    if field != value {
        field.clear();
        field.push_str(value);
    }
}

/// What a policy in audit would have said.
fn would(would: &portcullis_policy::WouldBe) -> Value {
    let verdict = match would.verdict {
        Verdict::Allow => "allow",
        Verdict::Hold(_) => "hold",
        Verdict::Deny => "deny",
    };
    map([
        ("policy", would.policy.to_string().into()),
        ("rule", would.rule.as_deref().unwrap_or_default().into()),
        ("decision", verdict.into()),
    ])
}

/// A text for each parameter; an empty list is NULL.
fn put_parameters(attributes: &mut Map, parameters: &[Option<String>], cleaner: &Cleaner<'_>) {
    if parameters.is_empty() {
        return;
    }
    let mut left = MAX_PARAMETERS_BYTES;
    let mut told = Vec::with_capacity(parameters.len().min(MAX_ATTRIBUTES));
    for parameter in parameters {
        let Some(text) = parameter else {
            told.push(Value::List(Vec::new()));
            continue;
        };
        let Some(rest) = left.checked_sub(text.len()) else {
            break;
        };
        left = rest;
        told.push(cleaner.value(text).into_owned().into());
    }
    let omitted = parameters.len() - told.len();
    attributes.insert("parameters".to_owned(), told.into());
    if omitted > 0 {
        attributes.insert("parametersOmitted".to_owned(), count(omitted).into());
    }
}

/// The whole neutral operation, so that later policies can be tried on it.
fn neutral(told: &Told, cleaner: &Cleaner<'_>) -> Map {
    let operation = &told.operation;
    let accesses = operation.accesses.iter().take(MAX_ACCESSES).map(access);
    let flags = operation.flags.iter().map(|flag| flag.as_str());
    let mut neutral = Map::from([
        ("accesses".to_owned(), Value::List(accesses.collect())),
        ("effect".to_owned(), operation.effect.as_str().into()),
        ("flags".to_owned(), flags.collect::<Vec<_>>().into()),
        ("verb".to_owned(), operation.verb.as_str().into()),
    ]);
    let pairs = operation.attributes.iter();
    let pairs = pairs.flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    put_attributes(&mut neutral, pairs, cleaner);
    let omitted = operation.accesses.len().saturating_sub(MAX_ACCESSES);
    if omitted > 0 {
        neutral.insert("accessesOmitted".to_owned(), count(omitted).into());
    }
    put_text(&mut neutral, told.text(), cleaner);
    neutral
}

fn put_text(neutral: &mut Map, text: &str, cleaner: &Cleaner<'_>) {
    let (text, omitted) = cleaner.text(text);
    match neutral.get_mut("text") {
        Some(Value::Text(kept)) => set(kept, &text),
        _ => {
            neutral.insert("text".to_owned(), text.into_owned().into());
        }
    }
    match omitted {
        0 => neutral.remove("textOmitted"),
        omitted => neutral.insert("textOmitted".to_owned(), count(omitted).into()),
    };
}

fn put_attributes<'a>(
    into: &mut Map,
    pairs: impl Iterator<Item = (&'a String, &'a String)>,
    cleaner: &Cleaner<'_>,
) {
    let mut attributes = Map::new();
    let mut omitted = 0;
    for (at, (name, value)) in pairs.enumerate() {
        if at >= MAX_ATTRIBUTES || name.len() > MAX_ATTRIBUTE_BYTES {
            omitted += 1;
            continue;
        }
        let value = Value::from(cleaner.short(value, MAX_ATTRIBUTE_BYTES));
        match attributes
            .entry(name.clone())
            .or_insert(Value::List(vec![]))
        {
            Value::List(values) => values.push(value),
            _ => omitted += 1,
        }
    }
    into.insert("attributes".to_owned(), attributes.into());
    if omitted > 0 {
        into.insert("attributesOmitted".to_owned(), count(omitted).into());
    }
}

fn access(access: &Access) -> Value {
    let kind = access.resource.kind().as_str();
    let segments: Value = match &access.resource {
        Resource::Named { segments, .. } => {
            let texts: Vec<&str> = segments.iter().map(String::as_str).collect();
            texts.into()
        }
        // Not told by name.
        Resource::Unresolved { .. } => Value::List(Vec::new()),
    };
    map([
        ("effect", access.effect.as_str().into()),
        ("kind", kind.into()),
        ("segments", segments),
    ])
}

/// How a session began.
pub(crate) fn started(
    session: SessionId,
    door: &Door,
    proven: &Proven,
    client: std::net::IpAddr,
    told: (&ClientSays, &MaskSet),
) -> Event {
    let (says, masks) = told;
    let cleaner = Cleaner::new(masks);
    let subject = &proven.subject;
    let credential = match &proven.credential {
        ProvenBy::Token { .. } => "token",
        ProvenBy::ApiKey { .. } => "api-key",
        ProvenBy::Local => "pod",
        ProvenBy::Certificate { .. } => "certificate",
    };
    let mut attributes = Map::from([
        ("issuer".to_owned(), subject.issuer.as_str().into()),
        ("credential".to_owned(), credential.into()),
        ("accountable".to_owned(), subject.accountable().into()),
    ]);
    let mut said = Map::new();
    let pairs = says.attributes.iter().map(|(name, value)| (name, value));
    put_attributes(&mut said, pairs, &cleaner);
    attributes.insert("clientSays".to_owned(), said.into());
    let started = event::SessionStarted {
        subject: subject.username.clone(),
        actor: subject.actor.clone().unwrap_or_default(),
        groups: subject.groups.clone(),
        connection: format!("{}/{}", door.namespace, door.name),
        protocol: door.protocol.to_owned(),
        client_address: client.to_string(),
        attributes,
    };
    Event::new(session, Body::SessionStarted(started))
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
    Value::Map(Map::from(pairs))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

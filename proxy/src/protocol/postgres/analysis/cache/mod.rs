//! Analyses, kept by the exact text, or by its shape.
//!
//! A *shape* is a text with its plain decimal integers left out. One analysis serves all texts of
//! a shape only when
//!
//! - the text holds no quote, dollar, backslash or comment, so that what looks like an integer is
//!   one, and each integer is short enough to be of the same type;
//! - the analysis looked at no constant, and told nothing that could carry one (settings,
//!   prepared statements).
//!
//! The operation always carries the text that was sent: for a shape it is made anew around it.
//!
//! The key holds all else that an analysis rests on ([`Context`]). Prepared statements are not in
//! it, so a text that may run one is never kept.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA256};
use moka::Equivalent;
use portcullis_dialect::sql::secrets::without_secrets;
use portcullis_dialect::sql::settings::{Settings, Tracked};

use super::off_reactor::INLINE_BYTES;
use super::{Analysed, Facts};
use crate::session::gate::Told;
use portcullis_policy::mask::REDACTED;
use portcullis_policy::{Access, Effect, Operation, Resource, ResourceKind};

/// What all analyses of one Connection may take, roughly.
pub const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Longest integer that is left out of a shape: all of these are of type `integer`.
pub const MAX_SHAPED_DIGITS: usize = 9;

/// Longest text that is kept.
const MAX_KEPT_TEXT: usize = 32 * 1024;

/// Stands for an integer in a shape; a text that has a shape holds none itself.
const HOLE: u8 = b'$';

/// Everything but the text that an analysis rests on, as a digest.
pub(super) type Context = [u8; 32];

/// What an analysis is found by.
#[derive(Debug)]
pub(super) struct Key<'a> {
    context: &'a Context,
    text: &'a str,
    shape: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Stored {
    context: Context,
    shaped: bool,
    bytes: Box<[u8]>,
}

/// A [`Stored`] that owns nothing.
#[derive(Debug, Clone, Copy)]
struct Lookup<'a> {
    context: &'a Context,
    shaped: bool,
    bytes: &'a [u8],
}

#[derive(Debug)]
pub(super) struct Cache(moka::sync::Cache<Stored, Arc<Analysed>>);

// === impl Key ===

impl<'a> Key<'a> {
    /// None when an analysis of the text must not be kept.
    pub(super) fn of(context: &'a Context, text: &'a str) -> Option<Self> {
        (text.len() <= MAX_KEPT_TEXT && !may_execute(text)).then(|| Self {
            context,
            text,
            shape: shape(text.as_bytes()),
        })
    }

    fn exact(&self) -> Lookup<'_> {
        Lookup {
            context: self.context,
            shaped: false,
            bytes: self.text.as_bytes(),
        }
    }

    fn shaped(&self) -> Option<Lookup<'_>> {
        self.shape.as_deref().map(|shape| Lookup {
            context: self.context,
            shaped: true,
            bytes: shape,
        })
    }
}

// === impl Lookup ===

impl Lookup<'_> {
    fn to_stored(self) -> Stored {
        Stored {
            context: *self.context,
            shaped: self.shaped,
            bytes: self.bytes.into(),
        }
    }
}

impl Hash for Lookup<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.context.hash(state);
        self.shaped.hash(state);
        self.bytes.hash(state);
    }
}

impl Hash for Stored {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let lookup = Lookup {
            context: &self.context,
            shaped: self.shaped,
            bytes: &self.bytes,
        };
        lookup.hash(state);
    }
}

impl Equivalent<Stored> for Lookup<'_> {
    fn equivalent(&self, stored: &Stored) -> bool {
        self.shaped == stored.shaped
            && *self.bytes == *stored.bytes
            && *self.context == stored.context
    }
}

// === impl Cache ===

impl Cache {
    pub(super) fn new(bytes: u64) -> Self {
        let cache = moka::sync::Cache::builder()
            .max_capacity(bytes)
            .weigher(|key: &Stored, value: &Arc<Analysed>| weight(key, value))
            .build();
        Self(cache)
    }

    pub(super) fn get(&self, key: &Key<'_>, text: &str) -> Option<Arc<Analysed>> {
        let shaped = key.shaped().and_then(|shape| self.0.get(&shape));
        match shaped {
            Some(kept) if kept.told.operation.text == text => Some(kept),
            Some(kept) => kept.with_text(text).map(Arc::new),
            None => self.0.get(&key.exact()),
        }
    }

    pub(super) fn put(&self, key: Key<'_>, text: &str, analysed: &Arc<Analysed>) {
        let lookup = match key.shaped() {
            Some(shape) if !analysed.rests_on_constants(text) => shape,
            _ => key.exact(),
        };
        self.0.insert(lookup.to_stored(), Arc::clone(analysed));
    }

    #[cfg(test)]
    pub(super) fn settle(&self) -> u64 {
        self.0.run_pending_tasks();
        self.0.weighted_size()
    }
}

/// Roughly what an entry takes, with room for its plan.
fn weight(key: &Stored, value: &Analysed) -> u32 {
    const FIXED: usize = 2048;
    const EACH: usize = 160;
    let parts = value.told.operation.accesses.len()
        + value.told.operation.attributes.len()
        + value.statements.len()
        + value.facts.touches.len()
        + value.facts.changes.len();
    let texts = key.bytes.len() * 3;
    u32::try_from(FIXED + parts * EACH + texts).unwrap_or(u32::MAX)
}

// === impl Analysed ===

impl Analysed {
    pub(super) fn new(
        analysis: portcullis_dialect::sql::Analysis,
        catalogue: Arc<portcullis_dialect::sql::catalogue::Catalogue>,
        revision: u64,
    ) -> Self {
        let touches_are_known = analysis.touches_are_known();
        let beside = analysis.beside.map(Arc::new);
        Self {
            told: Arc::new(told(analysis.operation).beside(beside.clone())),
            statements: analysis.statements,
            facts: Arc::new(Facts {
                settings: analysis.settings,
                changes: analysis.changes,
                prepared: analysis.prepared,
                declared: analysis.declared,
                touches: analysis.touches,
                touches_are_known,
                voids_catalogue: analysis.voids_catalogue,
                voids_settings: analysis.voids_settings,
                constants_looked_at: analysis.constants_looked_at,
                runs_when_read: analysis.runs_when_read,
                unreviewed: analysis.unreviewed,
                unread: analysis.unread,
                lacks: analysis.lacks,
                reading: analysis.reading,
                beside,
                catalogue,
                revision,
                planned: super::Planned::default(),
            }),
        }
    }

    /// A text that could not be read: it may do anything.
    pub(in crate::protocol::postgres) fn unread(text: &str) -> Told {
        let kind = ResourceKind::Table;
        told(Operation {
            text: text.to_owned(),
            effect: Effect::Unknown,
            verb: "UNKNOWN".to_owned(),
            accesses: Arc::new(BTreeSet::from([Access {
                effect: Effect::Unknown,
                resource: Resource::Unresolved { kind },
            }])),
            flags: BTreeSet::new(),
            attributes: Arc::default(),
        })
    }

    /// Whether another text of the same shape could mean something else, or is cut elsewhere.
    fn rests_on_constants(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let facts = &self.facts;
        let [statement] = self.statements.as_slice() else {
            return true;
        };
        let around = [text.get(..statement.start), text.get(statement.end..)];
        let plain_around = around
            .into_iter()
            .all(|part| part.is_some_and(|part| !part.iter().any(u8::is_ascii_digit)));
        facts.constants_looked_at
            || !facts.changes.is_empty()
            || !facts.prepared.is_empty()
            || !facts.declared.is_empty()
            || facts.voids_settings
            || facts.voids_catalogue
            || !plain_around
    }

    /// The same for another text of the same shape.
    fn with_text(&self, text: &str) -> Option<Self> {
        let known = &self.told.operation;
        let [statement] = self.statements.as_slice() else {
            return None;
        };
        let behind = known.text.len().checked_sub(statement.end)?;
        let mut statement = statement.clone();
        statement.end = text.len().checked_sub(behind)?;
        let operation = portcullis_policy::Operation {
            text: text.to_owned(),
            effect: known.effect,
            verb: known.verb.clone(),
            flags: known.flags.clone(),
            attributes: Arc::clone(&known.attributes),
            accesses: Arc::clone(&known.accesses),
        };
        Some(Self {
            told: Arc::new(told(operation).beside(self.facts.beside.clone())),
            statements: vec![statement],
            facts: Arc::clone(&self.facts),
        })
    }
}

fn told(operation: portcullis_policy::Operation) -> Told {
    match without_secrets(&operation.text, REDACTED) {
        Some(readable) => Told::with_secrets(operation, readable),
        None => Told::new(operation),
    }
}

/// The settings that an analysis rests on, and the catalogue, as a digest: equal only when all of
/// it is equal.
pub(super) fn context(settings: &Settings, place: &str, revision: u64) -> Context {
    let mut digest = digest::Context::new(&SHA256);
    let mut put = |part: Option<&str>| match part {
        Some(text) => {
            digest.update(&[1]);
            digest.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(text.as_bytes());
        }
        None => digest.update(&[0]),
    };
    put(Some(place));
    put(Some(&settings.database));
    put(Some(&settings.login_role));
    put(known(&settings.session_authorization));
    put(known(&settings.role));
    put(known(&settings.client_encoding));
    put(known(&settings.server_encoding));
    put(settings
        .standard_conforming_strings
        .known()
        .map(|on| flag(*on)));
    put(settings.row_security.known().map(|on| flag(*on)));
    match &settings.temporary_schema {
        Tracked::Void => put(None),
        Tracked::Known(schema) => {
            put(Some("temporary"));
            put(schema.as_deref());
        }
    }
    match &settings.search_path {
        Tracked::Void => put(None),
        Tracked::Known(path) => {
            put(Some(&path.len().to_string()));
            for schema in path {
                put(Some(schema));
            }
        }
    }
    digest.update(&revision.to_be_bytes());
    let mut context = [0; 32];
    context.copy_from_slice(digest.finish().as_ref());
    context
}

fn known(value: &Tracked<String>) -> Option<&str> {
    value.known().map(String::as_str)
}

fn flag(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// Whether a text may run a prepared statement: the word is nowhere in it otherwise.
pub(in crate::protocol::postgres) fn may_execute(text: &str) -> bool {
    const WORD: &[u8] = b"execute";
    text.as_bytes()
        .windows(WORD.len())
        .any(|window| window.eq_ignore_ascii_case(WORD))
}

/// The text with its plain integers left out; None when it has no shape.
pub(super) fn shape(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > INLINE_BYTES {
        return None;
    }
    let mut shape = Vec::with_capacity(text.len());
    let mut before = b' ';
    let mut bytes = text.iter().copied().enumerate();
    while let Some((at, byte)) = bytes.next() {
        let pair = (byte, text.get(at + 1).copied().unwrap_or(b' '));
        if matches!(byte, b'\'' | b'"' | b'$' | b'\\')
            || pair == (b'-', b'-')
            || pair == (b'/', b'*')
        {
            return None;
        }
        if byte.is_ascii_digit() {
            let rest = text.get(at..).unwrap_or_default();
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let after = rest.get(digits).copied().unwrap_or(b' ');
            let plain = digits <= MAX_SHAPED_DIGITS && !joins(before) && !joins(after);
            match plain {
                true => shape.push(HOLE),
                false => shape.extend_from_slice(rest.get(..digits).unwrap_or_default()),
            }
            // The first digit is taken already.
            if digits > 1 {
                bytes.nth(digits - 2);
            }
            before = b'0';
        } else {
            shape.push(byte);
            before = byte;
        }
    }
    Some(shape)
}

/// A byte that makes a digit beside it part of something larger than an integer.
fn joins(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || !byte.is_ascii()
}

#[cfg(test)]
mod tests;

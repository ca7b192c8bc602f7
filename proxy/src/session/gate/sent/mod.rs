//! What a client sends beside the text of an operation, such as the rows of a COPY: counted, and
//! recorded as `payloads` says, through the detectors as texts are.
//!
//! It is in the record before the target hears that it is complete, so that nothing is taken over
//! which the record lacks. Memory is bounded: one piece, and what the detectors hold.

use portcullis_policy::mask::scan::CARRY_LIMIT;
use portcullis_recording::event::{self, Body, Event};

use super::running::{CAPPED_BYTES, Running};
use crate::session::denial::Denial;
use crate::session::ports::Payloads;
use crate::session::record::{Cleaner, Cleaning, MAX_ATTRIBUTE_BYTES};

/// So much of it goes through the detectors where payloads are capped: what is found across the
/// cut is found all the same.
const LOOKED_AT: usize = CAPPED_BYTES + CARRY_LIMIT;

/// What was sent so far.
#[derive(Debug)]
pub(super) struct Sent {
    payloads: Payloads,
    cleaning: Cleaning,
    /// What is kept and not yet in the record.
    piece: Vec<u8>,
    /// Where `piece` begins in what is kept.
    offset: u64,
    bytes: u64,
    /// How much the record says that it lacks.
    omitted: u64,
    rows: Option<u64>,
    abandoned: Option<String>,
}

impl Running {
    /// Bytes that the client sends for it. An error means that they cannot be recorded, and must
    /// not be taken over.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), Denial> {
        let payloads = self.allowed.current.target.recording.payloads;
        let cleaner = Cleaner::new(&self.allowed.current.masks);
        let new = || Box::new(Sent::new(payloads, &cleaner));
        let sent = self.sent.get_or_insert_with(new);
        sent.take(bytes);
        match sent.is_full() {
            true => self.record_sent(),
            false => Ok(()),
        }
    }

    /// The client sent all of it: called before the target is told so.
    pub fn received(&mut self) -> Result<(), Denial> {
        let Some(sent) = &mut self.sent else {
            return Ok(());
        };
        sent.finish();
        self.record_sent()
    }

    /// The client gave up what it was sending, and said why.
    pub fn abandon(&mut self, why: &str) {
        let cleaner = Cleaner::new(&self.allowed.current.masks);
        let payloads = self.allowed.current.target.recording.payloads;
        let new = || Box::new(Sent::new(payloads, &cleaner));
        let sent = self.sent.get_or_insert_with(new);
        sent.abandoned = Some(cleaner.short(why, MAX_ATTRIBUTE_BYTES));
    }

    /// The target took over so many rows of it.
    pub fn took_over(&mut self, rows: u64) {
        if let Some(sent) = &mut self.sent {
            let before = sent.rows.unwrap_or_default();
            sent.rows = Some(before.saturating_add(rows));
        }
    }

    /// What of it is not in the record yet, and what is told of it with the end.
    pub(super) fn end_sent(&mut self, put: &mut impl FnMut(&str, event::Value)) {
        let Some(mut sent) = self.sent.take() else {
            return;
        };
        sent.finish();
        if let Some(body) = sent.body(self.number()) {
            self.defer(body);
        }
        let integer = |number: u64| event::Value::from(i64::try_from(number).unwrap_or(i64::MAX));
        put("sentBytes", integer(sent.bytes));
        if let Some(rows) = sent.rows {
            put("writtenRows", integer(rows));
        }
        if let Some(why) = sent.abandoned {
            put("abandoned", why.into());
        }
    }

    /// What is kept and not yet in the record goes there now.
    fn record_sent(&mut self) -> Result<(), Denial> {
        let number = self.number();
        let Some(body) = self.sent.as_mut().and_then(|sent| sent.body(number)) else {
            return Ok(());
        };
        let event = Event::new(self.busy.entry().id, body);
        let house = self.busy.house();
        let Err(error) = house.writer.append(&event, house.clock.now()) else {
            return Ok(());
        };
        let denies = self.allowed.current.target.recording.deny_on_failure;
        tracing::warn!(%error, denies, "what a client sends cannot be recorded");
        match denies {
            true => Err(Denial::unrecorded()),
            false => Ok(()),
        }
    }
}

// === impl Sent ===

impl Sent {
    fn new(payloads: Payloads, cleaner: &Cleaner<'_>) -> Self {
        Self {
            payloads,
            cleaning: cleaner.begin(),
            piece: Vec::new(),
            offset: 0,
            bytes: 0,
            omitted: 0,
            rows: None,
            abandoned: None,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let before = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        let looked_at = match self.payloads {
            Payloads::Metadata => 0,
            Payloads::Capped => LOOKED_AT.saturating_sub(before).min(bytes.len()),
            Payloads::Full => bytes.len(),
        };
        let bytes = bytes.get(..looked_at).unwrap_or_default();
        if !bytes.is_empty() {
            self.cleaning.push(bytes, &mut self.piece);
        }
    }

    /// What comes next is looked at by itself.
    fn finish(&mut self) {
        self.cleaning.finish(&mut self.piece);
    }

    /// A piece that must be recorded before more can be kept.
    fn is_full(&self) -> bool {
        self.payloads == Payloads::Full && self.piece.len() >= CAPPED_BYTES
    }

    /// The event of what is kept, and of what is left out behind it; none where there is neither.
    fn body(&mut self, number: u64) -> Option<Body> {
        let cap = CAPPED_BYTES as u64;
        let mut data = std::mem::take(&mut self.piece);
        let mut omitted = 0;
        if self.payloads == Payloads::Capped && self.bytes > cap {
            let room = cap.saturating_sub(self.offset);
            data.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            omitted = (self.bytes - cap).saturating_sub(self.omitted);
        }
        if data.is_empty() && omitted == 0 {
            return None;
        }
        let offset = self.offset;
        self.offset += data.len() as u64;
        self.omitted += omitted;
        Some(Body::Input(event::Input {
            number,
            offset,
            data,
            omitted_bytes: omitted,
        }))
    }
}

#[cfg(test)]
mod tests;

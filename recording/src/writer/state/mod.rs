//! What the writer's lock guards: the open segment, the chain, and what waits for the store.

mod segments;
mod sync;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::checkpoint::{Head, SigningKey};
use crate::encoder::{Encoder, Mark};
use crate::event::{Body, Event, Map, Notice, SessionId, Timestamp, Value, notice};
use crate::format::{Flags, MAX_PAYLOAD_BYTES, encode_event};
use crate::spool::disk::{self, Disk, SegmentFile};
use crate::spool::recover::{Cut, Tail};
use crate::spool::{Inventory, SPOOL_RESERVE_BYTES, Spool, SpoolConfig};
use crate::writer::ledger::{Ledger, Shares};
use crate::writer::packer::Packer;
use crate::writer::session_start::SessionStart;
use crate::writer::{AppendError, CLOCK_TOLERANCE, MAX_DEFERRED_BYTES, Position, Progress};

pub(in crate::writer) use segments::is_due;
pub(in crate::writer) use sync::SyncJob;

#[derive(Debug)]
pub(in crate::writer) struct State {
    pub(in crate::writer) config: SpoolConfig,
    pub(in crate::writer) spool: Spool,
    pub(in crate::writer) disk: Arc<dyn Disk>,
    pub(in crate::writer) key: SigningKey,
    pub(in crate::writer) ledger: Ledger,
    encoder: Encoder,
    open: Option<Open>,
    /// The highest number that a segment has.
    number: u64,
    /// A sealed segment that is not synced yet. There is never a second one.
    unsynced: Option<(u64, Arc<dyn SegmentFile>)>,
    pub(in crate::writer) sealed: BTreeMap<u64, Sealed>,
    pub(in crate::writer) keys: BTreeMap<SessionId, u64>,
    /// Bytes of sealed segments, of keys, and of all else in the folder.
    waiting: u64,
    last_time: Timestamp,
    /// The last frame that is in its file.
    written: u64,
    /// The last frame that is known to be on the disk.
    synced: u64,
    /// The last segment whose name is known to be on the disk.
    named: u64,
    pub(in crate::writer) synced_at: Timestamp,
    /// Whether something was written that no head covers.
    unsigned: bool,
    /// The last head, and the last one of which all is synced.
    signed_head: Option<Head>,
    pub(in crate::writer) durable_head: Option<Head>,
    /// The start of this run is still to be told.
    restart: Option<Restart>,
    stopped: Option<String>,
    /// For payloads on their way to encryption.
    clear: Vec<u8>,
    packer: Packer,
}

/// The segment that is being written.
#[derive(Debug)]
struct Open {
    number: u64,
    file: Arc<dyn SegmentFile>,
    /// Bytes of it that are whole frames in the file.
    offset: u64,
    opened_at: Timestamp,
    /// Whether there is more in it than its start.
    has_frames: bool,
}

#[derive(Debug)]
pub(in crate::writer) struct Sealed {
    pub(in crate::writer) bytes: u64,
    shares: Shares,
    /// Its last frame; 0 for what an earlier run left.
    last: u64,
}

#[derive(Debug)]
struct Restart {
    cut: Option<Cut>,
}

/// Where to go back to when an event does not get into the file.
#[derive(Debug, Clone, Copy)]
struct Point {
    mark: Mark,
    last_time: Timestamp,
}

// === impl State ===

impl State {
    pub(in crate::writer) fn new(
        (config, spool, disk): (SpoolConfig, Spool, Arc<dyn Disk>),
        key: SigningKey,
        tail: Tail,
        now: Timestamp,
    ) -> io::Result<Self> {
        let open = if tail.sealed {
            None
        } else {
            let file = disk.open(&spool.segment_path(tail.number))?;
            let Tail {
                number,
                offset,
                has_frames,
                ..
            } = tail;
            Some(Open {
                number,
                file,
                offset,
                opened_at: now,
                has_frames,
            })
        };
        Ok(Self {
            ledger: Ledger::default(),
            encoder: Encoder::new(tail.chain),
            open,
            number: tail.number,
            unsynced: None,
            sealed: BTreeMap::new(),
            keys: BTreeMap::new(),
            waiting: 0,
            last_time: tail.time,
            written: tail.chain.last(),
            synced: 0,
            named: 0,
            synced_at: now,
            unsigned: tail.has_frames && !tail.sealed,
            signed_head: None,
            durable_head: None,
            restart: (tail.number > 0 || tail.cut.is_some()).then_some(Restart { cut: tail.cut }),
            stopped: None,
            clear: Vec::new(),
            packer: Packer::default(),
            config,
            spool,
            disk,
            key,
        })
    }

    /// Takes over what an earlier run left in the spool's folder.
    pub(in crate::writer) fn take_over(&mut self, inventory: Inventory) {
        let until = self
            .open
            .as_ref()
            .map_or(self.number + 1, |open| open.number);
        for (number, bytes) in inventory.segments {
            if number < until {
                let shares = Shares::new();
                self.sealed.insert(
                    number,
                    Sealed {
                        bytes,
                        shares,
                        last: 0,
                    },
                );
                self.waiting += bytes;
            }
        }
        for (session, bytes) in inventory.keys {
            self.keys.insert(session, bytes);
            self.waiting += bytes;
        }
        self.waiting += inventory.aside + inventory.other;
    }

    pub(in crate::writer) fn written(&self) -> u64 {
        self.written
    }

    /// All that the spool takes on disk, and what is about to.
    pub(in crate::writer) fn used(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |open| open.offset);
        self.waiting + open + self.encoder.bytes().len() as u64
    }

    pub(in crate::writer) fn progress(&self) -> Progress {
        let open = self.open.as_ref();
        let empty = open.is_some_and(|open| !open.has_frames);
        let last = self.number.saturating_sub(u64::from(empty));
        let writing = open.filter(|open| open.has_frames).map(|it| it.number);
        let waiting = self.sealed.keys().next().copied().or(writing);
        Progress {
            last,
            stored: waiting.map_or(last, |first| first.saturating_sub(1)),
        }
    }

    pub(in crate::writer) fn check_running(&self) -> Result<(), AppendError> {
        self.stopped
            .clone()
            .map_or(Ok(()), |why| Err(AppendError::Stopped(why)))
    }

    pub(in crate::writer) fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// Fails closed from here on: what is on the disk is no longer known.
    pub(in crate::writer) fn stop(&mut self, what: &str, error: &io::Error) {
        self.stopped
            .get_or_insert_with(|| format!("{what}: {error}"));
    }

    /// Puts an event in the record. With `write` it is in its file afterwards, else it waits for
    /// the next write.
    pub(in crate::writer) fn append(
        &mut self,
        event: &Event,
        now: Timestamp,
        start: Option<SessionStart>,
        write: bool,
    ) -> Result<Position, AppendError> {
        self.check_running()?;
        self.ensure_room_in_segment(now)?;
        let point = self.point();
        let before = self.encoder.bytes().len();
        let staged = self.stage(event, now, start.as_ref()).and_then(|subject| {
            let bytes = (self.encoder.bytes().len() - before) as u64;
            self.check_bounds(event, subject, bytes)?;
            let late = self.encoder.bytes().len() > MAX_DEFERRED_BYTES;
            let written = if write || late { self.write() } else { Ok(()) };
            written.map(|()| (subject, bytes))
        });
        let (subject, bytes) = staged.inspect_err(|_| self.go_back(point))?;
        self.settle(event, start, subject, bytes);
        let segment = self.number;
        Ok(Position {
            segment,
            sequence: self.encoder.chain().last(),
        })
    }

    /// Books an event that is in.
    fn settle(
        &mut self,
        event: &Event,
        start: Option<SessionStart>,
        mut subject: Option<usize>,
        bytes: u64,
    ) {
        self.unsigned = true;
        if let Some(open) = &mut self.open {
            open.has_frames = true;
        }
        if let Body::SessionStarted(started) = &event.body {
            let (cipher, key_bytes) =
                start.map_or((None, 0), |start| (Some(start.cipher), start.file_bytes));
            if key_bytes > 0 {
                self.keys.insert(event.session, key_bytes);
                self.waiting += key_bytes;
            }
            subject = Some(self.ledger.start(event.session, &started.subject, cipher));
        }
        if let Some(subject) = subject {
            self.ledger.charge(subject, bytes);
        }
        if matches!(event.body, Body::SessionEnded(_)) {
            self.ledger.end(event.session);
        }
    }

    /// Encodes an event, and gives the place of its subject if that is known already.
    fn stage(
        &mut self,
        event: &Event,
        now: Timestamp,
        start: Option<&SessionStart>,
    ) -> Result<Option<usize>, AppendError> {
        let (subject, cipher) = match &event.body {
            Body::SessionStarted(_) => {
                self.ledger.check_new(event.session)?;
                (None, start.map(|start| &start.cipher))
            }
            _ if event.session.is_none() => (None, None),
            _ => {
                let session = self.ledger.session(event.session)?;
                (Some(session.subject), session.cipher.as_ref())
            }
        };
        let time = stage_clock(&mut self.encoder, &mut self.last_time, now)?;
        if let Some(start) = start {
            self.encoder
                .session_key(event.session, &start.frame, time)?;
        }
        let Some(cipher) = cipher else {
            self.encoder.event(event, time)?;
            return Ok(subject);
        };
        let clear = &mut self.clear;
        clear.clear();
        encode_event(event, clear)?;
        let mut header = self.encoder.header(event.body.kind(), event.session, time);
        header.flags = Flags::ENCRYPTED;
        let packed = self.packer.pack(clear);
        if packed.is_some() {
            header.flags = header.flags.with(Flags::COMPRESSED);
        }
        let clear = packed.unwrap_or(clear);
        self.encoder.frame(&header, |out, header| {
            cipher
                .seal(&header.encode(), clear, out)
                .map_err(AppendError::Crypt)
        })?;
        Ok(subject)
    }

    fn check_bounds(
        &self,
        event: &Event,
        subject: Option<usize>,
        bytes: u64,
    ) -> Result<(), AppendError> {
        // What tells an end may use the reserve, or a full spool could not say how things ended.
        let ends = matches!(
            event.body,
            Body::SessionEnded(_) | Body::OperationEnded(_) | Body::AdminAct(_) | Body::Notice(_)
        );
        let reserve = if ends { 0 } else { SPOOL_RESERVE_BYTES };
        let (used, max) = (self.used(), self.config.max_bytes);
        if used.saturating_add(reserve) > max {
            return Err(AppendError::SpoolFull {
                used: used - bytes,
                max,
            });
        }
        let share = match (&event.body, subject) {
            (Body::SessionStarted(started), _) => self.ledger.used_by_name(&started.subject),
            (_, Some(subject)) => self.ledger.used_by(subject),
            (_, None) => return Ok(()),
        };
        let max = self.config.max_subject_bytes;
        if !ends && share.saturating_add(bytes) > max {
            return Err(AppendError::SubjectShareExceeded { used: share, max });
        }
        Ok(())
    }

    /// Whether nothing is staged.
    pub(in crate::writer) fn is_written(&self) -> bool {
        self.encoder.bytes().is_empty()
    }

    /// Writes what is staged at the end of the open segment.
    ///
    /// A write that got halfway is cut off again, so that the chain has no gap and no torn frame
    /// while the writer runs. A full disk is an answer for now; after any other error, or when
    /// the cut fails, the writer stops.
    pub(in crate::writer) fn write(&mut self) -> Result<(), AppendError> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let bytes = self.encoder.bytes();
        let Err((written, error)) = disk::write_all_at(open.file.as_ref(), bytes, open.offset)
        else {
            open.offset += bytes.len() as u64;
            self.written = self.encoder.chain().last();
            self.encoder.clear();
            return Ok(());
        };
        if written > 0
            && let Err(error) = open.file.set_len(open.offset)
        {
            self.stop("a torn write could not be cut off", &error);
            return Err(AppendError::Disk(error));
        }
        if disk::is_full(error.kind()) {
            return Err(AppendError::DiskFull(error));
        }
        self.stop("a write failed", &error);
        Err(AppendError::Disk(error))
    }

    pub(in crate::writer) fn forget_segment(&mut self, number: u64) {
        if let Some(sealed) = self.sealed.remove(&number) {
            self.waiting = self.waiting.saturating_sub(sealed.bytes);
            self.ledger.release(&sealed.shares);
        }
    }

    pub(in crate::writer) fn forget_key(&mut self, session: SessionId) {
        let bytes = self.keys.remove(&session).unwrap_or(0);
        self.waiting = self.waiting.saturating_sub(bytes);
    }

    fn point(&self) -> Point {
        Point {
            mark: self.encoder.mark(),
            last_time: self.last_time,
        }
    }

    fn go_back(&mut self, point: Point) {
        self.encoder.roll_back(point.mark);
        self.last_time = point.last_time;
    }
}

/// The time that the next frame carries. Callers read the clock before they get the lock, so
/// small steps back are their order and not the clock's; a larger one is told in the record.
fn stage_clock(
    encoder: &mut Encoder,
    last: &mut Timestamp,
    now: Timestamp,
) -> Result<Timestamp, AppendError> {
    if last.since(now) > CLOCK_TOLERANCE {
        let number = |time: Timestamp| Value::Integer(i64::try_from(time.0).unwrap_or(i64::MAX));
        let attributes =
            [("from", *last), ("to", now)].map(|(name, time)| (name.to_owned(), number(time)));
        let what = notice::CLOCK_STEPPED_BACK.to_owned();
        let told = Notice {
            what,
            attributes: Map::from(attributes),
        };
        encoder.event(&Event::new(SessionId::NONE, Body::Notice(told)), now)?;
        *last = now;
    } else {
        *last = now.max(*last);
    }
    Ok(*last)
}

const _: () = assert!(MAX_DEFERRED_BYTES < MAX_PAYLOAD_BYTES);

//! Segments begin and end: starting, signing, sealing.

use std::io;

use super::{Open, Sealed, State, stage_clock};
use crate::checkpoint::{HeadKind, SigningKey};
use crate::event::{Body, Event, Map, Notice, SessionId, Timestamp, Value, notice};
use crate::spool::disk;
use crate::spool::recover::Cut;
use crate::writer::AppendError;

// === impl State ===

impl State {
    /// Makes sure that there is an open segment with room, and that this run was announced.
    pub(in crate::writer) fn ensure_room_in_segment(
        &mut self,
        now: Timestamp,
    ) -> Result<(), AppendError> {
        if self.restart.is_some() {
            return self.announce_restart(now);
        }
        match &self.open {
            None => self.start(now),
            Some(open) if open.offset >= self.config.segment_bytes && open.has_frames => {
                self.roll(now)
            }
            Some(_) => Ok(()),
        }
    }

    /// Seals what an earlier run left open, and says that a new run begins.
    fn announce_restart(&mut self, now: Timestamp) -> Result<(), AppendError> {
        match &self.open {
            Some(open) if open.has_frames => self.roll(now)?,
            Some(_) => {}
            None => self.start(now)?,
        }
        let cut = self
            .restart
            .as_ref()
            .and_then(|restart| restart.cut.as_ref());
        let told = restart_notice(cut);
        self.note(&told, now)?;
        self.restart = None;
        Ok(())
    }

    /// Writes an event of the writer's own.
    fn note(&mut self, event: &Event, now: Timestamp) -> Result<(), AppendError> {
        let point = self.point();
        let staged = stage_clock(&mut self.encoder, &mut self.last_time, now)
            .and_then(|time| Ok(self.encoder.event(event, time)?));
        staged
            .and_then(|()| self.write())
            .inspect_err(|_| self.go_back(point))?;
        self.settle(event, None, None, 0);
        Ok(())
    }

    /// Signs the chain as it stands, if something came since the last head. Not while the segment
    /// ahead is not synced: recovery takes a checkpoint as proof that it was.
    pub(in crate::writer) fn checkpoint(&mut self, now: Timestamp) -> Result<(), AppendError> {
        if self.unsigned && self.unsynced.is_none() && self.open.is_some() {
            self.sign(HeadKind::Checkpoint, now)?;
        }
        Ok(())
    }

    fn sign(&mut self, kind: HeadKind, now: Timestamp) -> Result<(), AppendError> {
        let point = self.point();
        let place = (&self.spool.writer, self.number);
        let signed = stage_clock(&mut self.encoder, &mut self.last_time, now)
            .and_then(|time| Ok(self.encoder.sign(kind, place, &self.key, time)?))
            .and_then(|head| self.write().map(|()| head));
        let head = signed.inspect_err(|_| self.go_back(point))?;
        self.signed_head = Some(head);
        self.unsigned = false;
        Ok(())
    }

    /// Seals the open segment if it is due, or in any case if there is something in it.
    pub(in crate::writer) fn seal(
        &mut self,
        now: Timestamp,
        due: bool,
    ) -> Result<bool, AppendError> {
        let Some(open) = &self.open else {
            return Ok(false);
        };
        let late = !due || is_due(open.opened_at, now, self.config.seal_after);
        if !open.has_frames || !late {
            return Ok(false);
        }
        self.roll(now)?;
        Ok(true)
    }

    /// Seals the open segment and starts the next.
    fn roll(&mut self, now: Timestamp) -> Result<(), AppendError> {
        self.sync_sealed()?;
        self.sign(HeadKind::Seal, now)?;
        if let Some(open) = self.open.take() {
            let shares = self.ledger.seal();
            self.sealed.insert(
                open.number,
                Sealed {
                    bytes: open.offset,
                    shares,
                    last: self.written,
                },
            );
            self.waiting += open.offset;
            self.unsynced = Some((open.number, open.file));
        }
        self.start(now)
    }

    fn start(&mut self, now: Timestamp) -> Result<(), AppendError> {
        let number = self.number + 1;
        let path = self.spool.segment_path(number);
        let created = match self.disk.create(&path) {
            // Left by a start that failed and could not be taken back; nothing is in it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self
                .disk
                .open(&path)
                .and_then(|file| file.set_len(0).map(|()| file)),
            created => created,
        };
        let file = created.map_err(|error| self.cannot_start(error))?;
        // The next event tells if the clock stepped back; here it only must not seem so.
        let time = now.max(self.last_time);
        let point = self.point();
        self.encoder
            .start_segment(&self.spool.writer, number, time)?;
        self.open = Some(Open {
            number,
            file,
            offset: 0,
            opened_at: now,
            has_frames: false,
        });
        if let Err(error) = self.write() {
            self.go_back(point);
            self.open = None;
            // If it stays, the next attempt empties it.
            let _ = self.disk.remove(&path);
            return Err(error);
        }
        self.last_time = time;
        self.number = number;
        Ok(())
    }

    fn cannot_start(&mut self, error: io::Error) -> AppendError {
        if disk::is_full(error.kind()) {
            return AppendError::DiskFull(error);
        }
        self.stop("a segment could not be started", &error);
        AppendError::Disk(error)
    }

    /// Signs with another key from the next segment on. The last head of the old key says that
    /// this was meant.
    pub(in crate::writer) fn rotate(
        &mut self,
        key: SigningKey,
        now: Timestamp,
    ) -> Result<(), AppendError> {
        self.check_running()?;
        self.ensure_room_in_segment(now)?;
        let attributes = [("from", self.key.id()), ("to", key.id())]
            .map(|(name, id)| (name.to_owned(), Value::Text(id.to_string())));
        let what = notice::KEY_ROTATED.to_owned();
        let told = Notice {
            what,
            attributes: Map::from(attributes),
        };
        self.note(&Event::new(SessionId::NONE, Body::Notice(told)), now)?;
        self.roll(now)?;
        self.key = key;
        Ok(())
    }
}

/// Whether something is due. A clock that stepped back makes it due at once, or it might not be
/// for a long time.
pub(in crate::writer) fn is_due(
    last: Timestamp,
    now: Timestamp,
    every: std::time::Duration,
) -> bool {
    now < last || now.since(last) >= every
}

fn restart_notice(cut: Option<&Cut>) -> Event {
    let mut attributes = Map::new();
    if let Some(cut) = cut {
        let bytes = i64::try_from(cut.bytes).unwrap_or(i64::MAX);
        let hashes: Vec<String> = cut.sha256.iter().map(ToString::to_string).collect();
        let kept = if cut.kept { "yes" } else { "no" };
        attributes.insert("cutBytes".to_owned(), Value::Integer(bytes));
        attributes.insert("cutKept".to_owned(), kept.into());
        attributes.insert("cutSha256".to_owned(), hashes.into());
    }
    let what = notice::WRITER_RESTARTED.to_owned();
    Event::new(SessionId::NONE, Body::Notice(Notice { what, attributes }))
}

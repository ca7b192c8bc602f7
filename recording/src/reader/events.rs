//! Events, one after the other.

use std::collections::VecDeque;

use super::keyring::{KeyError, Keyring};
use super::payload::event_of;
use super::{ReadError, Recordings};
use crate::chain::{Break, Chain, Walk};
use crate::event::{Event, SessionId, Timestamp, WriterId};
use crate::format::{Flags, FormatError, Frame, FrameHeader, Parsed, kind};
use crate::layout::{SegmentName, TimeSpan};
use crate::seal::UnsealError;

/// What to read.
#[derive(Debug, Clone)]
pub struct Query {
    /// One writer, or all.
    pub writer: Option<WriterId>,
    /// One session, or all. Reading ends with the session's end.
    pub session: Option<SessionId>,
    pub span: TimeSpan,
}

/// An event and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub writer: WriterId,
    pub segment: u64,
    pub sequence: u64,
    pub time: Timestamp,
    pub session: SessionId,
    pub payload: Payload,
}

/// What is known of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    Event(Box<Event>),
    /// It is there, but cannot be told.
    Unreadable {
        kind: u16,
        why: Unreadable,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Unfold(#[from] UnsealError),
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// A stream of events; see [`Events::next`].
#[derive(Debug)]
pub struct Events {
    recordings: Recordings,
    query: Query,
    keys: Keyring,
    writers: Option<VecDeque<WriterId>>,
    /// The writer that is being read, and what is left of it.
    segments: Option<(WriterId, VecDeque<SegmentName>)>,
    current: Option<Current>,
    done: bool,
}

/// The one segment in memory.
#[derive(Debug)]
struct Current {
    writer: WriterId,
    name: SegmentName,
    bytes: Vec<u8>,
    offset: usize,
    chain: Chain,
    /// A frame that is wanted and was not given yet.
    found: Option<Place>,
}

/// A frame's place in the current segment.
#[derive(Debug, Clone, Copy)]
struct Place {
    header: FrameHeader,
    offset: usize,
}

// === impl Query ===

impl Query {
    /// Everything.
    pub fn all() -> Self {
        Self {
            writer: None,
            session: None,
            span: TimeSpan::ALL,
        }
    }

    pub fn session(session: SessionId) -> Self {
        Self {
            session: Some(session),
            ..Self::all()
        }
    }

    pub fn span(span: TimeSpan) -> Self {
        Self {
            span,
            ..Self::all()
        }
    }

    fn wants(&self, header: &FrameHeader) -> bool {
        header.kind >= kind::FIRST_EVENT
            && self.span.contains(header.time)
            && self.session.is_none_or(|session| session == header.session)
    }

    fn wants_segment(&self, name: &SegmentName) -> bool {
        name.sealed
            .is_none_or(|content| content.span.overlaps(&self.span))
    }
}

// === impl Events ===

impl Events {
    pub(super) fn new(recordings: Recordings, query: Query, keys: Keyring) -> Self {
        Self {
            recordings,
            query,
            keys,
            writers: None,
            segments: None,
            current: None,
            done: false,
        }
    }

    /// The next event, or what is wrong where it should be.
    ///
    /// After a segment that is damaged the next call goes on with the one after it;
    /// where the store failed, the same is tried again. A caller that stops at the
    /// first error is safe; one that goes on must say what it left out.
    pub async fn next(&mut self) -> Option<Result<Record, ReadError>> {
        loop {
            if self.done {
                return None;
            }
            let Some(current) = &mut self.current else {
                match self.advance().await {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            };
            match current.next_wanted(&self.query) {
                Ok(Some(place)) => match self.record(place).await {
                    Ok(Some(record)) => return Some(Ok(record)),
                    Ok(None) => {}
                    Err(error) => return Some(Err(error)),
                },
                Ok(None) => self.current = None,
                Err(error) => {
                    self.current = None;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Takes up the next segment, or the next writer's list, or finds the end.
    async fn advance(&mut self) -> Result<(), ReadError> {
        if self.writers.is_none() {
            let writers = match &self.query.writer {
                Some(writer) => vec![writer.clone()],
                None => self.recordings.writers().await?,
            };
            self.writers = Some(writers.into());
        }
        if let Some((writer, left)) = &mut self.segments
            && let Some(name) = left.front().copied()
        {
            let read = self.recordings.segment(writer, &name).await;
            let outage = matches!(&read, Err(ReadError::Store(why)) if why.is_outage());
            if !outage {
                left.pop_front();
            }
            self.current = Some(Current::new(writer.clone(), name, read?)?);
            return Ok(());
        }
        self.segments = None;
        let writers = self.writers.iter().flatten();
        let Some(writer) = writers.clone().next().cloned() else {
            self.done = true;
            return Ok(());
        };
        let listed = self.recordings.segments(&writer).await?;
        let names = listed.values().filter_map(|names| names.first().copied());
        let wanted = names
            .filter(|name| self.query.wants_segment(name))
            .collect();
        self.writers
            .iter_mut()
            .for_each(|writers| drop(writers.pop_front()));
        self.segments = Some((writer, wanted));
        Ok(())
    }

    /// The event at a place of the current segment, which then counts as read.
    async fn record(&mut self, place: Place) -> Result<Option<Record>, ReadError> {
        let header = place.header;
        let Some(current) = &mut self.current else {
            return Ok(None);
        };
        let opener = if header.flags.contains(Flags::ENCRYPTED) {
            let (recordings, writer) = (&self.recordings, &current.writer);
            Some(self.keys.opener(recordings, writer, header.session).await?)
        } else {
            None
        };
        let Some(frame) = current.frame(place) else {
            return Ok(None);
        };
        let payload = match event_of(&frame, opener) {
            Ok(event) => Payload::Event(Box::new(event)),
            Err(why) => Payload::Unreadable {
                kind: header.kind,
                why,
            },
        };
        current.found = None;
        self.done = self.query.session.is_some() && header.kind == kind::SESSION_ENDED;
        let (writer, segment) = (current.writer.clone(), current.name.number);
        let FrameHeader {
            sequence,
            time,
            session,
            ..
        } = header;
        Ok(Some(Record {
            writer,
            segment,
            sequence,
            time,
            session,
            payload,
        }))
    }
}

// === impl Current ===

impl Current {
    fn new(writer: WriterId, name: SegmentName, bytes: Vec<u8>) -> Result<Self, ReadError> {
        let full = format!("{writer}/{name}");
        let walk = Walk::new(&bytes).map_err(|source| ReadError::Broken {
            name: full.clone(),
            source,
        })?;
        if walk.start().writer != writer || walk.start().segment != name.number {
            return Err(ReadError::Misnamed { name: full });
        }
        let (offset, chain) = (walk.offset(), walk.chain());
        Ok(Self {
            writer,
            name,
            bytes,
            offset,
            chain,
            found: None,
        })
    }

    /// Follows the chain to the next frame that the query wants.
    fn next_wanted(&mut self, query: &Query) -> Result<Option<Place>, ReadError> {
        loop {
            if self.found.is_some() {
                return Ok(self.found);
            }
            let rest = self.bytes.get(self.offset..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(None);
            }
            let after = self.chain.last();
            let parsed = Frame::parse(rest).map_err(|source| Break::Format { after, source });
            let frame = match parsed {
                Ok(Parsed::Frame { frame, .. }) => frame,
                // The end of a segment that is still written, or was torn.
                Ok(Parsed::NeedMore(_)) => return Err(self.broken(Break::Truncated { after })),
                Err(source) => return Err(self.broken(source)),
            };
            let place = Place {
                header: frame.header,
                offset: self.offset,
            };
            let (size, followed) = (frame.size(), self.chain.follow(&frame));
            followed.map_err(|source| self.broken(source))?;
            self.offset += size;
            self.found = Some(place).filter(|place| query.wants(&place.header));
        }
    }

    fn frame(&self, place: Place) -> Option<Frame<'_>> {
        match Frame::parse(self.bytes.get(place.offset..)?) {
            Ok(Parsed::Frame { frame, .. }) => Some(frame),
            _ => None,
        }
    }

    fn broken(&self, source: Break) -> ReadError {
        ReadError::Broken {
            name: format!("{}/{}", self.writer, self.name),
            source,
        }
    }
}

//! One writer's segments, one after the other.

mod heads;

use std::collections::{BTreeMap, BTreeSet};

use super::disorder::Disorder;
use super::{Finding, MAX_FINDINGS, SessionKeys, Trust, WriterReport};
use crate::chain::{Chain, Hash};
use crate::checkpoint::{Head, KeyId, TrustedKeys};
use crate::event::{SessionId, WriterId};
use crate::format::{
    FormatError, Frame, Parsed, SegmentStart, SessionKey, kind, strip_file_header,
};

/// Takes segments in the order of their numbers and collects what is wrong.
#[derive(Debug)]
pub struct WriterCheck {
    report: WriterReport,
    keys: TrustedKeys,
    /// By the frame that they cover.
    anchors: BTreeMap<u64, Head>,
    /// The first segment that must be there, where the caller knows of one.
    begins: Option<u64>,
    /// Sessions whose keys need not be there.
    destroyed: BTreeSet<SessionId>,
    /// The segment that should come next, and where the chain stands ahead of it.
    segment: u64,
    link: Link,
    /// Through here everything is signed, or named as not.
    vouched: u64,
    /// The frame ahead of the first one that is here.
    before_first: Option<u64>,
    untrusted: BTreeSet<KeyId>,
    rewritten: bool,
    forked: bool,
    session_keys: SessionKeys,
}

/// What is known of the chain between two segments.
#[derive(Debug, Clone, Copy)]
enum Link {
    Known(Chain),
    /// Only the number of the next frame.
    Next(u64),
    Lost,
}

/// What is known of the chain within a segment.
#[derive(Debug)]
enum Way {
    Chain(Chain),
    Disorder(Disorder),
}

// === impl WriterCheck ===

impl WriterCheck {
    pub fn new(writer: WriterId, trust: &Trust) -> Self {
        let known = trust.begins.get(&writer).copied();
        let begins = known.unwrap_or(1);
        let report = WriterReport {
            writer,
            segments: 0,
            frames: 0,
            events: 0,
            bytes: 0,
            last: 0,
            sealed: false,
            signed: 0,
            anchored: 0,
            findings: Vec::new(),
            more: 0,
        };
        let mut check = Self {
            report,
            keys: trust.keys.clone(),
            anchors: BTreeMap::new(),
            begins: known,
            destroyed: trust.destroyed.clone(),
            segment: begins,
            link: if begins > 1 {
                Link::Lost
            } else {
                Link::Known(Chain::START)
            },
            vouched: 0,
            before_first: None,
            untrusted: BTreeSet::new(),
            rewritten: false,
            forked: false,
            session_keys: Vec::new(),
        };
        trust.anchors.iter().for_each(|anchor| check.anchor(anchor));
        check
    }

    pub fn writer(&self) -> &WriterId {
        &self.report.writer
    }

    /// Adds a finding; past the bound it is only counted.
    pub fn find(&mut self, finding: Finding) {
        if self.report.findings.len() < MAX_FINDINGS {
            self.report.findings.push(finding);
        } else {
            self.report.more += 1;
        }
    }

    /// The raw bytes of the segment of this number.
    pub fn segment(&mut self, number: u64, bytes: &[u8]) {
        self.step_to(number);
        self.report.segments += 1;
        self.report.bytes += bytes.len() as u64;
        self.report.sealed = false;
        let after = self.report.last;
        let link = match strip_file_header(bytes) {
            Ok(frames) => self.frames(number, frames),
            Err(source) => {
                self.find(Finding::SegmentDamaged {
                    segment: number,
                    after,
                    source,
                });
                Link::Lost
            }
        };
        self.link = link;
    }

    /// There is a segment of this number, but it could not be read; why was told.
    pub fn unreadable(&mut self, number: u64) {
        self.step_to(number);
        self.report.sealed = false;
        self.link = Link::Lost;
    }

    /// The session keys that the segments announced since this was last asked.
    pub fn take_session_keys(&mut self) -> SessionKeys {
        std::mem::take(&mut self.session_keys)
    }

    /// What is stored as a session's key, against what was announced.
    pub fn session_key(&mut self, session: SessionId, sha256: &Hash, stored: Option<&[u8]>) {
        match stored {
            None if self.destroyed.contains(&session) => {}
            None => self.find(Finding::KeyMissing { session }),
            Some(bytes) if Hash::of(bytes) != *sha256 => self.find(Finding::KeyChanged { session }),
            Some(_) => {}
        }
    }

    /// All segments were given.
    pub fn finish(mut self) -> WriterReport {
        let from = self.segment;
        if let Some(to) = self.begins.filter(|begins| from <= *begins) {
            self.find(Finding::SegmentsMissing { from, to });
        }
        let last = self.report.last;
        // The frame that carries the head comes after the one that it covers.
        let anchored = self
            .anchors
            .last_key_value()
            .map(|(covered, _)| covered.saturating_add(1));
        if let Some(anchored) = anchored
            && anchored > last
        {
            self.find(Finding::TailMissing { last, anchored });
        }
        let from = self.report.anchored.max(self.before_first.unwrap_or(0)) + 1;
        let signed = self.vouched.min(last);
        if from <= signed {
            self.find(Finding::Unanchored { from, to: signed });
        }
        self.leave_unsigned(last);
        self.report
    }

    fn step_to(&mut self, number: u64) {
        let (from, to) = (self.segment, number.saturating_sub(1));
        if number > from {
            let finding = match self.report.segments {
                0 => Finding::BeginningMissing { first: number },
                _ => Finding::SegmentsMissing { from, to },
            };
            self.find(finding);
            self.link = Link::Lost;
        }
        self.segment = number.saturating_add(1);
    }

    /// Everything after the file header. Gives where the chain stands at its end.
    fn frames(&mut self, number: u64, mut rest: &[u8]) -> Link {
        let place = SegmentStart {
            writer: self.report.writer.clone(),
            segment: number,
            previous: Hash::NOTHING,
        };
        if let Some(lost) = self.start(number, rest) {
            return lost;
        }
        let mut way = match self.link {
            Link::Known(chain) => Way::Chain(chain),
            Link::Next(next) => Way::Disorder(Disorder::new(Some(next))),
            Link::Lost => Way::Disorder(Disorder::new(None)),
        };
        let mut after = self.report.last;
        while !rest.is_empty() {
            let segment = number;
            let (frame, behind) = match Frame::parse(rest) {
                Ok(Parsed::Frame { frame, rest }) => (frame, rest),
                Ok(Parsed::NeedMore(_)) => {
                    self.find(Finding::SegmentTruncated { segment, after });
                    self.end(number, way);
                    return Link::Lost;
                }
                Err(source) => {
                    self.find(Finding::SegmentDamaged {
                        segment,
                        after,
                        source,
                    });
                    self.end(number, way);
                    return Link::Lost;
                }
            };
            if self.report.sealed {
                self.find(Finding::AfterSeal {
                    segment,
                    sequence: after,
                });
                self.end(number, way);
                return Link::Lost;
            }
            self.report.frames += 1;
            self.report.events += u64::from(frame.is_event());
            after = frame.header.sequence;
            way = self.step(&place, way, &frame, behind);
            rest = behind;
        }
        self.end(number, way)
    }

    /// Reads the segment's start and joins it to what came before. Gives how the chain
    /// stands if the segment does not belong here at all.
    fn start(&mut self, number: u64, frames: &[u8]) -> Option<Link> {
        let Ok(Parsed::Frame { frame, .. }) = Frame::parse(frames) else {
            return None;
        };
        if frame.header.kind != kind::SEGMENT_START {
            self.find(Finding::NoStart { segment: number });
            return None;
        }
        let Some((start, begins)) = own_start(&frame) else {
            // Where the chain ahead is known, the frame is found changed when it is followed.
            if !matches!(self.link, Link::Known(_)) {
                let sequence = frame.header.sequence;
                self.find(Finding::FrameChanged {
                    segment: number,
                    sequence,
                });
            }
            return None;
        };
        if start.writer != self.report.writer {
            self.find(Finding::OtherWriter {
                segment: number,
                found: start.writer,
            });
            return Some(Link::Lost);
        }
        if start.segment != number {
            self.find(Finding::SegmentMoved {
                segment: number,
                found: start.segment,
            });
            return Some(Link::Lost);
        }
        self.join(number, begins);
        None
    }

    /// The next segment says that it continues this chain.
    fn join(&mut self, number: u64, begins: Chain) {
        let expected = match self.link {
            Link::Known(chain) => Some(chain.next),
            Link::Next(next) => Some(next),
            Link::Lost => None,
        };
        let continued = match self.link {
            Link::Known(chain) => chain == begins,
            Link::Next(next) => next == begins.next,
            Link::Lost => true,
        };
        match expected {
            Some(from) if begins.next > from => {
                self.find(Finding::FramesMissing {
                    from,
                    to: begins.next - 1,
                });
            }
            _ if !continued => self.find(Finding::NotContinued { segment: number }),
            _ => {}
        }
        if !matches!(self.link, Link::Known(chain) if chain == begins) {
            self.gap(begins.next);
        }
        self.link = Link::Known(begins);
    }

    /// One frame further.
    fn step(&mut self, place: &SegmentStart, way: Way, frame: &Frame<'_>, behind: &[u8]) -> Way {
        let sequence = frame.header.sequence;
        let mut disorder = match way {
            Way::Chain(before) => {
                let mut chain = before;
                if chain.follow(frame).is_ok() {
                    self.followed(place, before, chain, frame);
                    return Way::Chain(chain);
                }
                match self.stumble(place.segment, before.next, sequence, behind) {
                    (disorder, true) => return Way::Disorder(disorder),
                    (disorder, false) => disorder,
                }
            }
            Way::Disorder(disorder) => disorder,
        };
        match self.found_again(place, frame) {
            Some(before) if disorder.may_end_at(sequence) => {
                let (segment, until) = (place.segment, Some(sequence));
                let highest = disorder.close(segment, until, |finding| self.find(finding));
                self.report.last = self.report.last.max(highest.unwrap_or(0));
                self.gap(sequence);
                let mut chain = before;
                // It was followed a moment ago, to be found.
                let _ = chain.follow(frame);
                self.followed(place, before, chain, frame);
                Way::Chain(chain)
            }
            _ => {
                disorder.see(sequence);
                Way::Disorder(disorder)
            }
        }
    }

    /// The first frame that does not follow the chain. Says also whether it stands in
    /// its place under another number.
    fn stumble(&mut self, segment: u64, want: u64, found: u64, behind: &[u8]) -> (Disorder, bool) {
        let mut disorder = Disorder::new(Some(want));
        let next = match Frame::parse(behind) {
            Ok(Parsed::Frame { frame, .. }) => Some(frame.header.sequence),
            _ => None,
        };
        let renumbered = found != want && next == want.checked_add(1) && next != Some(found);
        if renumbered {
            disorder.changed(want);
        }
        if renumbered || found == want {
            self.find(Finding::FrameChanged {
                segment,
                sequence: want,
            });
        }
        (disorder, renumbered)
    }

    /// A frame that follows the chain.
    fn followed(&mut self, place: &SegmentStart, before: Chain, chain: Chain, frame: &Frame<'_>) {
        let sequence = frame.header.sequence;
        self.before_first.get_or_insert(sequence.saturating_sub(1));
        self.report.last = self.report.last.max(sequence);
        self.compare_with_anchors(place, before, chain, frame);
        match frame.header.kind {
            kind::CHECKPOINT | kind::SEAL => {
                self.report.sealed = frame.header.kind == kind::SEAL;
                self.checkpoint(place, before, frame);
            }
            kind::SESSION_KEY => match SessionKey::decode(frame) {
                Ok(key) => self.session_keys.push((frame.header.session, key.sha256)),
                Err(source) => self.damaged(place.segment, before, source),
            },
            _ => {}
        }
    }

    fn damaged(&mut self, segment: u64, before: Chain, source: FormatError) {
        self.find(Finding::SegmentDamaged {
            segment,
            after: before.last(),
            source,
        });
    }

    /// The end of a segment, or of what can be read of it.
    fn end(&mut self, number: u64, way: Way) -> Link {
        match way {
            Way::Chain(chain) => Link::Known(chain),
            Way::Disorder(disorder) => {
                let highest = disorder.close(number, None, |finding| self.find(finding));
                self.report.last = self.report.last.max(highest.unwrap_or(0));
                highest.map_or(Link::Lost, |highest| Link::Next(highest.saturating_add(1)))
            }
        }
    }

    /// The chain begins anew at a frame: what is here and was not signed before it
    /// stays so.
    fn gap(&mut self, next: u64) {
        let last = self.report.last.min(next.saturating_sub(1));
        self.leave_unsigned(last);
        self.vouched = self.vouched.max(next.saturating_sub(1));
    }

    fn leave_unsigned(&mut self, last: u64) {
        let from = self.vouched.saturating_add(1);
        if from <= last {
            self.find(Finding::Unsigned { from, to: last });
        }
    }
}

/// A segment's start that agrees with itself, and where it says that the chain stands ahead of it.
fn own_start(frame: &Frame<'_>) -> Option<(SegmentStart, Chain)> {
    let start = SegmentStart::decode(frame).ok()?;
    let begins = Chain {
        head: start.previous,
        next: frame.header.sequence,
    };
    begins.clone().follow(frame).ok()?;
    Some((start, begins))
}

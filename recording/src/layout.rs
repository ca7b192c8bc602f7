//! Names of files and objects, in a spool, a directory or a bucket.
//!
//! ```text
//! <writer>/<number>.seg                              a segment in the spool
//! <writer>/<number>-<first>-<last>-<digest>.seg.zst  one in the store: compressed
//! <writer>/keys/<session>.key                        one session's wrapped key
//! ```
//!
//! Numbers have 20 digits, so that names sort. A sealed name tells the earliest and
//! latest time in the segment, in microseconds since 1970, so that a reader can
//! pass it over without fetching it, and the first 8 bytes of the SHA-256 of the
//! raw segment, so that nobody who has not seen the content can take its name. A
//! name proves nothing: verification compares it with the content.

use std::fmt;

use crate::chain::{Hash, Hashing};
use crate::event::{SessionId, Timestamp};
use crate::format::{FILE_HEADER_BYTES, Frame, Parsed, strip_file_header};
use crate::hex;

/// The folder of session keys below a writer's folder.
pub const KEYS_FOLDER: &str = "keys";

/// How much of a segment's SHA-256 is in its name.
pub const DIGEST_BYTES: usize = 8;

/// What a segment's file says about it by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    pub number: u64,
    /// Present where it is sealed.
    pub sealed: Option<Content>,
}

/// What a sealed segment's name says about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content {
    pub span: TimeSpan,
    pub digest: [u8; DIGEST_BYTES],
}

/// Reads a raw segment in pieces of any size, for what its name says. It keeps one frame at most.
#[derive(Debug)]
pub(crate) struct Scan {
    hashing: Hashing,
    span: Option<TimeSpan>,
    /// The file's header was read.
    begun: bool,
    /// What came is no segment.
    broken: bool,
    /// The front of a frame that is not whole yet.
    rest: Vec<u8>,
}

/// Times, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan {
    pub first: Timestamp,
    pub last: Timestamp,
}

// === impl SegmentName ===

impl SegmentName {
    pub fn open(number: u64) -> Self {
        Self {
            number,
            sealed: None,
        }
    }

    /// Reads a file's name without its folder. Only the exact form counts: each
    /// segment has one name.
    pub fn parse(name: &str) -> Option<Self> {
        let parsed = match name.strip_suffix(".seg.zst") {
            Some(stem) => {
                let mut parts = stem.splitn(4, '-');
                let number = digits(parts.next()?)?;
                let first = Timestamp(digits(parts.next()?)?);
                let last = Timestamp(digits(parts.next()?)?);
                let span = TimeSpan { first, last };
                let digest = lower_hex(parts.next()?)?;
                Self {
                    number,
                    sealed: Some(Content { span, digest }),
                }
            }
            None => Self::open(digits(name.strip_suffix(".seg")?)?),
        };
        (parsed.number > 0).then_some(parsed)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sealed {
            None => write!(f, "{:020}.seg", self.number),
            Some(Content {
                span: TimeSpan { first, last },
                digest,
            }) => {
                write!(f, "{:020}-{:020}-{:020}-", self.number, first.0, last.0)?;
                hex::write(f, &digest)?;
                f.write_str(".seg.zst")
            }
        }
    }
}

// === impl Content ===

impl Content {
    /// Of a raw segment. One that cannot be read to its end has all times, so that
    /// nobody passes it over.
    pub fn of(raw: &[u8]) -> Self {
        let mut scan = Scan::new();
        scan.push(raw);
        scan.finish().0
    }
}

// === impl Scan ===

impl Scan {
    pub(crate) fn new() -> Self {
        Self {
            hashing: Hashing::new(),
            span: None,
            begun: false,
            broken: false,
            rest: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.hashing.push(piece);
        if self.broken {
            return;
        }
        if self.rest.is_empty() {
            let read = self.read(piece);
            self.rest
                .extend_from_slice(piece.get(read..).unwrap_or_default());
        } else {
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(piece);
            let read = self.read(&rest);
            rest.drain(..read.min(rest.len()));
            self.rest = rest;
        }
        if self.broken {
            self.rest = Vec::new();
        }
    }

    /// What the name says, and the digest of all.
    pub(crate) fn finish(self) -> (Content, Hash) {
        let digest = self.hashing.finish();
        let whole = !self.broken && self.rest.is_empty();
        let content = Content {
            span: self.span.filter(|_| whole).unwrap_or(TimeSpan::ALL),
            digest: digest.bytes().first_chunk().copied().unwrap_or_default(),
        };
        (content, digest)
    }

    /// Takes the times of all whole frames; gives how many bytes those are.
    fn read(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        if !self.begun {
            if bytes.len() < FILE_HEADER_BYTES {
                return 0;
            }
            match strip_file_header(bytes) {
                Ok(frames) => rest = frames,
                Err(_) => self.broken = true,
            }
            self.begun = true;
        }
        while !rest.is_empty() && !self.broken {
            match Frame::parse(rest) {
                Ok(Parsed::Frame { frame, rest: after }) => {
                    self.span = Some(TimeSpan::widen(self.span, frame.header.time));
                    rest = after;
                }
                Ok(Parsed::NeedMore(_)) => break,
                Err(_) => self.broken = true,
            }
        }
        bytes.len() - rest.len()
    }
}

// === impl TimeSpan ===

impl TimeSpan {
    /// No segment is left out by it.
    pub const ALL: Self = Self {
        first: Timestamp(0),
        last: Timestamp(u64::MAX),
    };

    pub fn contains(&self, time: Timestamp) -> bool {
        self.first <= time && time <= self.last
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Widens the span to a time; an absent one begins there.
    fn widen(span: Option<Self>, time: Timestamp) -> Self {
        span.map_or(
            Self {
                first: time,
                last: time,
            },
            |span| Self {
                first: span.first.min(time),
                last: span.last.max(time),
            },
        )
    }
}

/// The name of a session's key, from its writer's folder on.
pub fn key_name(session: &SessionId) -> String {
    format!("{KEYS_FOLDER}/{session}.key")
}

/// The session of a key file's name, given without its folder.
pub fn session_of_key(name: &str) -> Option<SessionId> {
    let text = name.strip_suffix(".key")?;
    let session: SessionId = text.parse().ok()?;
    (session.to_string() == text).then_some(session)
}

fn lower_hex(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    let lower = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    if lower { hex::parse(text) } else { None }
}

fn digits(text: &str) -> Option<u64> {
    let plain = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_sort_by_number() {
        let span = TimeSpan {
            first: Timestamp(7),
            last: Timestamp(u64::MAX),
        };
        let digest = [0xab, 0, 1, 2, 3, 4, 5, 0xff];
        let names = [
            SegmentName::open(1),
            SegmentName {
                number: 2,
                sealed: Some(Content { span, digest }),
            },
            SegmentName::open(10),
            SegmentName {
                number: u64::MAX,
                sealed: Some(Content {
                    span: TimeSpan::ALL,
                    digest,
                }),
            },
        ];
        let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert_eq!(texts[0], "00000000000000000001.seg");
        let sealed = "00000000000000000002-00000000000000000007-18446744073709551615-ab000102030405ff.seg.zst";
        assert_eq!(texts[1], sealed);
        assert!(texts.is_sorted());
        for (name, text) in names.iter().zip(&texts) {
            assert_eq!(SegmentName::parse(text), Some(*name));
        }
    }

    #[test]
    fn other_names_are_no_segments() {
        let (number, times) = (
            "00000000000000000001",
            "00000000000000000001-00000000000000000002",
        );
        let cases = [
            "1.seg".to_owned(),
            "00000000000000000000.seg".to_owned(),
            "+0000000000000000001.seg".to_owned(),
            "99999999999999999999.seg".to_owned(),
            format!("{number}.seg.partial"),
            format!("{number}.SEG"),
            format!("{number}.seg.zst"),
            format!("{number}-{times}.seg.zst"),
            format!("{number}-{times}-AB000102030405FF.seg.zst"),
            format!("{number}-{times}-ab000102030405f.seg.zst"),
            format!("{number}-{times}-ab000102030405ff-.seg.zst"),
            format!("{number}-1-2-ab000102030405ff.seg.zst"),
            String::new(),
        ];
        for name in cases {
            assert_eq!(SegmentName::parse(&name), None, "{name}");
        }
    }

    #[test]
    fn key_names_have_one_form() {
        let session = SessionId::new([0xab; 16]);
        let name = key_name(&session);
        assert_eq!(name, format!("keys/{}.key", "ab".repeat(16)));
        assert_eq!(
            session_of_key(name.strip_prefix("keys/").unwrap()),
            Some(session)
        );
        for name in [
            "ab.key",
            &format!("{}.key", "AB".repeat(16)),
            &"ab".repeat(16),
        ] {
            assert_eq!(session_of_key(name), None, "{name}");
        }
    }

    #[test]
    fn spans_meet_at_their_ends() {
        let span = |first, last| TimeSpan {
            first: Timestamp(first),
            last: Timestamp(last),
        };
        assert!(span(1, 3).overlaps(&span(3, 5)) && span(3, 5).overlaps(&span(1, 3)));
        assert!(!span(1, 3).overlaps(&span(4, 5)) && !span(4, 5).overlaps(&span(1, 3)));
        assert!(span(1, 3).contains(Timestamp(1)) && span(1, 3).contains(Timestamp(3)));
        assert!(!span(1, 3).contains(Timestamp(0)) && !span(1, 3).contains(Timestamp(4)));
        let widened = TimeSpan::widen(Some(TimeSpan::widen(None, Timestamp(5))), Timestamp(2));
        assert_eq!(widened, span(2, 5));
    }
    #[test]
    fn content_is_the_same_in_whatever_pieces_it_comes() {
        let raw = include_bytes!("../tests/golden/v0/operation.seg");
        let span = Content::of(raw).span;
        assert!(span.first <= span.last && span != TimeSpan::ALL);
        for size in 1..=raw.len() {
            let mut scan = Scan::new();
            raw.chunks(size).for_each(|piece| scan.push(piece));
            let (content, digest) = scan.finish();
            assert_eq!(digest, Hash::of(raw), "{size}");
            assert_eq!(content, Content::of(raw), "{size}");
        }
    }

    #[test]
    fn what_is_no_whole_segment_has_all_times() {
        let raw = include_bytes!("../tests/golden/v0/operation.seg");
        let mut other = raw.to_vec();
        other[0] ^= 1;
        let mut too_long = raw.to_vec();
        too_long.extend_from_slice(&[0xff; 8]);
        for raw in [&raw[..raw.len() - 1], &raw[..7], &[], &other, &too_long] {
            for size in [1, 5, 1_000] {
                let mut scan = Scan::new();
                raw.chunks(size).for_each(|piece| scan.push(piece));
                let (content, digest) = scan.finish();
                assert_eq!(content.span, TimeSpan::ALL, "{} by {size}", raw.len());
                assert_eq!(digest, Hash::of(raw));
            }
        }
    }
}

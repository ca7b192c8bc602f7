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

use crate::chain::Hash;
use crate::event::{SessionId, Timestamp};
use crate::format::{Frame, Parsed, strip_file_header};
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
        let digest = Hash::of(raw)
            .bytes()
            .first_chunk()
            .copied()
            .unwrap_or_default();
        Self {
            span: TimeSpan::of(raw),
            digest,
        }
    }
}

// === impl TimeSpan ===

impl TimeSpan {
    /// No segment is left out by it.
    pub const ALL: Self = Self {
        first: Timestamp(0),
        last: Timestamp(u64::MAX),
    };

    /// The times of a raw segment's frames.
    fn of(raw: &[u8]) -> Self {
        let Ok(mut rest) = strip_file_header(raw) else {
            return Self::ALL;
        };
        let mut span = None;
        while !rest.is_empty() {
            let Ok(Parsed::Frame { frame, rest: after }) = Frame::parse(rest) else {
                return Self::ALL;
            };
            span = Some(Self::widen(span, frame.header.time));
            rest = after;
        }
        span.unwrap_or(Self::ALL)
    }

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
}

//! Names of files and objects, the same in a spool, a directory and a bucket.
//!
//! ```text
//! <writer>/<number>.seg                          a segment as it is written
//! <writer>/<number>-<first>-<last>.seg.zst       sealed: compressed, with the
//!                                                earliest and latest time in it
//! <writer>/keys/<session>.key                    one session's wrapped key
//! ```
//!
//! Numbers have 20 digits, so that names sort; times are microseconds since 1970.
//! The times let a reader pass over segments without fetching them. They prove
//! nothing: verification compares them with the content.

use std::fmt;

use crate::event::{SessionId, Timestamp};

/// The folder of session keys below a writer's folder.
pub const KEYS_FOLDER: &str = "keys";

/// What a segment's file says about it by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    pub number: u64,
    /// Present where it is sealed.
    pub sealed: Option<TimeSpan>,
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
                let mut parts = stem.splitn(3, '-').map(digits);
                let number = parts.next()??;
                let span = TimeSpan {
                    first: Timestamp(parts.next()??),
                    last: Timestamp(parts.next()??),
                };
                Self {
                    number,
                    sealed: Some(span),
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
            Some(TimeSpan { first, last }) => {
                write!(
                    f,
                    "{:020}-{:020}-{:020}.seg.zst",
                    self.number, first.0, last.0
                )
            }
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

    pub fn contains(&self, time: Timestamp) -> bool {
        self.first <= time && time <= self.last
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Widens the span to a time; an absent one begins there.
    pub fn widen(span: Option<Self>, time: Timestamp) -> Self {
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
        let names = [
            SegmentName::open(1),
            SegmentName {
                number: 2,
                sealed: Some(span),
            },
            SegmentName::open(10),
            SegmentName {
                number: u64::MAX,
                sealed: Some(TimeSpan::ALL),
            },
        ];
        let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert_eq!(texts[0], "00000000000000000001.seg");
        assert_eq!(
            texts[1],
            "00000000000000000002-00000000000000000007-18446744073709551615.seg.zst"
        );
        assert!(texts.is_sorted());
        for (name, text) in names.iter().zip(&texts) {
            assert_eq!(SegmentName::parse(text), Some(*name));
        }
    }

    #[test]
    fn other_names_are_no_segments() {
        let cases = [
            "1.seg",
            "00000000000000000000.seg",
            "+0000000000000000001.seg",
            "99999999999999999999.seg",
            "00000000000000000001.seg.partial",
            "00000000000000000001.SEG",
            "00000000000000000001.seg.zst",
            "00000000000000000001-00000000000000000001.seg.zst",
            "00000000000000000001-00000000000000000001-1.seg.zst",
            "00000000000000000001-00000000000000000001-00000000000000000001-.seg.zst",
            "",
        ];
        for name in cases {
            assert_eq!(SegmentName::parse(name), None, "{name}");
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

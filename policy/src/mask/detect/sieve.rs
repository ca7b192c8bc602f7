//! The gate ahead of the single detectors.
//!
//! Every value that a built-in detector can find has an *anchor* in it or beside it: a byte such
//! as `@`, the first digit of a number, or a word such as `password`. One pass for the bytes and
//! one automaton for all words find the anchors; a detector runs only there, on a
//! [`View`](super::view::View). Clean text costs the two passes and little else, and text made to
//! hurt costs a bounded look for each anchor.

use std::ops::{ControlFlow, Range};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use super::digits::{card, iban, phone, ssn};
use super::kind::DetectorKind;
use super::network::{ip, mac};
use super::person::email;
use super::secret::connection;
use super::view::{Found, REACH_BACK, View};
use super::words::Word;
use super::{Detector, Hit};

#[derive(Debug, Clone)]
pub(super) struct Sieve {
    kinds: Kinds,
    anchors: [Anchor; 256],
    words: Option<Words>,
}

#[derive(Debug, Clone)]
struct Words {
    automaton: AhoCorasick,
    list: Vec<Word>,
    longest: usize,
}

/// What a byte may be the anchor of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    None,
    Digit,
    At,
    Colon,
    Join,
}

/// The detectors that decide at bytes, each on or off.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    card: bool,
    ssn: bool,
    email: bool,
    phone: bool,
    iban: bool,
    ip: bool,
    mac: bool,
    connection: bool,
}

// === impl Sieve ===

impl Sieve {
    pub(super) fn new(kinds: &[DetectorKind]) -> Result<Self, aho_corasick::BuildError> {
        let has = |kind| kinds.contains(&kind);
        let kinds_on = Kinds {
            card: has(DetectorKind::CreditCard),
            ssn: has(DetectorKind::SocialSecurityNumber),
            email: has(DetectorKind::Email),
            phone: has(DetectorKind::Phone),
            iban: has(DetectorKind::Iban),
            ip: has(DetectorKind::IpAddress),
            mac: has(DetectorKind::MacAddress),
            connection: has(DetectorKind::ConnectionString),
        };
        let words = Words::new(Word::of(kinds))?;
        Ok(Self {
            kinds: kinds_on,
            anchors: kinds_on.anchors(),
            words,
        })
    }

    /// Shows `on` what is found at the anchors in `range`: bytes that stand in it, and words that
    /// end in it. Finds come in no order. Only the neighbourhood of the anchors is read.
    pub(super) fn visit(
        &self,
        text: &[u8],
        range: Range<usize>,
        on: &mut impl FnMut(Hit) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.visit_words(text, range.clone(), on)?;
        self.visit_bytes(text, range, on)
    }

    fn visit_words(
        &self,
        text: &[u8],
        range: Range<usize>,
        on: &mut impl FnMut(Hit) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(words) = &self.words else {
            return ControlFlow::Continue(());
        };
        let from = range.start.saturating_sub(words.longest);
        let input = Input::new(text).span(from..range.end);
        for found in words.automaton.find_overlapping_iter(input) {
            let Some(word) = words.list.get(found.pattern().as_usize()) else {
                continue;
            };
            if found.end() > range.start {
                let view = View::around(text, found.end());
                let start = found.start().saturating_sub(view.offset());
                report(view, word.decide(view, start), on)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn visit_bytes(
        &self,
        text: &[u8],
        range: Range<usize>,
        on: &mut impl FnMut(Hit) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut at = range.start;
        loop {
            let rest = text.get(at..range.end).unwrap_or_default();
            let Some(skipped) = rest
                .iter()
                .position(|byte| self.anchor(*byte) != Anchor::None)
            else {
                return ControlFlow::Continue(());
            };
            at += skipped;
            let Some(&byte) = text.get(at) else {
                return ControlFlow::Continue(());
            };
            match self.anchor(byte) {
                Anchor::Digit => {
                    let digits = text.get(at..).unwrap_or_default();
                    let run = digits
                        .iter()
                        .take_while(|byte| byte.is_ascii_digit())
                        .count();
                    let before = at.checked_sub(1).and_then(|before| text.get(before));
                    if !before.is_some_and(u8::is_ascii_digit) {
                        self.number(text, at, run, on)?;
                    }
                    at += run.max(1);
                    continue;
                }
                Anchor::At => {
                    let view = View::around(text, at);
                    report(view, email::find(view), on)?;
                }
                Anchor::Colon => self.colon(text, at, on)?,
                Anchor::Join => {
                    let view = View::around(text, at);
                    report(view, mac::find(view, byte), on)?;
                }
                Anchor::None => {}
            }
            at += 1;
        }
    }

    #[inline]
    fn anchor(&self, byte: u8) -> Anchor {
        self.anchors
            .get(usize::from(byte))
            .copied()
            .unwrap_or(Anchor::None)
    }

    /// A run of digits begins. The looks here are cheap, and send most numbers on their way.
    fn number(
        &self,
        text: &[u8],
        at: usize,
        run: usize,
        on: &mut impl FnMut(Hit) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let kinds = self.kinds;
        let before = |distance| at.checked_sub(distance).and_then(|index| text.get(index));
        let is_joined = matches!(
            text.get(at + run),
            Some(b' ' | b'-' | b'.' | b'/' | b')' | 0xC2 | 0xE2)
        );
        let view = View::around(text, at);
        let opens = !before(1).is_some_and(u8::is_ascii_alphanumeric);
        if kinds.card && (run == 4 && is_joined || (12..=19).contains(&run)) {
            report(view, card::find(view, run), on)?;
        }
        if kinds.ssn && opens && (run == 3 && is_joined || run == 9) {
            report(view, ssn::find(view, run), on)?;
        }
        let is_called = matches!(before(1), Some(b'+' | b'('));
        let is_phone = (1..=5).contains(&run) && is_joined || (8..=13).contains(&run) || is_called;
        if kinds.phone && opens && is_phone {
            report(view, phone::find(view, run), on)?;
        }
        if kinds.iban && run >= 2 && before(1).is_some_and(u8::is_ascii_alphabetic) {
            report(view, iban::find(view), on)?;
        }
        if kinds.ip && opens && run <= 3 && text.get(at + run) == Some(&b'.') {
            report(view, ip::v4(view), on)?;
        }
        ControlFlow::Continue(())
    }

    fn colon(
        &self,
        text: &[u8],
        at: usize,
        on: &mut impl FnMut(Hit) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let view = View::around(text, at);
        let next = text.get(at + 1).copied().unwrap_or_default();
        if self.kinds.connection && next == b'/' {
            report(view, connection::url(view), on)?;
        }
        if next != b':' && !next.is_ascii_hexdigit() {
            return ControlFlow::Continue(());
        }
        if self.kinds.mac {
            report(view, mac::find(view, b':'), on)?;
        }
        if self.kinds.ip {
            report(view, ip::v6(view), on)?;
        }
        ControlFlow::Continue(())
    }
}

// === impl Words ===

impl Words {
    fn new(words: Vec<(Word, &'static str)>) -> Result<Option<Self>, aho_corasick::BuildError> {
        if words.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words.iter().map(|(_, text)| text))?;
        let longest = words
            .iter()
            .map(|(_, text)| text.len())
            .max()
            .unwrap_or_default();
        let list = words.into_iter().map(|(word, _)| word).collect();
        Ok(Some(Self {
            automaton,
            list,
            longest,
        }))
    }
}

// === impl Kinds ===

impl Kinds {
    fn anchors(self) -> [Anchor; 256] {
        let mut anchors = [Anchor::None; 256];
        let mut set = |bytes: &[u8], anchor, is_on| {
            for byte in bytes.iter().filter(|_| is_on) {
                if let Some(place) = anchors.get_mut(usize::from(*byte)) {
                    *place = anchor;
                }
            }
        };
        let digits = self.card || self.ssn || self.phone || self.iban || self.ip;
        set(b"0123456789", Anchor::Digit, digits);
        set(b"@", Anchor::At, self.email);
        set(b":", Anchor::Colon, self.ip || self.mac || self.connection);
        set(b"-.", Anchor::Join, self.mac);
        anchors
    }
}

fn report(
    view: View<'_>,
    found: Option<Found>,
    on: &mut impl FnMut(Hit) -> ControlFlow<()>,
) -> ControlFlow<()> {
    // No find reaches further back than a stream holds back.
    let Some(found) = found.filter(|found| found.start + REACH_BACK >= view.at()) else {
        return ControlFlow::Continue(());
    };
    let detector = Detector::Kind(found.kind);
    let offset = view.offset();
    on(Hit {
        start: found.start + offset,
        end: found.end + offset,
        detector,
        tail: found.tail,
    })
}

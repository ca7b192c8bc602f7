//! The gate ahead of the single detectors.
//!
//! Every value that a built-in detector can find has an *anchor* in it or beside it: a byte such
//! as `@`, the first digit of a number, or a word such as `password`. One pass over the text finds
//! all of them by pairs of neighbours: each byte falls into a class, and a table tells for two
//! classes in a row whether anything begins there, a custom pattern among others. For a word the
//! pair is the rarest of its pairs of letters, and the word is compared only where that pair
//! stands. A detector runs only at an anchor, on a [`View`]. Clean text costs two table look-ups a
//! byte and little else, and text made to hurt costs a bounded look for each anchor. Why this and
//! no `RegexSet`: `docs/adr/0007-one-pass-of-pairs.md`.

use std::ops::{ControlFlow, Range};

use super::digits::{card, iban, phone, ssn};
use super::kind::DetectorKind;
use super::lead::{self, Leads};
use super::network::{ip, mac};
use super::person::email;
use super::secret::connection;
use super::view::{Found, LOOK_AHEAD, REACH_BACK, View};
use super::words::Word;
use super::{Detector, Hit};

/// How many classes the table of pairs has room for; a power of two.
const CLASSES: usize = 64;

/// Classes of bytes: small letters are 0 to 25, capitals 26 to 51, then the others.
const CAPITALS: u8 = 26;
const DIGIT: u8 = 52;
const AT: u8 = 53;
const COLON: u8 = 54;
const JOIN: u8 = 55;
const OTHER: u8 = 56;
/// A byte of a letter beyond ASCII.
const HIGH: u8 = 57;

/// What a pair of classes begins: nothing, or what stands at its second byte.
const NOTHING: u8 = 0;
const NUMBER: u8 = 1;
const AT_SIGN: u8 = 2;
const COLON_SIGN: u8 = 3;
const JOINT: u8 = 4;
const NUMBER_IN_WORD: u8 = 5;
/// From here on: a list of words that have the pair.
const WORDS: u8 = 6;
/// How many such lists there can be.
const LISTS: usize = (PATTERNS - WORDS) as usize;
/// Beside one of the above: patterns may begin at the first byte of the pair.
const PATTERNS: u8 = 0x80;

/// How often the letters `a` to `z` come, in per mille of English text.
const FREQUENCY: [u32; 26] = [
    82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24, 2,
    20, 1,
];

/// The same for `-` and `.`, roughly.
const JOIN_FREQUENCY: u32 = 40;

/// The same for what is beyond ASCII: rare behind a letter, and common behind its like, where it
/// is not counted.
const HIGH_FREQUENCY: u32 = 5;

#[derive(Debug, Clone)]
pub(super) struct Sieve {
    kinds: Kinds,
    pairs: Box<[u8; CLASSES * CLASSES]>,
    words: Vec<Vec<Candidate>>,
}

/// Who is shown what a pass comes upon.
pub(super) trait Visitor {
    fn hit(&mut self, hit: Hit) -> ControlFlow<()>;

    /// A custom pattern may begin at `start`.
    fn pattern(&mut self, start: usize) -> ControlFlow<()>;
}

/// A word that may stand where its pair of letters does.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    word: Word,
    text: &'static [u8],
    /// Where the second letter of the pair stands in the word.
    place: usize,
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
    pub(super) fn new(kinds: &[DetectorKind], leads: &[Leads]) -> Self {
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
        let pairs = Box::new([NOTHING; CLASSES * CLASSES]);
        let mut sieve = Self {
            kinds: kinds_on,
            pairs,
            words: Vec::new(),
        };
        sieve.add_bytes();
        for (word, text) in Word::of(kinds) {
            sieve.add_word(word, text.as_bytes());
        }
        leads.iter().for_each(|leads| sieve.add_patterns(leads));
        sieve
    }

    /// Shows `on` what is found at the anchors in `range`. Finds come in no order. Only the
    /// neighbourhood of the anchors is read; a word may end up to [`WORD_LIMIT`] bytes behind the
    /// pair that it is anchored at.
    ///
    /// [`WORD_LIMIT`]: super::words::WORD_LIMIT
    pub(super) fn visit(
        &self,
        text: &[u8],
        range: Range<usize>,
        on: &mut impl Visitor,
    ) -> ControlFlow<()> {
        let before = range
            .start
            .checked_sub(1)
            .and_then(|before| text.get(before));
        let mut last = before.map_or(OTHER, |byte| class(*byte));
        let bytes = text.get(range.clone()).unwrap_or_default();
        let pairs = &*self.pairs;
        for (index, &byte) in bytes.iter().enumerate() {
            let next = class(byte);
            let action = action(pairs, last, next);
            last = next;
            if action != NOTHING {
                self.act(action, text, range.start + index, on)?;
            }
        }
        ControlFlow::Continue(())
    }

    #[inline(never)]
    fn act(&self, action: u8, text: &[u8], at: usize, on: &mut impl Visitor) -> ControlFlow<()> {
        if let (PATTERNS.., Some(start)) = (action, at.checked_sub(1)) {
            on.pattern(start)?;
        }
        match action % PATTERNS {
            NOTHING => ControlFlow::Continue(()),
            NUMBER => self.number(text, at, on),
            NUMBER_IN_WORD => self.number_in_word(text, at, on),
            AT_SIGN => {
                let view = View::around(text, at);
                report(view, email::find(view), on)
            }
            COLON_SIGN => self.colon(text, at, on),
            JOINT => self.joint(text, at, on),
            list => self.word(usize::from(list - WORDS), text, at, on),
        }
    }

    fn joint(&self, text: &[u8], at: usize, on: &mut impl Visitor) -> ControlFlow<()> {
        let Some(&separator) = text.get(at) else {
            return ControlFlow::Continue(());
        };
        // The next separator first: it is the cheapest look, and most often the last.
        let next = if separator == b'.' { at + 5 } else { at + 3 };
        if text.get(next) != Some(&separator) {
            return ControlFlow::Continue(());
        }
        let view = View::around(text, at);
        report(view, mac::find(view, separator), on)
    }

    fn word(&self, list: usize, text: &[u8], at: usize, on: &mut impl Visitor) -> ControlFlow<()> {
        for candidate in self.words.get(list).map(Vec::as_slice).unwrap_or_default() {
            let Some(start) = at.checked_sub(candidate.place) else {
                continue;
            };
            let end = start + candidate.text.len();
            let is_here = text
                .get(start..end)
                .is_some_and(|here| here.eq_ignore_ascii_case(candidate.text));
            if is_here {
                let view = View::around(text, end);
                let start = start.saturating_sub(view.offset());
                report(view, candidate.word.decide(view, start), on)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn add_bytes(&mut self) {
        let kinds = self.kinds;
        let has_numbers = kinds.card || kinds.ssn || kinds.phone || kinds.iban || kinds.ip;
        let has_colons = kinds.ip || kinds.mac || kinds.connection;
        for first in 0..=HIGH {
            let mut set = |second: u8, action: u8, is_on: bool| {
                if is_on {
                    self.set(first, second, action);
                }
            };
            // The first digit of a run; the others follow a digit.
            set(DIGIT, NUMBER, has_numbers && first > DIGIT);
            set(
                DIGIT,
                NUMBER_IN_WORD,
                (kinds.iban || kinds.card) && first < DIGIT,
            );
            set(AT, AT_SIGN, kinds.email);
            set(COLON, COLON_SIGN, has_colons);
            // Only behind what may be a hexadecimal digit.
            set(
                JOIN,
                JOINT,
                kinds.mac && (first == DIGIT || first % CAPITALS <= 5 && first < DIGIT),
            );
        }
    }

    /// Anchors a word at the rarest pair of letters in it.
    fn add_word(&mut self, word: Word, text: &'static [u8]) {
        let class = |byte: &u8| class(byte.to_ascii_lowercase());
        let letter = |byte: &u8| FREQUENCY.get(usize::from(class(byte))).copied();
        let second = |byte: &u8| letter(byte).or((class(byte) == HIGH).then_some(HIGH_FREQUENCY));
        // `d.o.b` has no two letters in a row; what joins them is counted as a letter.
        let first = |byte: &u8| {
            if class(byte) == JOIN {
                Some(JOIN_FREQUENCY)
            } else {
                letter(byte)
            }
        };
        let pairs = text.iter().zip(text.iter().skip(1)).enumerate();
        let rarest = pairs
            .filter_map(|(at, (a, b))| Some((first(a)? * second(b)?, at + 1, class(a), class(b))))
            .min();
        let Some((_, place, first, second)) = rarest else {
            return;
        };
        let known = action(&self.pairs, first, second);
        let list = if known == NOTHING {
            // Words are compared whole, so when there are too many lists some share one.
            let list = self.words.len().min(LISTS - 1);
            self.words
                .resize(self.words.len().max(list + 1), Vec::new());
            list
        } else {
            usize::from(known - WORDS)
        };
        for first in [first, other_case(first)] {
            for second in [second, other_case(second)] {
                self.set(first, second, WORDS + list as u8);
            }
        }
        if let Some(candidates) = self.words.get_mut(list) {
            candidates.push(Candidate { word, text, place });
        }
    }

    /// Marks the pairs that patterns can begin with.
    fn add_patterns(&mut self, leads: &Leads) {
        let (firsts, seconds) = leads.pair();
        let mut by_class = [(0u32, 0u32); CLASSES];
        for byte in 0..=u8::MAX {
            if let Some((first, second)) = by_class.get_mut(usize::from(class(byte))) {
                *first |= lead::of(firsts, byte);
                *second |= lead::of(seconds, byte);
            }
        }
        for (first, (firsts, _)) in by_class.iter().enumerate() {
            for (second, (_, seconds)) in by_class.iter().enumerate() {
                if firsts & seconds != 0
                    && let Some(action) = self.pairs.get_mut(first * CLASSES + second)
                {
                    *action |= PATTERNS;
                }
            }
        }
    }

    fn set(&mut self, first: u8, second: u8, action: u8) {
        let index = usize::from(first) * CLASSES + usize::from(second);
        if let Some(place) = self.pairs.get_mut(index) {
            *place = action;
        }
    }

    /// A run of digits begins behind a letter: all but accounts and magnetic stripes are no
    /// values then.
    fn number_in_word(&self, text: &[u8], at: usize, on: &mut impl Visitor) -> ControlFlow<()> {
        let before = |distance| at.checked_sub(distance).and_then(|index| text.get(index));
        let is_country = before(2).is_some_and(u8::is_ascii_alphabetic)
            && !before(3).is_some_and(u8::is_ascii_alphanumeric);
        let view = View::around(text, at);
        if self.kinds.iban && is_country {
            report(view, iban::find(view), on)?;
        }
        if self.kinds.card && before(2) == Some(&b'%') {
            let run = view.run(view.at(), |byte| byte.is_ascii_digit()) - view.at();
            report(view, card::find(view, run), on)?;
        }
        ControlFlow::Continue(())
    }

    /// A run of digits begins that no letter stands before. The looks here are cheap, and send most numbers on their way.
    fn number(&self, text: &[u8], at: usize, on: &mut impl Visitor) -> ControlFlow<()> {
        let kinds = self.kinds;
        let digits = text.get(at..).unwrap_or_default().iter().take(LOOK_AHEAD);
        let run = digits.take_while(|byte| byte.is_ascii_digit()).count();
        let (before, behind) = (
            at.checked_sub(1).and_then(|at| text.get(at)),
            text.get(at + run),
        );
        // Part of a word, as in most of a UUID.
        if behind.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
            return ControlFlow::Continue(());
        }
        let is_joined = matches!(behind, Some(b' ' | b'-' | b'.' | b'/' | b')' | 0xC2 | 0xE2));
        let is_called = matches!(before, Some(b'+' | b'('));
        let view = View::around(text, at);
        if kinds.card && (run == 4 && is_joined || (12..=19).contains(&run)) {
            report(view, card::find(view, run), on)?;
        }
        if kinds.ssn && (run == 3 && is_joined || run == 9) {
            report(view, ssn::find(view, run), on)?;
        }
        let is_phone = (1..=5).contains(&run) && is_joined || (8..=13).contains(&run) || is_called;
        if kinds.phone && is_phone {
            report(view, phone::find(view, run), on)?;
        }
        if kinds.ip && run <= 3 && text.get(at + run) == Some(&b'.') {
            report(view, ip::v4(view), on)?;
        }
        ControlFlow::Continue(())
    }

    fn colon(&self, text: &[u8], at: usize, on: &mut impl Visitor) -> ControlFlow<()> {
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

/// What two classes in a row begin.
#[inline]
fn action(pairs: &[u8; CLASSES * CLASSES], first: u8, second: u8) -> u8 {
    let index = (usize::from(first) * CLASSES + usize::from(second)) % (CLASSES * CLASSES);
    pairs.get(index).copied().unwrap_or(NOTHING)
}

/// The class of a letter in its other case; of anything else its own.
fn other_case(class: u8) -> u8 {
    match class {
        0..CAPITALS => class + CAPITALS,
        CAPITALS..DIGIT => class - CAPITALS,
        _ => class,
    }
}

/// The class of a byte.
#[inline]
fn class(byte: u8) -> u8 {
    const TABLE: [u8; 256] = classes();
    TABLE.get(usize::from(byte)).copied().unwrap_or(OTHER)
}

#[allow(
    clippy::indexing_slicing,
    reason = "runs in the compiler; a wrong index is an error there"
)]
const fn classes() -> [u8; 256] {
    let mut classes = [OTHER; 256];
    let mut letter = 0;
    while letter < 26 {
        classes[b'a' as usize + letter] = letter as u8;
        classes[b'A' as usize + letter] = CAPITALS + letter as u8;
        letter += 1;
    }
    let mut digit = b'0';
    while digit <= b'9' {
        classes[digit as usize] = DIGIT;
        digit += 1;
    }
    let mut high = 0x80;
    while high < classes.len() {
        classes[high] = HIGH;
        high += 1;
    }
    classes[b'@' as usize] = AT;
    classes[b':' as usize] = COLON;
    classes[b'-' as usize] = JOIN;
    classes[b'.' as usize] = JOIN;
    classes
}

fn report(view: View<'_>, found: Option<Found>, on: &mut impl Visitor) -> ControlFlow<()> {
    // No find reaches further back than a stream holds back.
    let Some(found) = found.filter(|found| found.start + REACH_BACK >= view.at()) else {
        return ControlFlow::Continue(());
    };
    let detector = Detector::Kind(found.kind);
    let offset = view.offset();
    on.hit(Hit {
        start: found.start + offset,
        end: found.end + offset,
        detector,
        tail: found.tail,
    })
}

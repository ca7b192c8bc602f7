//! Keyed one-way tokens of a value's shape.
//!
//! Equal values under one key have equal tokens, so that masked columns can still be joined and
//! counted by whoever sees them; under different keys they are unrelated. A token is made from a
//! pseudorandom function of the whole value, not by enciphering it: nobody can turn it back, not
//! even with the key.
//!
//! In a text
//! - a digit becomes a digit, an ASCII letter a letter of the same case;
//! - a non-ASCII digit becomes an ASCII digit, an upper-case letter A-Z, and everything else that
//!   is not ASCII a-z, but white space, which stays (so a script does not show, and the length in
//!   bytes may shrink);
//! - ASCII punctuation and white space stay;
//! - where less than half of the characters would change, the value is redacted: `::1` or `---`
//!   is hardly hidden by its token.
//!
//! A number keeps its sign, its point and how many digits it has. A number of several digits does
//! not begin with 0 unless the value does, and one of 5, 10, 19 or 20 digits, the lengths at
//! which machine integers end, begins low enough to fit. What is not plain decimal (`1e9`, `NaN`)
//! becomes NULL.
//!
//! **Short values have few tokens.** One digit has ten: different values share a token, a value
//! may be its own token, and whoever may choose values and see their tokens can make a table of
//! all of them. For such values take Redact.

use crate::mask::transform::MaskKey;

/// The token of a text; none where it must be redacted.
pub fn text(key: &MaskKey, text: &str) -> Option<String> {
    let (mut changed, mut count) = (0, 0usize);
    let mut stream = KeyStream::new(key, text);
    let token = text.chars().map(|character| {
        count += 1;
        let replacement = substitute(character, &mut stream);
        changed += usize::from(replacement.is_some());
        replacement.unwrap_or(character)
    });
    let token: String = token.collect();
    (changed * 2 >= count).then_some(token)
}

/// The token of a plain decimal number; none for anything else.
pub fn number(key: &MaskKey, text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !fraction.is_none_or(plain) {
        return None;
    }
    let mut stream = KeyStream::new(key, text);
    let mut token = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        token.push(whole_digit(index, whole.len(), digit == '0', &mut stream));
    }
    if let Some(fraction) = fraction {
        token.push('.');
        token.extend(fraction.chars().map(|_| stream.pick(b'0', 10)));
    }
    Some(token)
}

/// What stands in a character's place; none where it stays.
fn substitute(character: char, stream: &mut KeyStream<'_>) -> Option<char> {
    match character {
        '0'..='9' => Some(stream.pick(b'0', 10)),
        'a'..='z' => Some(stream.pick(b'a', 26)),
        'A'..='Z' => Some(stream.pick(b'A', 26)),
        other if other.is_ascii() || other.is_whitespace() => None,
        other if other.is_numeric() => Some(stream.pick(b'0', 10)),
        other if other.is_uppercase() => Some(stream.pick(b'A', 26)),
        _ => Some(stream.pick(b'a', 26)),
    }
}

/// One digit of a number's whole part, such that the token fits where the value did: below 32767,
/// 2147483647, 9223372036854775807, 18446744073709551615 for as many digits as those have.
fn whole_digit(index: usize, length: usize, zero: bool, stream: &mut KeyStream<'_>) -> char {
    match (index, length) {
        (0, 2..) if zero => '0',
        (0, 5) => stream.pick(b'1', 2),
        (0, 10) => '1',
        (0, 19) => stream.pick(b'1', 8),
        (0, 20) => '1',
        (1, 20) => stream.pick(b'0', 8),
        (0, 2..) => stream.pick(b'1', 9),
        _ => stream.pick(b'0', 10),
    }
}

/// Pseudorandom bytes that depend on the key and on the whole value.
struct KeyStream<'a> {
    key: &'a MaskKey,
    seed: Vec<u8>,
    block: std::vec::IntoIter<u8>,
    blocks: u64,
}

// === impl KeyStream ===

impl<'a> KeyStream<'a> {
    fn new(key: &'a MaskKey, value: &str) -> Self {
        let mut context = key.begin_token();
        context.update(b"value");
        context.update(value.as_bytes());
        let seed = context.finish_bytes();
        Self {
            key,
            block: seed.clone().into_iter(),
            seed,
            blocks: 0,
        }
    }

    /// One of the `count` characters from `first` on, each as likely as the others.
    fn pick(&mut self, first: u8, count: u8) -> char {
        let fair = u8::MAX - u8::MAX % count;
        loop {
            let byte = self.next();
            if byte < fair {
                return char::from(first.saturating_add(byte % count));
            }
        }
    }

    fn next(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.block.next() {
                return byte;
            }
            self.blocks += 1;
            let mut context = self.key.begin_token();
            context.update(b"block");
            context.update(&self.seed);
            context.update(&self.blocks.to_be_bytes());
            self.block = context.finish_bytes().into_iter();
        }
    }
}

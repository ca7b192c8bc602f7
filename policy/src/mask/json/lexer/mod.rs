//! Cuts a stream of JSON into pieces, whatever its chunks.
//!
//! Memory is bounded: an escape or a character that is split over chunks is held until it is
//! whole (12 bytes at most), and so is a number or a word ([`MAX_SCALAR_BYTES`]). The text of a
//! string is not held: it comes as it arrives.

use super::InvalidJson;

/// The longest number, `true`, `false` or `null`.
pub const MAX_SCALAR_BYTES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Lexer {
    in_string: bool,
    /// The beginning of a piece that was split. It is `complete` when it has been handed out.
    held: Vec<u8>,
    complete: bool,
    /// How many bytes were taken.
    offset: u64,
}

/// A piece, the bytes that it was written with, and how many bytes of this chunk it took.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) piece: Piece<'a>,
    pub(super) raw: &'a [u8],
    pub(super) used: usize,
    /// Where it began.
    pub(super) offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Blank,
    Open(Container),
    Close(Container),
    Colon,
    Comma,
    /// A string that is here whole and has no escapes, without its quotes.
    Whole(&'a str),
    StringStart,
    /// Characters that stand for themselves.
    Text(&'a str),
    Escape(char),
    StringEnd,
    Scalar(Scalar),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Object,
    Array,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Number,
    Boolean,
    Null,
}

/// What the first bytes of a run are.
enum Cut<'a> {
    Piece(Piece<'a>, usize),
    /// Nothing yet: the run ends within a piece.
    Split,
}

// === impl Lexer ===

impl Lexer {
    /// The next piece of a chunk; none when the rest of it (perhaps nothing) was taken.
    pub(super) fn step<'a>(&'a mut self, input: &'a [u8]) -> Result<Option<Step<'a>>, InvalidJson> {
        if self.complete {
            self.held.clear();
            self.complete = false;
        }
        if !self.held.is_empty() {
            return self.resume(input);
        }
        let Some(first) = input.first() else {
            return Ok(None);
        };
        let offset = self.offset;
        match self.cut(*first, input)? {
            Cut::Piece(piece, used) => {
                match piece {
                    Piece::StringStart => self.in_string = true,
                    Piece::StringEnd => self.in_string = false,
                    _ => {}
                }
                self.offset += used as u64;
                let raw = input.get(..used).unwrap_or_default();
                Ok(Some(Step {
                    piece,
                    raw,
                    used,
                    offset,
                }))
            }
            Cut::Split => {
                self.held.extend_from_slice(input);
                self.offset += input.len() as u64;
                self.check_held()?;
                Ok(None)
            }
        }
    }

    /// The last piece of the stream, where it was held.
    pub(super) fn finish(&mut self) -> Result<Option<Step<'_>>, InvalidJson> {
        if self.in_string {
            return Err(InvalidJson::Truncated);
        }
        if self.complete || self.held.is_empty() {
            return Ok(None);
        }
        self.complete = true;
        let offset = self.offset - self.held.len() as u64;
        let piece = Piece::Scalar(scalar(&self.held).ok_or(InvalidJson::InvalidScalar(offset))?);
        Ok(Some(Step {
            piece,
            raw: &self.held,
            used: 0,
            offset,
        }))
    }

    /// Goes on with a piece that was split. Scalars go on to their end, all else byte by byte.
    fn resume<'a>(&'a mut self, input: &'a [u8]) -> Result<Option<Step<'a>>, InvalidJson> {
        let offset = self.offset - self.held.len() as u64;
        let mut used = 0;
        let mut whole = false;
        while !whole {
            let Some(byte) = input.get(used) else { break };
            if !self.in_string && !is_scalar(*byte) {
                whole = true;
                continue;
            }
            self.held.push(*byte);
            used += 1;
            self.check_held()?;
            whole = self.in_string && {
                let first = self.held.first().copied().unwrap_or(0);
                let cut = self.cut_string(first, &self.held, offset)?;
                matches!(cut, Cut::Piece(..))
            };
        }
        self.offset += used as u64;
        if !whole {
            return Ok(None);
        }
        self.complete = true;
        let piece = if self.in_string {
            let first = self.held.first().copied().unwrap_or(0);
            match self.cut_string(first, &self.held, offset)? {
                Cut::Piece(piece, _) => piece,
                Cut::Split => return Err(InvalidJson::Truncated),
            }
        } else {
            Piece::Scalar(scalar(&self.held).ok_or(InvalidJson::InvalidScalar(offset))?)
        };
        Ok(Some(Step {
            piece,
            raw: &self.held,
            used,
            offset,
        }))
    }

    fn check_held(&self) -> Result<(), InvalidJson> {
        if self.held.len() > MAX_SCALAR_BYTES {
            return Err(InvalidJson::ScalarTooLong(self.offset));
        }
        Ok(())
    }

    fn cut<'a>(&self, first: u8, input: &'a [u8]) -> Result<Cut<'a>, InvalidJson> {
        if self.in_string {
            return self.cut_string(first, input, self.offset);
        }
        let one = |piece| Ok(Cut::Piece(piece, 1));
        match first {
            b' ' | b'\t' | b'\n' | b'\r' => {
                let blank = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
                Ok(Cut::Piece(
                    Piece::Blank,
                    input.iter().take_while(blank).count(),
                ))
            }
            b'{' => one(Piece::Open(Container::Object)),
            b'}' => one(Piece::Close(Container::Object)),
            b'[' => one(Piece::Open(Container::Array)),
            b']' => one(Piece::Close(Container::Array)),
            b':' => one(Piece::Colon),
            b',' => one(Piece::Comma),
            b'"' => Ok(cut_whole(input)),
            byte if is_scalar(byte) => self.cut_scalar(input),
            0xef if self.offset == 0 => Err(InvalidJson::ByteOrderMark),
            0x00 | 0xfe | 0xff => Err(InvalidJson::WideEncoding(self.offset)),
            _ => Err(InvalidJson::Unexpected {
                expected: "JSON",
                offset: self.offset,
            }),
        }
    }

    fn cut_scalar<'a>(&self, input: &'a [u8]) -> Result<Cut<'a>, InvalidJson> {
        let length = input.iter().take_while(|byte| is_scalar(**byte)).count();
        if length > MAX_SCALAR_BYTES {
            return Err(InvalidJson::ScalarTooLong(self.offset));
        }
        if length == input.len() {
            return Ok(Cut::Split);
        }
        let scalar = input.get(..length).and_then(scalar);
        let scalar = scalar.ok_or(InvalidJson::InvalidScalar(self.offset))?;
        Ok(Cut::Piece(Piece::Scalar(scalar), length))
    }

    fn cut_string<'a>(
        &self,
        first: u8,
        input: &'a [u8],
        offset: u64,
    ) -> Result<Cut<'a>, InvalidJson> {
        match first {
            b'"' => Ok(Cut::Piece(Piece::StringEnd, 1)),
            b'\\' => cut_escape(input, offset),
            0..0x20 => Err(InvalidJson::ControlCharacter(offset)),
            _ => cut_text(input, offset),
        }
    }
}

/// A string that is here whole, or the beginning of one.
fn cut_whole(input: &[u8]) -> Cut<'_> {
    let inside = input.get(1..).unwrap_or_default();
    let length = inside.iter().position(is_special);
    let whole = length.filter(|length| inside.get(*length) == Some(&b'"'));
    let run = whole.and_then(|length| inside.get(..length));
    match run.and_then(|run| std::str::from_utf8(run).ok()) {
        Some(text) => Cut::Piece(Piece::Whole(text), text.len() + 2),
        None => Cut::Piece(Piece::StringStart, 1),
    }
}

/// What cannot stand for itself in a string.
fn is_special(byte: &u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// A run of characters up to the next quote, escape or control character.
fn cut_text(input: &[u8], offset: u64) -> Result<Cut<'_>, InvalidJson> {
    let length = input.iter().position(is_special).unwrap_or(input.len());
    let run = input.get(..length).unwrap_or_default();
    let text = match std::str::from_utf8(run) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.valid_up_to();
            let split = error.error_len().is_none() && length == input.len();
            let text = run
                .get(..valid)
                .and_then(|run| std::str::from_utf8(run).ok());
            match text {
                Some("") | None if split => return Ok(Cut::Split),
                Some(text) if !text.is_empty() => text,
                _ => return Err(InvalidJson::NotUtf8(offset)),
            }
        }
    };
    Ok(Cut::Piece(Piece::Text(text), text.len()))
}

fn cut_escape(input: &[u8], offset: u64) -> Result<Cut<'_>, InvalidJson> {
    let simple = match input.get(1) {
        None => return Ok(Cut::Split),
        Some(same @ (b'"' | b'\\' | b'/')) => char::from(*same),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return cut_unicode(input, offset),
        Some(_) => return Err(InvalidJson::InvalidEscape(offset)),
    };
    Ok(Cut::Piece(Piece::Escape(simple), 2))
}

/// `\uXXXX`, or two of them that make one character.
fn cut_unicode(input: &[u8], offset: u64) -> Result<Cut<'_>, InvalidJson> {
    let Some(unit) = unit(input.get(2..), offset)? else {
        return Ok(Cut::Split);
    };
    match unit {
        0xd800..0xdc00 => {}
        0xdc00..0xe000 => return Err(InvalidJson::LoneSurrogate(offset)),
        unit => {
            let character = char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
            return Ok(Cut::Piece(Piece::Escape(character), 6));
        }
    }
    match (input.get(6), input.get(7)) {
        (None, _) | (Some(b'\\'), None) => return Ok(Cut::Split),
        (Some(b'\\'), Some(b'u')) => {}
        _ => return Err(InvalidJson::LoneSurrogate(offset)),
    }
    let Some(low) = self::unit(input.get(8..), offset)? else {
        return Ok(Cut::Split);
    };
    match char::decode_utf16([unit, low]).next() {
        Some(Ok(character)) => Ok(Cut::Piece(Piece::Escape(character), 12)),
        _ => Err(InvalidJson::LoneSurrogate(offset)),
    }
}

/// Four hexadecimal digits; none when there are fewer yet.
fn unit(digits: Option<&[u8]>, offset: u64) -> Result<Option<u16>, InvalidJson> {
    let mut unit = 0u16;
    let mut count = 0;
    for byte in digits.unwrap_or_default().iter().take(4) {
        let digit = char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u16::try_from(digit).ok());
        unit = unit << 4 | digit.ok_or(InvalidJson::InvalidEscape(offset))?;
        count += 1;
    }
    Ok((count == 4).then_some(unit))
}

/// What numbers and words are made of.
fn is_scalar(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'+' | b'.')
}

fn scalar(raw: &[u8]) -> Option<Scalar> {
    match raw {
        b"true" | b"false" => Some(Scalar::Boolean),
        b"null" => Some(Scalar::Null),
        number => is_number(number).then_some(Scalar::Number),
    }
}

/// JSON's grammar of numbers.
fn is_number(raw: &[u8]) -> bool {
    let rest = raw.strip_prefix(b"-").unwrap_or(raw);
    let (whole, rest) = digits(rest);
    if whole == 0 || (whole > 1 && raw.strip_prefix(b"-").unwrap_or(raw).first() == Some(&b'0')) {
        return false;
    }
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => match digits(fraction) {
            (0, _) => return false,
            (_, rest) => rest,
        },
        None => rest,
    };
    let Some((b'e' | b'E', exponent)) = rest.split_first() else {
        return rest.is_empty();
    };
    let exponent = match exponent.split_first() {
        Some((b'+' | b'-', exponent)) => exponent,
        _ => exponent,
    };
    matches!(digits(exponent), (1.., []))
}

fn digits(raw: &[u8]) -> (usize, &[u8]) {
    let count = raw.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, raw.get(count..).unwrap_or_default())
}

#[cfg(test)]
mod tests;

//! The bytes below frames and fields: variable-length integers and bounded reading.

use super::FormatError;

/// Reads from the front of a slice, and never past its end.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

// === impl Cursor ===

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(FormatError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(FormatError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, FormatError> {
        self.array().map(|[byte]| byte)
    }

    /// Seven bits a byte, lowest first; one encoding for each number.
    pub(crate) fn varint(&mut self) -> Result<u64, FormatError> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(FormatError::NotCanonical("an integer of more than 64 bits"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(FormatError::NotCanonical("an integer with idle bytes"));
                }
                return Ok(value);
            }
        }
        Err(FormatError::NotCanonical("an integer of more than 64 bits"))
    }

    /// A length, then as many bytes.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], FormatError> {
        let length = usize::try_from(self.varint()?).map_err(|_| FormatError::Truncated)?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, FormatError> {
        text(self.bytes()?)
    }
}

pub(crate) fn text(bytes: &[u8]) -> Result<&str, FormatError> {
    std::str::from_utf8(bytes).map_err(|_| FormatError::NotText)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the low seven bits are what is meant"
)]
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes what `fill` writes, with its length ahead of it.
pub(crate) fn put_nested<R>(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    // Most lengths fit the one byte that is kept for them.
    let start = out.len();
    out.push(0);
    let result = fill(out);
    let length = out.len() - start - 1;
    if let (Ok(short @ ..0x80), Some(place)) = (u8::try_from(length), out.get_mut(start)) {
        *place = short;
        return result;
    }
    let end = out.len();
    put_varint(out, length as u64);
    let prefix = out.len() - end;
    if let Some(nested) = out.get_mut(start..) {
        // The byte that was kept comes to the end, and goes.
        nested.rotate_right(prefix);
        nested.get_mut(prefix..).unwrap_or_default().rotate_left(1);
    }
    out.pop();
    result
}

/// Small numbers of either sign become small numbers without one.
pub(crate) fn zigzag(number: i64) -> u64 {
    (number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned()
}

pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

//! A cursor over one frame's body that can neither read past it nor forget a tail.

use super::InvalidFrame;

/// What is left of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a>(&'a [u8]);

// === impl Body ===

impl<'a> Body<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], InvalidFrame> {
        let (head, tail) = self
            .0
            .split_at_checked(count)
            .ok_or(InvalidFrame::Short(field))?;
        self.0 = tail;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], InvalidFrame> {
        let (head, tail) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(InvalidFrame::Short(field))?;
        self.0 = tail;
        Ok(*head)
    }

    pub fn byte(&mut self, field: &'static str) -> Result<u8, InvalidFrame> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub fn int16(&mut self, field: &'static str) -> Result<i16, InvalidFrame> {
        self.array(field).map(i16::from_be_bytes)
    }

    pub fn int32(&mut self, field: &'static str) -> Result<i32, InvalidFrame> {
        self.array(field).map(i32::from_be_bytes)
    }

    pub fn uint32(&mut self, field: &'static str) -> Result<u32, InvalidFrame> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// A count, which the protocol sends as a signed 16-bit word and means unsigned.
    pub fn count(&mut self, field: &'static str) -> Result<usize, InvalidFrame> {
        self.array(field)
            .map(|word| usize::from(u16::from_be_bytes(word)))
    }

    /// A string up to its zero byte, which is consumed and not returned.
    pub fn string(&mut self, field: &'static str) -> Result<&'a [u8], InvalidFrame> {
        let end = self
            .0
            .iter()
            .position(|&b| b == 0)
            .ok_or(InvalidFrame::Unterminated(field))?;
        let text = self.take(end, field)?;
        self.take(1, field)?;
        Ok(text)
    }

    /// A value with its length before it; −1 is NULL.
    pub fn value(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, InvalidFrame> {
        match self.int32(field)? {
            -1 => Ok(None),
            length => {
                let bad = InvalidFrame::BadValue {
                    field,
                    value: i64::from(length),
                };
                let length = usize::try_from(length).map_err(|_| bad)?;
                self.take(length, field).map(Some)
            }
        }
    }

    /// Ends the reading: nothing may be left.
    pub fn end(self) -> Result<(), InvalidFrame> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(InvalidFrame::Trailing(left)),
        }
    }
}

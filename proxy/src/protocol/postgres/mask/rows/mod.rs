//! Rows, rewritten as they pass.

use portcullis_dialect::postgres::wire::backend::tag;
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header, InvalidFrame};

use super::Unmaskable;
use super::field::{Field, Work};

/// Masks the rows of one result.
#[derive(Debug, Clone)]
pub struct RowMask {
    fields: Vec<Field>,
    passes: bool,
}

/// What was done of a run of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Run {
    /// Bytes of whole rows that were rewritten.
    pub consumed: usize,
    pub rows: u64,
    /// Values that were masked.
    pub masked: u64,
}

/// The largest body that a length word can tell.
const MAX_BODY: usize = i32::MAX as usize - 4;

// === impl RowMask ===

impl RowMask {
    pub(super) fn new(fields: Vec<Field>) -> Self {
        Self {
            passes: fields.iter().all(|field| field.work == Work::Keep),
            fields,
        }
    }

    /// True when no row changes: they are forwarded as they are, unread.
    pub fn passes(&self) -> bool {
        self.passes
    }

    /// Appends a row as it may be seen; `frame` is a whole DataRow. Tells how many values were
    /// masked. After an error nothing was appended.
    pub fn rewrite(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<u64, Unmaskable> {
        let limit = frame.len();
        let header = Header::parse(frame, limit)?.ok_or(InvalidFrame::Short("header"))?;
        if header.tag != tag::DATA_ROW {
            return Err(InvalidFrame::UnknownTag(header.tag).into());
        }
        let body = frame.get(HEADER_BYTES..).unwrap_or_default();
        match body.len().checked_sub(header.body) {
            Some(0) => {}
            Some(left) => return Err(InvalidFrame::Trailing(left).into()),
            None => return Err(InvalidFrame::Short("row").into()),
        }
        self.row(body, out)
    }

    /// Rewrites all whole rows at the start of `bytes`, up to the first message that is no row, or
    /// the first row that `passes` refuses: it is given each as it may be seen, and what it refuses
    /// is consumed and not appended. After an error what was appended is whole rows before the one
    /// that cannot be masked.
    pub fn rewrite_run(
        &self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut passes: impl FnMut(&[u8]) -> bool,
    ) -> Result<Run, Unmaskable> {
        let mut run = Run::default();
        let mut left = bytes;
        while let Some(header) = Header::parse(left, MAX_BODY)? {
            let whole = left.split_at_checked(header.total());
            let Some((frame, rest)) = whole.filter(|_| header.tag == tag::DATA_ROW) else {
                break;
            };
            let start = out.len();
            let masked = self.row(frame.get(HEADER_BYTES..).unwrap_or_default(), out)?;
            run.consumed += frame.len();
            if !passes(out.get(start..).unwrap_or_default()) {
                out.truncate(start);
                break;
            }
            run.masked += masked;
            run.rows += 1;
            left = rest;
        }
        Ok(run)
    }

    fn row(&self, body: &[u8], out: &mut Vec<u8>) -> Result<u64, Unmaskable> {
        let start = out.len();
        out.extend_from_slice(&[tag::DATA_ROW, 0, 0, 0, 0]);
        let masked = self.body(body, out).inspect_err(|_| out.truncate(start))?;
        let length = out.len().saturating_sub(start + 1);
        let word = out.get_mut(start + 1..).and_then(<[u8]>::first_chunk_mut);
        match (i32::try_from(length), word) {
            (Ok(length), Some(word)) => *word = length.to_be_bytes(),
            _ => {
                out.truncate(start);
                return Err(Unmaskable::TooLarge);
            }
        }
        Ok(masked)
    }

    /// Fields that stay are copied in runs.
    fn body(&self, body: &[u8], out: &mut Vec<u8>) -> Result<u64, Unmaskable> {
        let (count, mut left) = body
            .split_first_chunk::<2>()
            .ok_or(InvalidFrame::Short("value count"))?;
        let found = usize::from(u16::from_be_bytes(*count));
        if found != self.fields.len() {
            let expected = self.fields.len();
            return Err(Unmaskable::Fields { expected, found });
        }
        let mut kept = body;
        let mut masked = 0;
        for field in &self.fields {
            let before = left.len();
            let judged;
            let shown = match (value(&mut left)?, &field.work) {
                (_, Work::Keep) => None,
                (None, _) => field.instead_of_null().map(Some),
                (Some(_), Work::Instead(change)) => change.shown(),
                (Some(value), Work::Judge) => {
                    judged = field.judge(value)?;
                    judged.shown()
                }
            };
            let Some(instead) = shown else { continue };
            let run = kept.len().saturating_sub(before);
            out.extend_from_slice(kept.get(..run).unwrap_or_default());
            write(instead, out);
            kept = left;
            masked += 1;
        }
        if !left.is_empty() {
            return Err(InvalidFrame::Trailing(left.len()).into());
        }
        out.extend_from_slice(kept);
        Ok(masked)
    }
}

/// The next value; none for NULL.
fn value<'a>(left: &mut &'a [u8]) -> Result<Option<&'a [u8]>, InvalidFrame> {
    let (word, rest) = left
        .split_first_chunk::<4>()
        .ok_or(InvalidFrame::Short("value length"))?;
    *left = rest;
    let told = i32::from_be_bytes(*word);
    if told == -1 {
        return Ok(None);
    }
    let length = usize::try_from(told).map_err(|_| InvalidFrame::BadValue {
        field: "value length",
        value: i64::from(told),
    })?;
    let (value, rest) = rest
        .split_at_checked(length)
        .ok_or(InvalidFrame::Short("value"))?;
    *left = rest;
    Ok(Some(value))
}

fn write(value: Option<&[u8]>, out: &mut Vec<u8>) {
    let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap_or(i32::MAX));
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value.unwrap_or_default());
}

#[cfg(test)]
mod tests;

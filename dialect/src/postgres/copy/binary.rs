//! The layout `binary`: a signature, then rows of values with their lengths.

use super::{InvalidCopy, Judge, Judged, Refused, hold};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Cuts rows into values.
#[derive(Debug)]
pub(super) struct Tuples {
    columns: usize,
    column: usize,
    state: State,
    /// A head that was split, or the value so far of a column that is looked at.
    held: Vec<u8>,
    longest: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// Bytes of the header that nobody has given a meaning.
    Extension(usize),
    Row,
    Length,
    Kept(usize),
    Held(usize),
    End,
}

/// Signature, flags and the length of the extension.
const START: usize = SIGNATURE.len() + 8;

/// In the flags: rows have an object number before their values.
const WITH_OIDS: u32 = 1 << 16;

// === impl Tuples ===

impl Tuples {
    pub(super) fn new(columns: usize, longest: usize) -> Self {
        Self {
            columns,
            column: 0,
            state: State::Start,
            held: Vec::new(),
            longest,
        }
    }

    pub(super) fn finish(&self) -> Result<(), InvalidCopy> {
        match self.state {
            State::End => Ok(()),
            _ => Err(InvalidCopy::Truncated),
        }
    }

    pub(super) fn push<J: Judge>(
        &mut self,
        chunk: &[u8],
        judge: &mut J,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused<J::Error>> {
        let mut left = chunk;
        loop {
            match self.state {
                // Values of no bytes end without another byte.
                State::Held(0) => self.judge(judge, out)?,
                State::Kept(0) => self.next_value(),
                State::Extension(0) => self.state = State::Row,
                _ if left.is_empty() => return Ok(()),
                State::End => return Err(InvalidCopy::Trailing.into()),
                State::Extension(length) | State::Kept(length) => {
                    let taken = take(&mut left, length);
                    out.extend_from_slice(taken);
                    let rest = length.saturating_sub(taken.len());
                    self.state = match self.state {
                        State::Extension(_) => State::Extension(rest),
                        _ => State::Kept(rest),
                    };
                }
                State::Held(length) => {
                    let taken = take(&mut left, length);
                    hold(&mut self.held, taken, self.longest)?;
                    self.state = State::Held(length.saturating_sub(taken.len()));
                }
                State::Start => self.start(&mut left, out)?,
                State::Row => self.row(&mut left, out)?,
                State::Length => self.length(&mut left, judge, out)?,
            }
        }
    }

    fn start(&mut self, left: &mut &[u8], out: &mut Vec<u8>) -> Result<(), InvalidCopy> {
        let Some(start) = self.head::<START>(left) else {
            return Ok(());
        };
        let words = start.strip_prefix(SIGNATURE).and_then(|words| {
            let (flags, extension) = words.split_first_chunk::<4>()?;
            Some((flags, extension.first_chunk::<4>()?))
        });
        let (flags, extension) = words.ok_or(InvalidCopy::Signature)?;
        if u32::from_be_bytes(*flags) & WITH_OIDS != 0 {
            return Err(InvalidCopy::Signature);
        }
        let length = i32::from_be_bytes(*extension);
        let extension = usize::try_from(length).map_err(|_| InvalidCopy::Length(length))?;
        out.extend_from_slice(&start);
        self.state = State::Extension(extension);
        Ok(())
    }

    fn row(&mut self, left: &mut &[u8], out: &mut Vec<u8>) -> Result<(), InvalidCopy> {
        let Some(count) = self.head::<2>(left) else {
            return Ok(());
        };
        out.extend_from_slice(&count);
        self.column = 0;
        self.state = match i16::from_be_bytes(count) {
            -1 => State::End,
            count if usize::try_from(count) == Ok(self.columns) => match count {
                0 => State::Row,
                _ => State::Length,
            },
            _ => {
                return Err(InvalidCopy::Columns {
                    expected: self.columns,
                });
            }
        };
        Ok(())
    }

    fn length<J: Judge>(
        &mut self,
        left: &mut &[u8],
        judge: &J,
        out: &mut Vec<u8>,
    ) -> Result<(), InvalidCopy> {
        let Some(word) = self.head::<4>(left) else {
            return Ok(());
        };
        let told = i32::from_be_bytes(word);
        if told == -1 {
            // NULL stays NULL under every mask.
            out.extend_from_slice(&word);
            self.next_value();
            return Ok(());
        }
        let length = usize::try_from(told).map_err(|_| InvalidCopy::Length(told))?;
        if !judge.looks_at(self.column) {
            out.extend_from_slice(&word);
            self.state = State::Kept(length);
        } else if length > self.longest {
            return Err(InvalidCopy::TooLong(self.longest));
        } else {
            self.state = State::Held(length);
        }
        Ok(())
    }

    fn judge<J: Judge>(
        &mut self,
        judge: &mut J,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused<J::Error>> {
        let judged = judge
            .judge(self.column, Some(&self.held))
            .map_err(Refused::Value)?;
        match judged {
            Judged::Keep => value(&self.held, out),
            Judged::Null => out.extend_from_slice(&(-1i32).to_be_bytes()),
            Judged::Value(other) => value(&other, out),
        }
        self.held.clear();
        self.next_value();
        Ok(())
    }

    fn next_value(&mut self) {
        self.column = self.column.saturating_add(1);
        self.state = match self.column == self.columns {
            true => State::Row,
            false => State::Length,
        };
    }

    /// The next `N` bytes once they are all there.
    fn head<const N: usize>(&mut self, left: &mut &[u8]) -> Option<[u8; N]> {
        let missing = N.saturating_sub(self.held.len());
        self.held.extend_from_slice(take(left, missing));
        let head = *self.held.first_chunk::<N>()?;
        self.held.clear();
        Some(head)
    }
}

/// Up to so many bytes off the front.
fn take<'a>(left: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = left.split_at_checked(most).unwrap_or((left, &[]));
    *left = rest;
    taken
}

fn value(bytes: &[u8], out: &mut Vec<u8>) {
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

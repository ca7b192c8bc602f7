//! The layouts `text` and `csv`.
//!
//! A line ends at a line feed that is neither escaped nor quoted. The server writes no other line
//! ends to a client, whatever its platform.

use super::{InvalidCopy, Judge, Judged, Layout, Marks, Refused, hold};

/// Cuts lines into values.
#[derive(Debug)]
pub(super) struct Lines {
    marks: Marks,
    style: Style,
    columns: usize,
    column: usize,
    /// Still within the line of names.
    in_header: bool,
    /// Something of the line was read.
    in_line: bool,
    /// The byte before was an escape.
    is_escaped: bool,
    is_quoted: bool,
    /// The value so far, as it is written; only of columns that are looked at.
    held: Vec<u8>,
    longest: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Text,
    Csv { quote: u8, escape: u8 },
}

/// What the text layout writes in place of a control character.
const ESCAPES: [(u8, u8); 6] = [
    (b'b', 0x08),
    (b'f', 0x0c),
    (b'n', b'\n'),
    (b'r', b'\r'),
    (b't', b'\t'),
    (b'v', 0x0b),
];

// === impl Lines ===

impl Lines {
    pub(super) fn new(layout: Layout, columns: usize, longest: usize) -> Self {
        let (marks, style) = match layout {
            Layout::Csv {
                marks,
                quote,
                escape,
            } => (marks, Style::Csv { quote, escape }),
            Layout::Text(marks) => (marks, Style::Text),
            // Never asked for: binary data has a reader of its own. It would be refused at once.
            Layout::Binary => (
                Marks {
                    delimiter: b'\t',
                    null: Vec::new(),
                    header: false,
                },
                Style::Text,
            ),
        };
        Self {
            in_header: marks.header,
            marks,
            style,
            columns,
            column: 0,
            in_line: false,
            is_escaped: false,
            is_quoted: false,
            held: Vec::new(),
            longest,
        }
    }

    pub(super) fn push<J: Judge>(
        &mut self,
        chunk: &[u8],
        judge: &mut J,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused<J::Error>> {
        let mut left = chunk;
        while !left.is_empty() {
            self.in_line = true;
            let looked_at = !self.in_header && judge.looks_at(self.column);
            let plain = self.plain(left);
            let (run, rest) = left.split_at_checked(plain).unwrap_or((left, &[]));
            self.take(run, looked_at, out)?;
            let Some((mark, rest)) = rest.split_first() else {
                return Ok(());
            };
            left = rest;
            if self.ends_value(*mark) {
                self.end_value(looked_at, *mark == b'\n', judge, out)?;
                out.push(*mark);
            } else {
                self.take(&[*mark], looked_at, out)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), InvalidCopy> {
        match self.in_line {
            true => Err(InvalidCopy::Truncated),
            false => Ok(()),
        }
    }

    /// How many bytes from here mean nothing but themselves.
    fn plain(&self, bytes: &[u8]) -> usize {
        if self.is_escaped {
            return 0;
        }
        let delimiter = self.marks.delimiter;
        let found = match (self.style, self.is_quoted) {
            (Style::Text, _) => bytes
                .iter()
                .position(|b| *b == b'\n' || *b == b'\\' || *b == delimiter),
            (Style::Csv { quote, escape }, true) => {
                bytes.iter().position(|b| *b == quote || *b == escape)
            }
            (Style::Csv { quote, .. }, false) => bytes
                .iter()
                .position(|b| *b == b'\n' || *b == quote || *b == delimiter),
        };
        found.unwrap_or(bytes.len())
    }

    /// Takes note of a byte that may mean more than itself; true when a value ends before it.
    fn ends_value(&mut self, mark: u8) -> bool {
        if std::mem::take(&mut self.is_escaped) {
            return false;
        }
        match self.style {
            Style::Text if mark == b'\\' => self.is_escaped = true,
            Style::Csv { quote, escape } if self.is_quoted => {
                if mark == escape && escape != quote {
                    self.is_escaped = true;
                } else if mark == quote {
                    // A doubled quote ends the quoted part and begins another.
                    self.is_quoted = false;
                }
            }
            Style::Csv { quote, .. } if mark == quote => self.is_quoted = true,
            _ => return true,
        }
        false
    }

    fn take(
        &mut self,
        bytes: &[u8],
        looked_at: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), InvalidCopy> {
        match looked_at {
            true => hold(&mut self.held, bytes, self.longest),
            false => {
                out.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn end_value<J: Judge>(
        &mut self,
        looked_at: bool,
        ends_line: bool,
        judge: &mut J,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused<J::Error>> {
        if looked_at {
            // A column too many was looked at by nobody; the line is refused below.
            let value = self.value();
            let judged = judge
                .judge(self.column, value.as_deref())
                .map_err(Refused::Value)?;
            match judged {
                Judged::Keep => out.extend_from_slice(&self.held),
                Judged::Null => out.extend_from_slice(&self.marks.null),
                Judged::Value(value) => self.write(&value, out),
            }
            self.held.clear();
        }
        self.column = self.column.saturating_add(1);
        let expected = self.columns.max(1);
        let is_wrong = match ends_line {
            true => self.column != expected,
            false => self.column >= expected,
        };
        if is_wrong && !self.in_header {
            return Err(InvalidCopy::Columns {
                expected: self.columns,
            }
            .into());
        }
        if ends_line {
            self.column = 0;
            self.in_header = false;
            self.in_line = false;
        }
        Ok(())
    }

    /// What is held, without escapes; none for NULL.
    fn value(&self) -> Option<Vec<u8>> {
        let is_null = self.held == self.marks.null;
        match self.style {
            _ if is_null => None,
            Style::Text => Some(unescaped(&self.held)),
            Style::Csv { quote, escape } => Some(unquoted(&self.held, quote, escape)),
        }
    }

    fn write(&self, value: &[u8], out: &mut Vec<u8>) {
        match self.style {
            Style::Text => self.write_escaped(value, out),
            Style::Csv { quote, escape } => self.write_quoted(value, quote, escape, out),
        }
    }

    fn write_escaped(&self, value: &[u8], out: &mut Vec<u8>) {
        for byte in value {
            let letter = ESCAPES.iter().find(|(_, plain)| plain == byte);
            match letter {
                Some((letter, _)) => out.extend_from_slice(&[b'\\', *letter]),
                None if *byte == b'\\' || *byte == self.marks.delimiter => {
                    out.extend_from_slice(&[b'\\', *byte]);
                }
                None => out.push(*byte),
            }
        }
    }

    /// Quoted where the server would have to. Whether the value in its place was would tell of that.
    fn write_quoted(&self, value: &[u8], quote: u8, escape: u8, out: &mut Vec<u8>) {
        let special =
            |b: &u8| *b == self.marks.delimiter || *b == quote || *b == b'\n' || *b == b'\r';
        let quoted = value == self.marks.null || value == b"\\." || value.iter().any(special);
        if !quoted {
            return out.extend_from_slice(value);
        }
        out.push(quote);
        for byte in value {
            if *byte == quote || *byte == escape {
                out.push(escape);
            }
            out.push(*byte);
        }
        out.push(quote);
    }
}

fn unescaped(written: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(written.len());
    let mut bytes = written.iter();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'\\' => bytes.next().map_or(b'\\', |escaped| {
                let control = ESCAPES.iter().find(|(letter, _)| letter == escaped);
                control.map_or(*escaped, |(_, plain)| *plain)
            }),
            other => *other,
        };
        value.push(plain);
    }
    value
}

fn unquoted(written: &[u8], quote: u8, escape: u8) -> Vec<u8> {
    let mut value = Vec::with_capacity(written.len());
    let mut in_quotes = false;
    let mut bytes = written.iter().peekable();
    while let Some(byte) = bytes.next() {
        if in_quotes
            && *byte == escape
            && let Some(next) = bytes.next_if(|next| **next == quote || **next == escape)
        {
            value.push(*next);
            continue;
        }
        match *byte == quote {
            true => in_quotes = !in_quotes,
            false => value.push(*byte),
        }
    }
    value
}

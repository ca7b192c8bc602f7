//! What a client saw, for people: rows with their values, in lines that steer no terminal.

use portcullis_dialect::postgres::wire::backend::{Backend, tag};
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header};

use super::show::SHOWN;
use crate::output::line;

/// A row of which more is there is shown by its beginning.
const MAX_KEPT: usize = 64 * 1024;

/// Largest message: what a length word can tell.
const MAX_MESSAGE: usize = i32::MAX as usize - 4;

/// How many values a row has, and how long the first is.
const ROW_HEAD_BYTES: usize = 6;

/// The answer to one operation, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// A message that is not there whole yet.
    rest: Vec<u8>,
    /// What still comes of a message that was shown by its beginning.
    skip: usize,
    /// Where a message begins is not known any more.
    lost: bool,
}

// === impl Seen ===

impl Seen {
    /// The lines of a piece, behind which so many bytes are missing.
    pub(super) fn piece(&mut self, data: &[u8], left_out: u64) -> Vec<String> {
        let skipped = self.skip.min(data.len());
        self.skip -= skipped;
        let data = data.get(skipped..).unwrap_or_default();
        let mut lines = Vec::new();
        if self.lost {
            return lines;
        }
        self.rest.extend_from_slice(data);
        self.whole(&mut lines);
        if left_out > 0 && !self.lost {
            self.cut(left_out, &mut lines);
        }
        lines
    }

    /// Something before the next piece was lost.
    pub(super) fn gap(&mut self) {
        *self = Self {
            lost: true,
            ..Self::default()
        };
    }

    fn whole(&mut self, lines: &mut Vec<String>) {
        let mut shown = 0;
        loop {
            let rest = self.rest.get(shown..).unwrap_or_default();
            let Ok(header) = Header::parse(rest, MAX_MESSAGE) else {
                lines.push(text(rest));
                self.gap();
                return;
            };
            let Some(header) = header else { break };
            if let Some(frame) = rest.get(..header.total()) {
                lines.push(row(
                    header.tag,
                    frame.get(HEADER_BYTES..).unwrap_or_default(),
                ));
                shown += frame.len();
            } else if rest.len() >= MAX_KEPT {
                lines.push(beginning(rest));
                self.skip = header.total() - rest.len();
                shown += rest.len();
            } else {
                break;
            }
        }
        self.rest.drain(..shown);
    }

    /// What comes behind the piece was left out: the rest of this message, or more.
    fn cut(&mut self, left_out: u64, lines: &mut Vec<String>) {
        let missing = match Header::parse(&self.rest, MAX_MESSAGE) {
            Ok(Some(header)) => header.total() - self.rest.len(),
            _ => self.skip,
        };
        if !self.rest.is_empty() {
            lines.push(beginning(&self.rest));
            self.rest.clear();
        }
        let left = usize::try_from(left_out).unwrap_or(usize::MAX);
        match missing.checked_sub(left) {
            Some(skip) => self.skip = skip,
            None => self.gap(),
        }
    }
}

fn row(tag: u8, body: &[u8]) -> String {
    match Backend::decode(tag, body) {
        Ok(Backend::DataRow(row)) => {
            let values = row.values().map(|value| value.map_or("NULL".into(), text));
            line(&values.collect::<Vec<_>>().join(" | "), SHOWN)
        }
        Ok(Backend::CopyData(data)) => text(data),
        _ => text(body),
    }
}

/// What is there of a message; of a row its first value and whatever follows.
fn beginning(frame: &[u8]) -> String {
    let head = match frame.first() {
        Some(&tag::DATA_ROW) => HEADER_BYTES + ROW_HEAD_BYTES,
        _ => HEADER_BYTES,
    };
    text(frame.get(head..).unwrap_or_default()) + " …"
}

/// Text as it is, all else by its digits; as much as one line shows.
fn text(bytes: &[u8]) -> String {
    let some = bytes.get(..SHOWN * 4).unwrap_or(bytes);
    let printable = |text: &&str| {
        let mut characters = text.chars();
        characters.all(|c| !c.is_control() || c.is_whitespace())
    };
    if let Some(text) = utf8(some).filter(printable) {
        return line(text, SHOWN);
    }
    let digits = some
        .iter()
        .take(SHOWN / 2)
        .map(|byte| format!("{byte:02x}"));
    let more = if bytes.len() > SHOWN / 2 { "…" } else { "" };
    format!("\\x{}{more}", digits.collect::<String>())
}

/// The text that these bytes are, but for a character that was cut at the end.
fn utf8(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_dialect::postgres::wire::write;

    use super::*;

    fn frame(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut out = Vec::new();
        write::message(&mut out, tag::DATA_ROW, |out| {
            out.extend_from_slice(&u16::try_from(values.len()).unwrap().to_be_bytes());
            for value in values {
                let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(value.unwrap_or_default());
            }
        });
        out
    }

    #[test]
    fn rows_are_lines_however_they_are_cut_into_pieces() {
        let bytes = [
            frame(&[Some(b"a\tb"), None, Some(b"")]),
            frame(&[Some(&[0, 0, 0, 7])]),
            frame(&[Some("x\u{1b}[2J".as_bytes())]),
            frame(&[Some("x\u{202e}y".as_bytes())]),
        ]
        .concat();
        let expected = [
            "a b | NULL |",
            "\\x00000007",
            "\\x781b5b324a",
            "x\\u{202e}y",
        ];
        for size in 1..bytes.len() {
            let mut seen = Seen::default();
            let pieces = bytes.chunks(size);
            let lines: Vec<String> = pieces.flat_map(|piece| seen.piece(piece, 0)).collect();
            assert_eq!(lines, expected, "{size}");
        }
    }

    #[test]
    fn what_was_left_out_of_a_row_is_marked_and_the_next_is_read() {
        let (long, next) = (frame(&[Some(&[b'x'; 1000])]), frame(&[Some(b"next")]));
        let mut seen = Seen::default();
        let lines = seen.piece(&long[..100], (long.len() - 100) as u64);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with("xxx …"), "{lines:?}");
        assert_eq!(seen.piece(&next, 0), ["next"]);
        // More is missing than the row: nothing is guessed.
        assert_eq!(seen.piece(&long[..100], 5000).len(), 1);
        assert_eq!(seen.piece(&next, 0), [""; 0]);
    }

    #[test]
    fn a_huge_row_is_shown_by_its_beginning_in_bounded_memory() {
        let huge = frame(&[Some(&vec![b'x'; 1_000_000])]);
        let mut seen = Seen::default();
        let mut lines = Vec::new();
        for piece in huge.chunks(10_000) {
            lines.extend(seen.piece(piece, 0));
            assert!(seen.rest.len() < MAX_KEPT + 10_000);
        }
        assert_eq!(lines.len(), 1);
        assert_eq!(seen.piece(&frame(&[Some(b"next")]), 0), ["next"]);
    }

    #[test]
    fn bytes_that_are_no_messages_end_the_reading() {
        let mut seen = Seen::default();
        assert_eq!(seen.piece(&[b'D', 0, 0, 0, 1, 9], 0), ["\\x440000000109"]);
        assert_eq!(seen.piece(&frame(&[Some(b"next")]), 0), [""; 0]);
    }
}

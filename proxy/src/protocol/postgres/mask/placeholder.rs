//! Our own placeholder on its way back.

use portcullis_policy::Class;
use portcullis_policy::mask::{REDACTED, carries_placeholder};

use super::denied::denial;
use crate::session::denial::Denial;

/// Looks for the placeholder in the data of a COPY … FROM STDIN. Stored in place of the value that
/// the writer was not shown, it would destroy that value.
///
/// The data is looked through as it is sent, and as the server reads it: without the escapes of
/// the text layout, and without the quotes of CSV. A quote of the statement's own is not known.
#[derive(Debug, Default)]
pub struct PlaceholderSearch {
    plain: Reading,
    /// From the first backslash on.
    unescaped: Option<(Escape, Reading)>,
    /// From the first quote on.
    unquoted: Option<Reading>,
}

/// One way to read the data.
#[derive(Debug, Clone, Default)]
struct Reading {
    /// The end of the chunk before.
    tail: Vec<u8>,
}

/// What was read of an escape.
#[derive(Debug, Clone, Copy, Default)]
enum Escape {
    #[default]
    None,
    Begun,
    /// Of a number so far: its base, its value, and how many digits may follow.
    Number {
        base: u32,
        value: u32,
        left: u8,
        digits: bool,
    },
}

const QUOTE: u8 = b'"';

// === impl PlaceholderSearch ===

impl PlaceholderSearch {
    /// Looks at the next chunk of one stream, however it is cut.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Denial> {
        if self.unescaped.is_none() && chunk.contains(&b'\\') {
            self.unescaped = Some((Escape::None, self.plain.clone()));
        }
        if self.unquoted.is_none() && chunk.contains(&QUOTE) {
            self.unquoted = Some(self.plain.clone());
        }
        let mut carries = self.plain.carries(chunk);
        if let Some((escape, reading)) = &mut self.unescaped {
            carries |= reading.carries(&escape.read(chunk));
        }
        if let Some(reading) = &mut self.unquoted {
            let bytes = chunk.iter().copied();
            let unquoted: Vec<u8> = bytes.filter(|byte| *byte != QUOTE).collect();
            carries |= reading.carries(&unquoted);
        }
        match carries {
            true => Err(denial(
                Class::PolicyDenied,
                None,
                format!("the write carries `{REDACTED}`, which stands for a value that is masked"),
                "Write the columns that you were shown, and leave masked ones out.",
            )),
            false => Ok(()),
        }
    }
}

// === impl Reading ===

impl Reading {
    fn carries(&mut self, chunk: &[u8]) -> bool {
        let reach = REDACTED.len().saturating_sub(1);
        let (head, _) = chunk.split_at_checked(reach).unwrap_or((chunk, &[]));
        self.tail.extend_from_slice(head);
        if carries_placeholder(&self.tail) || carries_placeholder(chunk) {
            return true;
        }
        if chunk.len() >= reach {
            self.tail = chunk.iter().rev().take(reach).rev().copied().collect();
        } else {
            let surplus = self.tail.len().saturating_sub(reach);
            self.tail.drain(..surplus);
        }
        false
    }
}

// === impl Escape ===

impl Escape {
    /// The chunk without escapes, as far as they are whole.
    fn read(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(chunk.len());
        for byte in chunk {
            self.take(*byte, &mut out);
        }
        out
    }

    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        match *self {
            Self::Number {
                base,
                value,
                left,
                digits,
            } => match char::from(byte).to_digit(base) {
                Some(digit) if left > 1 => {
                    *self = Self::Number {
                        base,
                        value: value * base + digit,
                        left: left - 1,
                        digits: true,
                    };
                }
                // The last one that may be: nothing may come behind it.
                Some(digit) => {
                    out.push(low_byte(value * base + digit));
                    *self = Self::None;
                }
                None => {
                    // `\x` without a digit is that letter.
                    out.push(if digits { low_byte(value) } else { b'x' });
                    *self = Self::None;
                    self.take(byte, out);
                }
            },
            Self::Begun => {
                *self = match byte {
                    b'x' => Self::Number {
                        base: 16,
                        value: 0,
                        left: 2,
                        digits: false,
                    },
                    b'0'..=b'7' => Self::Number {
                        base: 8,
                        value: u32::from(byte - b'0'),
                        left: 2,
                        digits: true,
                    },
                    other => {
                        out.push(other);
                        Self::None
                    }
                };
            }
            Self::None if byte == b'\\' => *self = Self::Begun,
            Self::None => out.push(byte),
        }
    }
}

/// What the server keeps of a number.
fn low_byte(value: u32) -> u8 {
    u8::try_from(value & 0xff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carries(chunks: &[&[u8]]) -> bool {
        let mut search = PlaceholderSearch::default();
        chunks.iter().any(|chunk| search.push(chunk).is_err())
    }

    #[test]
    fn a_placeholder_is_found_wherever_the_stream_is_cut() {
        let text = b"a\t[redacted]\tb";
        for cut in 0..text.len() {
            assert!(carries(&[&text[..cut], &text[cut..]]), "cut at {cut}");
        }
        assert!(carries(&text.chunks(1).collect::<Vec<_>>()));
        assert!(carries(&text.chunks(3).collect::<Vec<_>>()));
    }

    #[test]
    fn a_placeholder_is_found_behind_escapes_and_quotes() {
        for text in [
            r"\x5bredacted]",
            r"\133redacted\135",
            r"[red\acted]",
            r"[\162\x65d\141c\x74ed\x5D",
            r#"x,"[red""acted]""#,
            r#"[red"act"ed]"#,
            r#"a"b\c	[redacted]"#,
        ] {
            assert!(carries(&[text.as_bytes()]), "{text}");
            assert!(carries(&[text.as_bytes(), b"\n"]), "{text}");
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).chain([&b"\n"[..]]).collect();
            assert!(carries(&pieces), "{text} in pieces");
        }
    }

    #[test]
    fn other_text_passes() {
        assert!(!carries(&[b"[redacted", b" ]", b"redacted]", b""]));
        assert!(!carries(&[b"[redac", b"x", b"ted]"]));
        assert!(!carries(&[br"[redac\\ted]", b"\n"]));
        assert!(!carries(&[br"\x5b\x5bredacte\x64\n]", b"\n"]));
        assert!(!carries(&[br#""[red" "acted]""#, b"\n"]));
        assert!(!carries(&[br"\xredacted]", b"\n"]));
    }
}

//! Our own placeholder on its way back.

use std::borrow::Cow;

use portcullis_dialect::postgres::copy::Layout;
use portcullis_policy::Class;
use portcullis_policy::mask::{REDACTED, carries_placeholder};

use super::denied::denial;
use crate::session::denial::Denial;

/// Looks for the placeholder in the data of a COPY … FROM STDIN. Stored in place of the value that
/// the writer was not shown, it would destroy that value.
///
/// The data is looked through as the server reads it: without the escapes of the text layout,
/// without the quotes and escapes of CSV, as it is in binary. Where the layout is not known, in all
/// of these ways. What a value means to who reads it later is not looked at: within JSON the mask
/// writes `"[redacted]"`, which is found; the list `["redacted"]` is no placeholder.
#[derive(Debug)]
pub struct PlaceholderSearch(Vec<(Spelling, Reading)>);

/// How values are spelled, and what was read of it.
#[derive(Debug, Clone, Copy)]
enum Spelling {
    /// As they are.
    Plain,
    Escaped(Escape),
    Quoted(Quoted),
}

/// What was read, as it is meant.
#[derive(Debug, Default)]
struct Reading {
    /// The end of the chunk before.
    tail: Vec<u8>,
}

/// What was read of an escape.
#[derive(Debug, Clone, Copy)]
enum Escape {
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

/// What was read of CSV.
#[derive(Debug, Clone, Copy)]
struct Quoted {
    quote: u8,
    escape: u8,
    state: Quoting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Outside,
    Inside,
    /// Inside, behind an escape that may be one, or be itself, or be the quote that ends it.
    Escaped,
}

const QUOTE: u8 = b'"';

// === impl PlaceholderSearch ===

impl PlaceholderSearch {
    /// In data of this layout; none: it is not known.
    pub fn new(layout: Option<&Layout>) -> Self {
        let escaped = Spelling::Escaped(Escape::None);
        let quoted = |quote, escape| {
            let state = Quoting::Outside;
            Spelling::Quoted(Quoted {
                quote,
                escape,
                state,
            })
        };
        let spellings = match layout {
            None => vec![escaped, quoted(QUOTE, QUOTE)],
            Some(Layout::Text(_)) => vec![escaped],
            Some(Layout::Csv { quote, escape, .. }) => vec![quoted(*quote, *escape)],
            Some(Layout::Binary) => vec![Spelling::Plain],
        };
        let begun = |spelling| (spelling, Reading::default());
        Self(spellings.into_iter().map(begun).collect())
    }

    /// Looks at the next chunk of one stream, however it is cut.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Denial> {
        let mut carries = false;
        for (spelling, reading) in &mut self.0 {
            carries |= reading.carries(&spelling.read(chunk));
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

// === impl Spelling ===

impl Spelling {
    /// What the chunk means, as far as it is whole.
    fn read<'c>(&mut self, chunk: &'c [u8]) -> Cow<'c, [u8]> {
        if self.is_plain(chunk) {
            return Cow::Borrowed(chunk);
        }
        let mut out = Vec::with_capacity(chunk.len());
        for byte in chunk {
            match self {
                Self::Plain => out.push(*byte),
                Self::Escaped(escape) => escape.take(*byte, &mut out),
                Self::Quoted(quoted) => quoted.take(*byte, &mut out),
            }
        }
        Cow::Owned(out)
    }

    /// True where the chunk means what it says.
    fn is_plain(&self, chunk: &[u8]) -> bool {
        match self {
            Self::Plain => true,
            Self::Escaped(escape) => matches!(escape, Escape::None) && !chunk.contains(&b'\\'),
            Self::Quoted(quoted) => {
                quoted.state == Quoting::Outside && !chunk.contains(&quoted.quote)
            }
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

// === impl Quoted ===

impl Quoted {
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.state = match self.state {
            Quoting::Outside if byte == self.quote => Quoting::Inside,
            Quoting::Inside if byte == self.escape => Quoting::Escaped,
            Quoting::Inside if byte == self.quote => Quoting::Outside,
            Quoting::Escaped if byte == self.quote || byte == self.escape => {
                out.push(byte);
                Quoting::Inside
            }
            Quoting::Escaped if self.escape == self.quote => {
                self.state = Quoting::Outside;
                return self.take(byte, out);
            }
            Quoting::Escaped => {
                out.extend_from_slice(&[self.escape, byte]);
                Quoting::Inside
            }
            same => {
                out.push(byte);
                same
            }
        };
    }
}

// === impl Escape ===

impl Escape {
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
    use portcullis_dialect::postgres::copy::Marks;

    use super::*;

    fn carries(layout: Option<&Layout>, chunks: &[&[u8]]) -> bool {
        let mut search = PlaceholderSearch::new(layout);
        chunks.iter().any(|chunk| search.push(chunk).is_err())
    }

    fn marks() -> Marks {
        Marks {
            delimiter: b',',
            null: Vec::new(),
            header: false,
        }
    }

    fn csv(quote: u8, escape: u8) -> Layout {
        Layout::Csv {
            marks: marks(),
            quote,
            escape,
        }
    }

    /// The same however the stream is cut.
    fn both(layout: Option<&Layout>, text: &str) -> bool {
        let whole = carries(layout, &[text.as_bytes(), b"\n"]);
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).chain([&b"\n"[..]]).collect();
        assert_eq!(carries(layout, &pieces), whole, "{text} in pieces");
        whole
    }

    #[test]
    fn a_placeholder_is_found_wherever_the_stream_is_cut() {
        let text = b"a\t[redacted]\tb";
        let layouts = [
            None,
            Some(Layout::Text(marks())),
            Some(csv(b'"', b'"')),
            Some(Layout::Binary),
        ];
        for layout in &layouts {
            let layout = layout.as_ref();
            for cut in 0..text.len() {
                let chunks = [&text[..cut], &text[cut..]];
                assert!(carries(layout, &chunks), "cut at {cut}");
            }
            assert!(carries(layout, &text.chunks(1).collect::<Vec<_>>()));
            assert!(carries(layout, &text.chunks(3).collect::<Vec<_>>()));
        }
    }

    #[test]
    fn a_placeholder_is_found_behind_the_escapes_of_the_text_layout() {
        let layout = Layout::Text(marks());
        for text in [
            r"\x5bredacted]",
            r"\133redacted\135",
            r"[red\acted]",
            r"[\162\x65d\141c\x74ed\x5D",
            r#"a"b\c	[redacted]"#,
            r#"{"ssn": "[redacted]"}"#,
        ] {
            assert!(both(Some(&layout), text), "{text}");
            assert!(both(None, text), "{text}");
        }
    }

    #[test]
    fn a_placeholder_is_found_behind_the_quotes_of_csv() {
        let (usual, other) = (csv(b'"', b'"'), csv(b'~', b'\\'));
        for (layout, text) in [
            (&usual, r#"[red"act"ed]"#),
            (&usual, r#"[redacted"]""#),
            (&usual, r#"1,"{""ssn"": ""[redacted]""}""#),
            (&usual, "a,\"two\nlines [redacted]\""),
            (&other, r"[red~act~ed]"),
            (&other, r"~\~[redacted]~"),
            (&other, r"~\\~[redacted]"),
        ] {
            assert!(both(Some(layout), text), "{text}");
        }
        assert!(both(None, r#"[red"act"ed]"#));
    }

    #[test]
    fn other_text_passes() {
        let text = Layout::Text(marks());
        for layout in [None, Some(&text)] {
            assert!(!carries(layout, &[b"[redacted", b" ]", b"redacted]", b""]));
            assert!(!carries(layout, &[b"[redac", b"x", b"ted]"]));
            assert!(!both(layout, r"[redac\\ted]"));
            assert!(!both(layout, r"\x5b\x5bredacte\x64\n]"));
            assert!(!both(layout, r#""[red" "acted]""#));
            assert!(!both(layout, r"\xredacted]"));
        }
    }

    #[test]
    fn a_list_of_json_is_no_placeholder() {
        let (text, usual, other) = (Layout::Text(marks()), csv(b'"', b'"'), csv(b'~', b'\\'));
        for (layout, data) in [
            (&text, r#"["redacted"]"#),
            (&text, r#"{"state": ["redacted"]}"#),
            (&Layout::Binary, r#"["redacted"]"#),
            (&Layout::Binary, r"[red\acted]"),
            (&usual, r#""[""redacted""]""#),
            (&usual, r#"1,"[red""acted]""#),
            (&usual, r"[red\acted]"),
            (&other, r#"["redacted"]"#),
            (&other, r"~[red\~acted]~"),
            (&other, r"~[red\acted]~"),
        ] {
            assert!(!both(Some(layout), data), "{data}");
        }
    }
}

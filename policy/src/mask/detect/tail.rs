//! How a find goes on when it is longer than a decision may look.
//!
//! A secret longer than a view is not let through and not cut short: once its beginning has been
//! recognised, it is followed byte by byte until something that cannot belong to it. A [`Tail`] is
//! the whole state of that walk, so it needs no memory of its own however long the secret is.

/// Bytes that a run may consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Letters, digits, `-`, `_`, `.`: three base64url parts joined by dots.
    Token,
    /// What generic keys are written with.
    Secret,
    /// The password of a URL: up to white space, quotes, `@`.
    UrlPassword,
    /// A value in a list: up to white space, quotes, `;`, `&`.
    ListValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    Run(Class),
    Pem(Pem),
}

/// Where in a PEM block the walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pem {
    /// In the text, after so many dashes in a row.
    Body(u8),
    /// Behind five dashes: END ends the block, another BEGIN goes on with it.
    Label,
    /// In the words of the END line, after so many dashes in a row.
    End(u8),
}

/// The dashes on either side of a PEM label.
const DASHES: u8 = 5;

// === impl Class ===

impl Class {
    #[inline]
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Class::Token => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
            Class::Secret => {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/')
            }
            Class::UrlPassword => {
                byte > b' ' && !matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b'@')
            }
            Class::ListValue => {
                byte > b' ' && !matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b';' | b'&')
            }
        }
    }
}

// === impl Tail ===

impl Tail {
    /// How many of `bytes` still belong to the find, and whether it ended among them.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> (usize, bool) {
        let taken = match self {
            Tail::Run(class) => bytes.iter().take_while(|byte| class.has(**byte)).count(),
            Tail::Pem(pem) => return pem.follow(bytes),
        };
        (taken, taken < bytes.len())
    }
}

// === impl Pem ===

impl Pem {
    fn follow(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (index, &byte) in bytes.iter().enumerate() {
            *self = match (*self, byte) {
                (Pem::Body(dashes), b'-') if dashes + 1 < DASHES => Pem::Body(dashes + 1),
                (Pem::Body(_), b'-') => Pem::Label,
                (Pem::Label, b'E') => Pem::End(0),
                (Pem::Label, b'-') => Pem::Label,
                (Pem::Body(_) | Pem::Label, _) if is_body(byte) => Pem::Body(0),
                (Pem::End(dashes), b'-') if dashes + 1 < DASHES => Pem::End(dashes + 1),
                (Pem::End(_), b'-') => return (index + 1, true),
                (Pem::End(_), _) if byte.is_ascii_alphanumeric() || byte == b' ' => Pem::End(0),
                _ => return (index, true),
            };
        }
        (bytes.len(), false)
    }
}

/// What may stand between the lines: base64, white space (also escaped as `\n`), and the header
/// lines of older formats.
fn is_body(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte.is_ascii_whitespace()
        || matches!(byte, b'+' | b'/' | b'=' | b'\\' | b':' | b',' | b'.' | b'_')
}

//! What the bytes of a session's texts stand for.
//!
//! A text is decoded once, in [`super::parser::readable`]; whatever takes a `&str` takes a text
//! that is decoded already. Only encodings in which every byte beyond ASCII is one character of
//! its own are read, by the server's own tables: there the server's lexer and ours see the same
//! letters, quotes and backslashes. Encodings of several bytes, other than UTF-8, are not read
//! beyond ASCII.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use pg_query::scan_tokens;

use super::settings::{Settings, Tracked};

/// Stands for a character that an encoding does not have.
const NO_CHARACTER: u8 = b'?';

/// Longest name beyond ASCII, in bytes of UTF-8 with its quotes, that is the same to servers of
/// every encoding: they cut names at 63 bytes of their own.
pub const MAX_RECODED_NAME: usize = 63;

const TABLES: &str = include_str!("single_byte.txt");

static SINGLE_BYTE: LazyLock<Vec<SingleByte>> = LazyLock::new(|| {
    let lines = TABLES.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(SingleByte::read).collect()
});

/// How bytes beyond ASCII are read.
#[derive(Debug, Clone, Copy)]
pub enum Encoding {
    Utf8,
    SingleByte(&'static SingleByte),
}

/// An encoding in which each byte is a character.
pub struct SingleByte {
    name: &'static str,
    above: Vec<Option<char>>,
    bytes: HashMap<char, u8>,
}

/// A byte that is no character, or no part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCharacter {
    pub at: usize,
}

// === impl Encoding ===

impl Encoding {
    /// How the server reads what this session sends; None where that cannot be told here.
    pub fn of(settings: &Settings) -> Option<Self> {
        Self::between(
            settings.client_encoding.known()?,
            settings.server_encoding.known()?,
        )
    }

    /// The same for data that is in `client` encoding, towards a database in `server` encoding.
    pub fn between(client: &str, server: &str) -> Option<Self> {
        let (client, server) = (plain(client), plain(server));
        match (client.as_str(), server.as_str()) {
            // The server converts nothing: names are the same where their bytes are.
            (_, "sqlascii") => Some(Self::Utf8),
            ("sqlascii", server) => Self::named(server),
            ("utf8" | "unicode", _) => Some(Self::Utf8),
            (client, "utf8") => Self::named(client),
            (client, server) if same(client, server) => Self::named(client),
            // Converted by tables of their own, which differ from those by way of UTF-8.
            _ => None,
        }
    }

    fn named(plain: &str) -> Option<Self> {
        if matches!(plain, "utf8" | "unicode") {
            return Some(Self::Utf8);
        }
        let name = unaliased(plain);
        let known = SINGLE_BYTE
            .iter()
            .find(|known| self::plain(known.name) == name);
        known.map(Self::SingleByte)
    }

    /// The text of these bytes.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, NoCharacter> {
        match (self, std::str::from_utf8(bytes)) {
            (Self::Utf8, Ok(text)) => Ok(Cow::Borrowed(text)),
            (Self::Utf8, Err(error)) => Err(NoCharacter {
                at: error.valid_up_to(),
            }),
            (Self::SingleByte(_), Ok(text)) if text.is_ascii() => Ok(Cow::Borrowed(text)),
            (Self::SingleByte(table), _) => {
                let characters = bytes.iter().enumerate();
                let text: Result<String, NoCharacter> = characters
                    .map(|(at, byte)| table.character(*byte).ok_or(NoCharacter { at }))
                    .collect();
                text.map(Cow::Owned)
            }
        }
    }

    /// The same where bytes that are no character may be: each becomes U+FFFD.
    pub fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::SingleByte(table) => {
                let character = |byte: &u8| table.character(*byte);
                let read = bytes
                    .iter()
                    .map(|byte| character(byte).unwrap_or('\u{fffd}'));
                Cow::Owned(read.collect())
            }
        }
    }

    /// The bytes of a text; a character that the encoding lacks becomes a question mark.
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::SingleByte(table) => text.chars().map(|c| table.byte(c)).collect(),
        }
    }
}

impl PartialEq for Encoding {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Utf8, Self::Utf8) => true,
            (Self::SingleByte(one), Self::SingleByte(other)) => one.name == other.name,
            _ => false,
        }
    }
}

impl Eq for Encoding {}

impl fmt::Debug for SingleByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

// === impl SingleByte ===

impl SingleByte {
    fn read(line: &'static str) -> Option<Self> {
        let mut words = line.split(' ');
        let name = words.next()?;
        let character = |word: &str| u32::from_str_radix(word, 16).ok().and_then(char::from_u32);
        let above: Vec<Option<char>> = words.map(character).collect();
        let bytes = (0x80..=0xff_u8).zip(&above);
        let bytes = bytes.filter_map(|(byte, character)| Some(((*character)?, byte)));
        Some(Self {
            name,
            bytes: bytes.collect(),
            above,
        })
    }

    fn character(&self, byte: u8) -> Option<char> {
        match byte.checked_sub(0x80) {
            None => Some(char::from(byte)),
            Some(place) => self.above.get(usize::from(place)).copied().flatten(),
        }
    }

    fn byte(&self, character: char) -> u8 {
        match u8::try_from(character) {
            Ok(byte) if byte.is_ascii() => byte,
            _ => self.bytes.get(&character).copied().unwrap_or(NO_CHARACTER),
        }
    }
}

/// A name of the text that a server of another encoding may take for another: such servers cut
/// long names elsewhere, and those of one byte for each character may fold letters beyond ASCII.
pub(super) fn ambiguous_name(text: &str, settings: &Settings) -> Option<String> {
    let server = settings.server_encoding.known().map(|name| plain(name));
    let server = server.as_deref().unwrap_or("sqlascii");
    if matches!(server, "utf8" | "unicode") || text.is_ascii() && !text.contains("&\"") {
        return None;
    }
    // The scanner knows one way of reading backslashes.
    if text.contains('\\') && settings.standard_conforming_strings != Tracked::Known(true) {
        return Some("(not told apart from literals)".to_owned());
    }
    let folds = |name: &str| match server {
        "sqlascii" => !name.is_ascii(),
        _ if Encoding::named(server).is_none() => false,
        _ => name
            .chars()
            .any(|c| !c.is_ascii() && !c.to_lowercase().eq([c])),
    };
    // What cannot be scanned cannot be parsed, and is told then.
    let tokens = scan_tokens(text).unwrap_or_default();
    let mut names = tokens.iter().filter_map(|token| {
        let place = usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?;
        text.get(place)
    });
    let ambiguous = names.find(|token| {
        let escaped = token.starts_with("U&\"") || token.starts_with("u&\"");
        let quoted = escaped || token.starts_with('"');
        let begins = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
        let plain = !quoted && token.starts_with(begins) && !token.contains('\'');
        let long = token.len() > MAX_RECODED_NAME && (escaped || !token.is_ascii());
        (quoted || plain) && long || plain && folds(token)
    });
    ambiguous.map(|name| name.chars().take(64).collect())
}

/// Whether two names are of one encoding.
fn same(one: &str, other: &str) -> bool {
    unaliased(one) == unaliased(other)
}

/// As the server compares the names of encodings.
pub(crate) fn plain(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// The plain name that the server itself would tell.
fn unaliased(plain: &str) -> String {
    let plain = match plain
        .strip_prefix("windows")
        .filter(|page| !page.is_empty())
    {
        Some(page) => format!("win{page}"),
        None => plain.to_owned(),
    };
    let name = match plain.as_str() {
        "iso88591" => "latin1",
        "iso88592" => "latin2",
        "iso88593" => "latin3",
        "iso88594" => "latin4",
        "iso88599" => "latin5",
        "iso885910" => "latin6",
        "iso885913" => "latin7",
        "iso885914" => "latin8",
        "iso885915" => "latin9",
        "iso885916" => "latin10",
        "koi8" => "koi8r",
        "win" => "win1251",
        "alt" => "win866",
        "abc" | "tcvn" | "tcvn5712" | "vscii" => "win1258",
        other => other,
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;

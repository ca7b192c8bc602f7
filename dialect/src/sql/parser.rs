//! Text to tree, within bounds.
//!
//! The parser is the server's own grammar, in C. Its tree is decoded with a bound on nesting, so
//! a walk over it needs a bounded stack: callers must give [`STACK_SIZE`] bytes. The text is
//! parsed with the session's own `standard_conforming_strings`, for that setting moves the ends of
//! literals; where it is not known, a text with a backslash is not read at all.

use pg_query::ParserOptions;
use pg_query::protobuf::{ParseResult, RawStmt};
use thiserror::Error;

use super::settings::{Settings, Tracked};

/// Longest text that is analysed, in bytes.
pub const MAX_TEXT: usize = 256 * 1024;

/// Most statements in one text.
pub const MAX_STATEMENTS: usize = 4096;

/// The stack that [`super::analyse`] needs.
pub const STACK_SIZE: usize = 8 * 1024 * 1024;

/// Why a text was not analysed. None of these may be sent to the server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    #[error("the text is {length} bytes long; at most {MAX_TEXT} are analysed")]
    TooLong { length: usize },
    #[error("the text holds a NUL byte at {at}")]
    Nul { at: usize },
    #[error("the text is not valid UTF-8 at byte {at}")]
    NotUtf8 { at: usize },
    #[error("text beyond ASCII can only be read in UTF8, and client_encoding is {encoding}")]
    Encoding { encoding: String },
    #[error("{count} statements in one text; at most {MAX_STATEMENTS}")]
    TooManyStatements { count: usize },
    #[error("{0}")]
    Unparsable(String),
}

/// What the parser made of a text.
#[derive(Debug)]
pub(crate) enum Parsed {
    Tree(ParseResult),
    /// Nested deeper than the decoder goes.
    TooDeep,
    /// Its literals end in different places under settings that are not known.
    Ambiguous,
}

/// Checks that the bytes are a text that can be lexed as the server lexes it.
pub(crate) fn readable<'t>(text: &'t [u8], settings: &Settings) -> Result<&'t str, Refused> {
    if text.len() > MAX_TEXT {
        return Err(Refused::TooLong { length: text.len() });
    }
    if let Some(at) = text.iter().position(|byte| *byte == 0) {
        return Err(Refused::Nul { at });
    }
    if !text.is_ascii() {
        check_encoding(&settings.client_encoding)?;
    }
    std::str::from_utf8(text).map_err(|error| Refused::NotUtf8 {
        at: error.valid_up_to(),
    })
}

/// Parses a text that is readable.
pub(crate) fn parse(text: &str, conforming: &Tracked<bool>) -> Result<Parsed, Refused> {
    let conforming = match conforming {
        Tracked::Known(conforming) => *conforming,
        Tracked::Void if text.contains('\\') => return Ok(Parsed::Ambiguous),
        Tracked::Void => true,
    };
    let options = match conforming {
        true => ParserOptions::DEFAULT,
        false => ParserOptions::DISABLE_STANDARD_CONFORMING_STRINGS,
    };
    match pg_query::parse(text, options) {
        Ok(result) => {
            let count = result.protobuf.stmts.len();
            match count > MAX_STATEMENTS {
                true => Err(Refused::TooManyStatements { count }),
                false => Ok(Parsed::Tree(result.protobuf)),
            }
        }
        Err(pg_query::Error::Decode(_)) => Ok(Parsed::TooDeep),
        Err(pg_query::Error::Parse(message)) => Err(Refused::Unparsable(message)),
        Err(other) => Err(Refused::Unparsable(other.to_string())),
    }
}

/// Longest text in which the place of an error is looked for: it is parsed again to find it.
const MAX_LOCATED: usize = 2 * 1024;

/// Most places in a text that are tried to find that of an error.
const MAX_PLACES: usize = 64;

/// Where in a text the parser met what it could not take: the character, from 1 on, as the server
/// counts. None where that cannot be told from its message.
pub fn place_of(text: &str, message: &str, settings: &Settings) -> Option<usize> {
    let character = |at: usize| text.get(..at).map(|before| before.chars().count() + 1);
    if text.len() > MAX_LOCATED {
        return None;
    }
    if message.ends_with(" at end of input") {
        return character(text.len());
    }
    let (_, token) = message.split_once(" at or near \"")?;
    let token = token.strip_suffix('"').filter(|token| !token.is_empty())?;
    let mut places = text.match_indices(token).take(MAX_PLACES);
    let at = match (places.next()?, places.next()) {
        ((only, _), None) => Some(only),
        // What stands before the place of the error alone is no error there.
        _ => text
            .match_indices(token)
            .take(MAX_PLACES)
            .find_map(|(at, found)| {
                let before = text.get(..at + found.len())?;
                let parsed = parse(before, &settings.standard_conforming_strings);
                matches!(parsed, Err(Refused::Unparsable(said)) if said == message).then_some(at)
            }),
    };
    character(at?)
}

/// Where a statement stands in its text, in bytes.
pub(crate) fn range(text: &str, raw: &RawStmt) -> (usize, usize) {
    let start = usize::try_from(raw.stmt_location).unwrap_or_default();
    let end = match usize::try_from(raw.stmt_len) {
        Ok(0) | Err(_) => text.len(),
        Ok(length) => (start + length).min(text.len()),
    };
    (start, end)
}

/// Every encoding of the server keeps ASCII bytes for ASCII characters when the whole text is
/// ASCII; beyond that, some hide a backslash or a quote in a character's second byte.
fn check_encoding(encoding: &Tracked<String>) -> Result<(), Refused> {
    let encoding = match encoding {
        Tracked::Known(encoding) => encoding.as_str(),
        Tracked::Void => "not known",
    };
    let plain: String = encoding
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match plain.as_str() {
        "utf8" | "unicode" => Ok(()),
        _ => Err(Refused::Encoding {
            encoding: encoding.chars().take(64).collect(),
        }),
    }
}

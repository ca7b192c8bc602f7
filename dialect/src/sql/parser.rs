//! Text to tree, within bounds.
//!
//! The parser is the server's own grammar, in C. Its tree is bounded in depth (see
//! [`depth`](super::depth)); callers must give [`STACK_SIZE`] bytes of stack. The text is parsed with
//! the session's own `standard_conforming_strings`, for that setting moves the ends of literals; where it is not known, a text with a backslash is not read at all.

use std::borrow::Cow;

use pg_query::ParserOptions;
use pg_query::protobuf::{ParseResult, RawStmt};
use thiserror::Error;

use super::depth::{MAX_NESTING, MAX_STORED_NESTING, Stack, is_shallow, on_its_stack};
use super::encoding::{Encoding, NoCharacter, ambiguous_name};
use super::settings::{Settings, Tracked};
use super::visit;

/// Longest text that is analysed, in bytes, as sent and in UTF-8.
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
    #[error(
        "text beyond ASCII is read in UTF8 and single-byte encodings that the database can be in or \
         is in, and client_encoding is {encoding}"
    )]
    Encoding { encoding: String },
    #[error("byte {at} of the text is no character of {encoding}")]
    NoCharacter { encoding: String, at: usize },
    #[error("a server of this encoding may read the name {name} as another")]
    AmbiguousName { name: String },
    #[error("{count} statements in one text; at most {MAX_STATEMENTS}")]
    TooManyStatements { count: usize },
    #[error(
        "the text nests too deep: its tree has more than {MAX_NESTING} parts inside of each other, \
         of which an operator, a join or a call makes two and a subquery six"
    )]
    TooDeep,
    #[error("{0}")]
    Unparsable(String),
}

/// What the parser made of a text.
#[derive(Debug)]
pub(crate) enum Parsed {
    Tree(ParseResult),
    /// Its literals end in different places under settings that are not known.
    Ambiguous,
}

/// The text that the server reads in these bytes: the one place where bytes become a text. Its
/// offsets are those of the text, not of the bytes.
pub fn readable<'t>(text: &'t [u8], settings: &Settings) -> Result<Cow<'t, str>, Refused> {
    bounded(text)?;
    let text = match std::str::from_utf8(text) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => decoded(text, settings)?,
    };
    // Some characters are longer in UTF-8.
    bounded(text.as_bytes())?;
    match ambiguous_name(&text, settings) {
        None => Ok(text),
        Some(name) => Err(Refused::AmbiguousName { name }),
    }
}

fn decoded<'t>(text: &'t [u8], settings: &Settings) -> Result<Cow<'t, str>, Refused> {
    let known = settings.client_encoding.known();
    let named = || -> String {
        let name = known.map_or("not known", String::as_str);
        name.chars().take(64).collect()
    };
    let Some(encoding) = Encoding::of(settings) else {
        return Err(Refused::Encoding { encoding: named() });
    };
    encoding
        .decode(text)
        .map_err(|NoCharacter { at }| match encoding {
            Encoding::Utf8 => Refused::NotUtf8 { at },
            Encoding::SingleByte(_) => Refused::NoCharacter {
                encoding: named(),
                at,
            },
        })
}

/// Checks that a text is one that can be analysed.
pub(crate) fn bounded(text: &[u8]) -> Result<(), Refused> {
    if text.len() > MAX_TEXT {
        return Err(Refused::TooLong { length: text.len() });
    }
    match text.iter().position(|byte| *byte == 0) {
        Some(at) => Err(Refused::Nul { at }),
        None => Ok(()),
    }
}

/// Parses a text that is readable, on the stack that it needs.
pub(crate) fn parse(text: &str, conforming: &Tracked<bool>) -> Result<Parsed, Refused> {
    parse_up_to(MAX_NESTING, text, conforming)
}

/// The same for what is walked wherever it is met.
pub(crate) fn parse_stored(text: &str, conforming: &Tracked<bool>) -> Result<Parsed, Refused> {
    on_its_stack(Stack::Made, text, || {
        parse_up_to(MAX_STORED_NESTING, text, conforming)
    })
}

fn parse_up_to(nesting: usize, text: &str, conforming: &Tracked<bool>) -> Result<Parsed, Refused> {
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
            let tree = result.protobuf;
            let count = tree.stmts.len();
            if count > MAX_STATEMENTS {
                return Err(Refused::TooManyStatements { count });
            }
            match !is_shallow(text) && visit::depth(&tree).is_none_or(|depth| depth > nesting) {
                true => Err(Refused::TooDeep),
                false => Ok(Parsed::Tree(tree)),
            }
        }
        Err(pg_query::Error::Parse(message)) if is_of_depth(&message) => Err(Refused::TooDeep),
        Err(pg_query::Error::Parse(message)) => Err(Refused::Unparsable(message)),
        Err(other) => Err(Refused::Unparsable(other.to_string())),
    }
}

/// What the parser says where it is at the end of its own stack.
fn is_of_depth(message: &str) -> bool {
    message == "stack depth limit exceeded"
        || message == "parse tree is nested too deeply to serialize to protobuf"
        || message.starts_with("memory exhausted at or near ")
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
                let conforming = &settings.standard_conforming_strings;
                let parsed = on_its_stack(Stack::Made, before, || parse(before, conforming));
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

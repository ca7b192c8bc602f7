//! How the data of a COPY is written, by the statement's options.
//!
//! The server tells only whether it is binary. Where the options cannot be told, or would make the
//! data something that cannot be cut into values, there is no layout, and no data may pass.

use pg_query::protobuf::{CopyStmt, DefElem, node::Node as N};

use super::{Layout, Marks};
use crate::sql::depth::{Stack, on_its_stack};
use crate::sql::encoding::{Encoding, plain};
use crate::sql::parser::{self, Parsed, Refused};
use crate::sql::settings::Settings;

/// A COPY … TO of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOut {
    /// Which statement of the text it is.
    pub statement: usize,
    /// None where it cannot be told.
    pub layout: Option<Layout>,
    /// How its values beyond ASCII are read; None where that cannot be told.
    pub encoding: Option<Encoding>,
}

/// The layouts of all COPY … TO of a text that was analysed.
pub fn copies_out(text: &str, settings: &Settings) -> Result<Vec<CopyOut>, Refused> {
    copies_out_on(Stack::Made, text, settings)
}

/// The same on such a stack.
pub fn copies_out_on(
    stack: Stack,
    text: &str,
    settings: &Settings,
) -> Result<Vec<CopyOut>, Refused> {
    parser::bounded(text.as_bytes())?;
    on_its_stack(stack, text, || copies_of(text, settings))
}

/// The layout of the data that this statement of a text takes, a COPY … FROM STDIN; none where it
/// cannot be told.
pub fn copied_in(text: &str, statement: usize, settings: &Settings) -> Option<Layout> {
    parser::bounded(text.as_bytes()).ok()?;
    let told = on_its_stack(Stack::Made, text, || {
        let tree = match parser::parse(text, &settings.standard_conforming_strings)? {
            Parsed::Tree(tree) => tree,
            Parsed::Ambiguous => return Ok(None),
        };
        let raw = tree.stmts.get(statement);
        Ok(match raw.and_then(|raw| raw.stmt.as_ref()?.node.as_ref()) {
            Some(N::CopyStmt(copy)) if copy.is_from => layout(copy, settings),
            _ => None,
        })
    });
    told.ok()?
}

fn copies_of(text: &str, settings: &Settings) -> Result<Vec<CopyOut>, Refused> {
    let tree = match parser::parse(text, &settings.standard_conforming_strings)? {
        Parsed::Tree(tree) => tree,
        Parsed::Ambiguous => return Ok(Vec::new()),
    };
    let told = tree.stmts.iter().enumerate().filter_map(|(at, raw)| {
        match raw.stmt.as_ref()?.node.as_ref()? {
            N::CopyStmt(copy) if !copy.is_from => Some(CopyOut {
                statement: at,
                layout: layout(copy, settings),
                encoding: encoding(copy, settings),
            }),
            _ => None,
        }
    });
    Ok(told.collect())
}

/// The options as they are written; each may be there once.
#[derive(Default)]
struct Options<'t> {
    format: Option<&'t str>,
    delimiter: Option<&'t str>,
    null: Option<&'t str>,
    quote: Option<&'t str>,
    escape: Option<&'t str>,
    encoding: Option<&'t str>,
    header: bool,
}

fn layout(copy: &CopyStmt, settings: &Settings) -> Option<Layout> {
    let options = options(copy)?;
    let session = settings.client_encoding.known().map(String::as_str);
    let format = options.format.unwrap_or("text");
    if format == "binary" {
        return Some(Layout::Binary);
    }
    // In some encodings the second byte of a character looks like a delimiter or a backslash.
    if !is_plain_encoding(options.encoding.or(session)?) {
        return None;
    }
    let is_csv = match format {
        "text" => false,
        "csv" => true,
        _ => return None,
    };
    let marks = Marks {
        delimiter: one_byte(options.delimiter.unwrap_or(if is_csv { "," } else { "\t" }))?,
        null: options
            .null
            .unwrap_or(if is_csv { "" } else { "\\N" })
            .as_bytes()
            .to_vec(),
        header: options.header,
    };
    if !is_csv {
        return Some(Layout::Text(marks));
    }
    let quote = one_byte(options.quote.unwrap_or("\""))?;
    let escape = options.escape.map_or(Some(quote), one_byte)?;
    Some(Layout::Csv {
        marks,
        quote,
        escape,
    })
}

/// The data of a COPY may be in another encoding than the session.
fn encoding(copy: &CopyStmt, settings: &Settings) -> Option<Encoding> {
    match options(copy)?.encoding {
        Some(named) => Encoding::between(named, settings.server_encoding.known()?),
        None => Encoding::of(settings),
    }
}

fn options(copy: &CopyStmt) -> Option<Options<'_>> {
    let mut options = Options::default();
    for node in &copy.options {
        let Some(N::DefElem(option)) = &node.node else {
            return None;
        };
        let place = match option.defname.as_str() {
            "header" => {
                options.header = is_true(option)?;
                continue;
            }
            // They change nothing in where values begin and end.
            "force_quote" | "force_not_null" | "force_null" | "freeze" => continue,
            "format" => &mut options.format,
            "delimiter" => &mut options.delimiter,
            "null" => &mut options.null,
            "quote" => &mut options.quote,
            "escape" => &mut options.escape,
            "encoding" => &mut options.encoding,
            _ => return None,
        };
        // The server refuses an option that is given twice.
        if place.replace(word(option)?).is_some() {
            return None;
        }
    }
    Some(options)
}

fn word(option: &DefElem) -> Option<&str> {
    match option.arg.as_ref()?.node.as_ref()? {
        N::String(word) => Some(&word.sval),
        _ => None,
    }
}

/// As the server reads a switch.
fn is_true(option: &DefElem) -> Option<bool> {
    let Some(argument) = &option.arg else {
        return Some(true);
    };
    match argument.node.as_ref()? {
        N::Boolean(value) => Some(value.boolval),
        N::Integer(value) => match value.ival {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        N::String(word) => match word.sval.to_ascii_lowercase().as_str() {
            "true" | "on" => Some(true),
            "false" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn one_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] => Some(*byte),
        _ => None,
    }
}

/// Encodings whose characters beyond ASCII have no byte of ASCII in them.
fn is_plain_encoding(name: &str) -> bool {
    let name = plain(name);
    let families = ["latin", "iso8859", "win12", "windows12", "euc", "koi8"];
    matches!(
        name.as_str(),
        "utf8" | "unicode" | "sqlascii" | "win866" | "win874" | "windows866" | "windows874" | "alt"
    ) || families.iter().any(|family| name.starts_with(family))
}

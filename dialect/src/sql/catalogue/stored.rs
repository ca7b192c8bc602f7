//! A piece of SQL that the database stores, parsed once.

use std::sync::OnceLock;

use pg_query::protobuf::ParseResult;

use crate::sql::parser::{Parsed, parse_stored};
use crate::sql::settings::Tracked;

/// A text of the catalogue with the tree that the parser makes of it.
pub struct Stored {
    text: String,
    /// What stands around the text to make a statement of it.
    around: (&'static str, &'static str),
    tree: OnceLock<Option<Box<ParseResult>>>,
}

// === impl Stored ===

impl Stored {
    /// A whole statement, or several.
    pub(crate) fn statement(text: impl Into<String>) -> Self {
        Self::around(text, ("", ""))
    }

    /// An expression; its tree is a SELECT of it.
    pub(crate) fn expression(text: impl Into<String>) -> Self {
        Self::around(text, ("SELECT (", "\n)"))
    }

    /// The body of a function that was not quoted; its tree makes a function of it.
    pub(crate) fn atomic_body(text: impl Into<String>) -> Self {
        Self::around(text, ("CREATE FUNCTION f() RETURNS void LANGUAGE sql ", ""))
    }

    fn around(text: impl Into<String>, around: (&'static str, &'static str)) -> Self {
        Self {
            text: text.into(),
            around,
            tree: OnceLock::new(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tree, or `None` when it could not be parsed whole.
    pub(crate) fn tree(&self) -> Option<&ParseResult> {
        self.tree
            .get_or_init(|| {
                let (before, after) = self.around;
                let text = format!("{before}{}{after}", self.text);
                match parse_stored(&text, &Tracked::Known(true)) {
                    Ok(Parsed::Tree(tree)) => Some(Box::new(tree)),
                    _ => None,
                }
            })
            .as_deref()
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stored").field(&self.text).finish()
    }
}

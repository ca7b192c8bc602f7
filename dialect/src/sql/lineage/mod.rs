//! Which columns of stored tables each column of an answer comes from, and what else a text does
//! with them.
//!
//! [`lineage`] serves masking. It is a call of its own, for most sessions mask nothing: it is made
//! when a mask may concern what [`analyse`](super::analyse) says that a text touches, and runs on
//! the same stack.
//!
//! # What is told how
//!
//! - **Columns** are named by their tables. A column of a view is told beside the columns that it
//!   is made from, so that a rule may name either. A column of a table that has parents, children
//!   or partitions is told with the column of that name of each parent and, unless the text says
//!   ONLY, of each child: a rule for one of them concerns the rows of all.
//! - **Views** and materialised views are followed by their definitions, functions in SQL by their
//!   bodies. The server's own views are told as if they were tables.
//! - **Not followed**: triggers, and what a function that is not SQL does; the value of such a
//!   function is [`Origin::Untraced`], and unless it is reviewed the whole text is.
//! - Names that could not be found, nodes that are not known and what is past a bound are Untraced,
//!   never "from nowhere". What the walk passed over is counted by a second visitor, as in
//!   classification.

mod arithmetic;
mod change;
mod condition;
mod constant;
mod cursors;
mod demand;
mod document;
mod expression;
mod failing;
mod function;
mod growth;
mod json;
mod jsonpath;
mod kept;
mod label;
mod parameter;
mod query;
mod relation;
mod rows;
mod scope;
mod sort;
mod source;
mod statement;
mod target;
mod total;
mod trace;
mod value;
mod with;

use std::collections::{BTreeMap, BTreeSet};

use portcullis_policy::mask::DocumentPlace;

pub use cursors::{CursorChange, Cursors, MAX_CURSORS};
pub use trace::MAX_WORK;

use super::catalogue::Catalogue;
use super::depth::{Stack, on_its_stack};
use super::parser::{self, Parsed, Refused};
use super::prepared::Prepared;
use super::settings::Settings;
use trace::Tracer;

/// Most columns of one answer: the server's own limit.
pub const MAX_COLUMNS: usize = 1664;

/// A column of a table or view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnRef {
    pub schema: String,
    pub table: String,
    pub column: String,
}

/// Where the values of a column of an answer come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The value itself, unchanged, of one of these columns: of a table with its views, parents
    /// and children, or of the arms of a set operation. Never empty.
    Column(BTreeSet<ColumnRef>),
    /// Computed from these; from none, when it is a constant.
    Derived(BTreeSet<ColumnRef>),
    /// It may come from anything.
    Untraced,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultColumn {
    /// As the server names it; `None` when that could not be told.
    pub name: Option<String>,
    pub origin: Origin,
}

/// The rows that a statement answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// There are none: it is no query.
    None,
    /// One entry for each column, in the server's order.
    Columns(Vec<ResultColumn>),
    /// Their columns could not be told, not even how many there are.
    Untraced,
}

/// How a text looks at a column beyond handing its values over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Only looked up by values that the text holds: `c = 'x'`, `c IN ('x', $1)`, `c = ANY ($1)`.
    Equality,
    /// Goes into what may fail, or last, by its value.
    Fails,
    /// Anything else that the number, the order or the presence of rows depends on.
    Reveals,
}

/// Where the columns that a text reads go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The answer of each statement of the text, in its order.
    pub results: Vec<Rows>,
    /// Columns that the text itself compares, sorts, groups, joins or counts by.
    pub uses: BTreeMap<ColumnRef, Use>,
    /// The same of the documents in columns that may hold some: which parts are looked at.
    pub documents: BTreeMap<ColumnRef, BTreeMap<DocumentPlace, Use>>,
    /// Columns that views and row security, as they are stored, do the same with. The caller does
    /// not choose how.
    pub stored_uses: BTreeSet<ColumnRef>,
    /// Columns whose values go elsewhere than into the answer: into a table, a file, a setting, a
    /// notification, a function that is not known.
    pub copies: BTreeSet<ColumnRef>,
    /// The text may use and copy columns that are not told here.
    pub untraced: bool,
    /// What it does to cursors, for [`Cursors::apply`].
    pub cursors: Vec<CursorChange>,
}

/// Tells where the columns go that a text reads, by the settings of the session, the catalogue of
/// its database, and what the session has prepared and declared.
pub fn lineage(
    text: &str,
    settings: &Settings,
    catalogue: &Catalogue,
    prepared: &Prepared,
    cursors: &Cursors,
) -> Result<Lineage, Refused> {
    lineage_on(Stack::Made, text, settings, catalogue, prepared, cursors)
}

/// The same on such a stack.
pub fn lineage_on(
    stack: Stack,
    text: &str,
    settings: &Settings,
    catalogue: &Catalogue,
    prepared: &Prepared,
    cursors: &Cursors,
) -> Result<Lineage, Refused> {
    parser::bounded(text.as_bytes())?;
    let read = || match parser::parse(text, &settings.standard_conforming_strings)? {
        Parsed::Tree(tree) => {
            Ok(Tracer::new(settings, catalogue, prepared, cursors).text(text, &tree))
        }
        Parsed::Ambiguous => Ok(Lineage {
            results: vec![Rows::Untraced],
            untraced: true,
            cursors: vec![CursorChange::Forget],
            ..Lineage::default()
        }),
    };
    on_its_stack(stack, text, read)
}

// === impl Origin ===

impl Origin {
    /// The columns that it comes from; `None` when it may come from anything.
    pub fn columns(&self) -> Option<&BTreeSet<ColumnRef>> {
        match self {
            Self::Column(columns) | Self::Derived(columns) => Some(columns),
            Self::Untraced => None,
        }
    }
}

impl std::fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.schema, self.table, self.column)
    }
}

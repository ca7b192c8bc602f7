//! What runs where rows are indexed, analysed or sorted into partitions, though no statement names
//! it.

use super::{Name, Stored};

/// Something that runs beside the checks of a relation.
#[derive(Debug)]
pub(in crate::sql) struct Upkeep {
    pub(in crate::sql) occasion: Occasion,
    pub(in crate::sql) part: Part,
}

/// Where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Occasion {
    /// Where a row finds its partition.
    Partition,
    /// Where an index is built or written, and where the table is analysed.
    Index,
    /// The same, and where VACUUM brings up to date what an index (BRIN) tells of new pages.
    Summary,
    /// Where the table is analysed.
    Statistics,
}

#[derive(Debug)]
pub(in crate::sql) enum Part {
    /// The key of an index or of partitions, the condition of a partial index, an expression of
    /// extended statistics.
    Expression(Stored),
    /// A function of an operator class, or the difference of ranges.
    Function(Name),
}

/// A function of an operator class that is not in C: a new index may be of that class.
#[derive(Debug)]
pub(in crate::sql) struct ClassFunction {
    pub(in crate::sql) class: String,
    /// The class is taken where none is written.
    pub(in crate::sql) is_default: bool,
    pub(in crate::sql) function: Name,
}

/// A function that runs on definitions.
#[derive(Debug)]
pub(in crate::sql) struct EventTrigger {
    pub(in crate::sql) function: Name,
    pub(in crate::sql) event: String,
    /// The verbs that it is for; all when there are none.
    pub(in crate::sql) tags: Vec<String>,
}

// === impl Occasion ===

impl Occasion {
    pub(super) fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "p" => Some(Self::Partition),
            "i" => Some(Self::Index),
            "b" => Some(Self::Summary),
            "s" => Some(Self::Statistics),
            _ => None,
        }
    }
}

//! What becomes of an operation's answer, told before the operation is forwarded.
//!
//! **Refused** is what would show a masked column in another way than in the answer: a comparison
//! that the rules do not allow, a copy into something else, a definition, a catalogue that holds
//! values, a text that cannot be told. A plain select never is.
//!
//! **Masked** is each field by two sources: the table and column that the server describes it
//! with, and lineage. Where both speak, what masks either counts. Where the server names a column
//! of a stored table, its word is enough; where neither can tell, the field is redacted, unless
//! the statement reaches nothing that is masked.

mod check;
mod fields;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_dialect::postgres::copy::{CopyOut, Layout};
use portcullis_dialect::postgres::wire::backend::RowDescription;
use portcullis_dialect::sql::Analysis;
use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_policy::Class;
use portcullis_policy::mask::MaskSet;

use super::copy::CopyMask;
use super::denied::denial;
use super::field::Field;
use super::reports::Reports;
use super::rows::RowMask;
use crate::session::denial::Denial;

/// A column by its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnRef {
    pub schema: String,
    pub table: String,
    pub column: String,
}

/// Where the values of a result's column come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The value itself of one of these: of a table with its views, parents and children, or of
    /// the arms of a set operation.
    Column(BTreeSet<ColumnRef>),
    /// Computed from these.
    Derived(BTreeSet<ColumnRef>),
    /// It may come from anything.
    Untraced,
}

/// The rows that a statement answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Results {
    None,
    /// One entry for each column, in the server's order.
    Columns(Vec<Origin>),
    /// Not even how many columns there are can be told.
    Untraced,
}

/// How a text looks at a column beyond handing its values over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Looked up by values that the text holds.
    Equality,
    /// Anything else that the answer depends on.
    Reveals,
}

/// What lineage tells of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traced {
    /// The answer of each statement, in its order.
    pub results: Vec<Results>,
    pub uses: BTreeMap<ColumnRef, Use>,
    /// Columns whose values go elsewhere than into the answer.
    pub copies: BTreeSet<ColumnRef>,
    /// There may be uses and copies that are not told.
    pub untraced: bool,
}

/// Whether an operation reaches what is masked by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing of it: only detectors look at the answer, and no lineage is needed.
    Unmasked,
    Masked,
    /// It could not be told what it reaches.
    Unknown,
}

/// What becomes of an operation's answer.
#[derive(Debug, Clone)]
pub struct Plan {
    masks: Arc<MaskSet>,
    reach: Reach,
    results: Vec<Results>,
    untraced: bool,
}

// === impl Reach ===

impl Reach {
    /// Whether lineage has to be asked, and [`Plan::traced`] has to be told.
    pub fn of(masks: &MaskSet, analysis: &Analysis, catalogue: &Catalogue) -> Self {
        check::reach(masks, analysis, catalogue)
    }
}

// === impl Plan ===

impl Plan {
    /// The plan of an operation that reaches nothing that is masked by name.
    pub fn unmasked(masks: Arc<MaskSet>) -> Self {
        Self {
            masks,
            reach: Reach::Unmasked,
            results: Vec::new(),
            untraced: false,
        }
    }

    /// The plan of an operation that may reach what is masked by name, or why it may not run.
    pub fn traced(
        masks: Arc<MaskSet>,
        reach: Reach,
        analysis: &Analysis,
        traced: &Traced,
        catalogue: &Catalogue,
    ) -> Result<Self, Denial> {
        if reach != Reach::Unmasked {
            check::check(&masks, analysis, traced, catalogue)?;
        }
        Ok(Self {
            masks,
            reach,
            results: traced.results.clone(),
            untraced: traced.untraced,
        })
    }

    /// True when nothing of the answer can change: no result need be described.
    pub fn is_clear(&self) -> bool {
        self.reach == Reach::Unmasked && !self.masks.has_detectors() && !self.masks.has_paths()
    }

    /// The mask of the rows of a statement, the first being 0, by their description. Rows without
    /// a description cannot be masked: the types of their values are not known. The catalogue is
    /// the one that the analysis was made with, or a later one.
    pub fn rows(
        &self,
        statement: usize,
        description: &RowDescription<'_>,
        catalogue: &Catalogue,
    ) -> RowMask {
        let results = self.results_of(statement, description.len());
        let described = description.fields().enumerate().map(|(at, field)| {
            let origin = results.and_then(|columns| columns.get(at));
            self.described(&field, origin, catalogue)
        });
        RowMask::new(described.collect())
    }

    /// The mask of the data of a COPY … TO STDOUT with so many columns, as CopyOutResponse says;
    /// none where all of it passes.
    pub fn copy(
        &self,
        copy: &CopyOut,
        columns: usize,
        is_binary: bool,
        catalogue: &Catalogue,
    ) -> Result<Option<CopyMask>, Denial> {
        let results = self.results_of(copy.statement, columns);
        let fields = (0..columns).map(|at| {
            let origin = results.and_then(|columns| columns.get(at));
            self.copied(origin, is_binary, catalogue)
        });
        let fields: Vec<_> = fields.collect();
        if fields.iter().all(Field::passes) {
            return Ok(None);
        }
        let is_told = |layout: &&Layout| is_binary == (**layout == Layout::Binary);
        let layout = copy.layout.as_ref().filter(is_told).ok_or_else(|| {
            denial(
                Class::MaskImpossible,
                None,
                "the data of this COPY cannot be masked: its layout cannot be told".to_owned(),
                "Use FORMAT text, csv or binary with an ENCODING such as UTF8.",
            )
        })?;
        Ok(Some(CopyMask::new(layout.clone(), fields)))
    }

    /// What becomes of errors and notices while the operation runs.
    pub fn reports(&self) -> Reports {
        match self.reach {
            Reach::Unmasked => Reports::looked_through(self.masks.clone()),
            Reach::Masked | Reach::Unknown => Reports::fixed(self.masks.clone(), self.untraced),
        }
    }

    /// What lineage says of a statement's columns, where it has the same number of them.
    fn results_of(&self, statement: usize, columns: usize) -> Option<&[Origin]> {
        match self.results.get(statement) {
            Some(Results::Columns(told)) if told.len() == columns => Some(told),
            _ => None,
        }
    }
}

// === impl ColumnRef ===

impl std::fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.schema, self.table, self.column)
    }
}

#[cfg(test)]
mod tests;

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

use std::sync::Arc;

use portcullis_dialect::postgres::copy::{CopyOut, Layout};
use portcullis_dialect::postgres::wire::backend::RowDescription;
use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::encoding::Encoding;
use portcullis_dialect::sql::lineage::{CursorChange, Lineage, ResultColumn, Rows};
use portcullis_dialect::sql::{Lacks, StatementFacts};
use portcullis_policy::mask::MaskSet;
use portcullis_policy::{Class, Operation};

use super::copy::CopyMask;
use super::denied::denial;
use super::field::Field;
use super::reports::Reports;
use super::rows::RowMask;
use crate::session::denial::Denial;

/// What is known of a text before it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub operation: &'a Operation,
    pub statements: &'a [StatementFacts],
    pub touches_are_known: bool,
    pub lacks: Lacks,
    /// The server may read of it that names are not there.
    pub is_readable: bool,
    /// The catalogue that this was told by.
    pub catalogue: &'a Arc<Catalogue>,
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
    catalogue: Arc<Catalogue>,
    lineage: Option<Arc<Lineage>>,
    copies: Arc<[CopyOut]>,
    /// How the texts of its rows are read.
    encoding: Encoding,
    /// It names tables that are not there: the server may read it, and say so.
    only_read: bool,
    /// Its errors and notices tell of names that it has itself.
    tells_names: bool,
}

// === impl Reach ===

impl Reach {
    /// Whether lineage has to be asked, and [`Plan::traced`] has to be told. What concerns
    /// cursors always counts as masked: a FETCH does not say what it reads.
    pub fn of(masks: &MaskSet, known: &Known<'_>) -> Self {
        check::reach(masks, known)
    }
}

// === impl Plan ===

impl Plan {
    /// The plan of an operation that reaches nothing that is masked by name.
    pub fn unmasked(masks: Arc<MaskSet>) -> Self {
        Self {
            masks,
            reach: Reach::Unmasked,
            catalogue: Arc::default(),
            lineage: None,
            copies: Arc::default(),
            encoding: Encoding::Utf8,
            only_read: false,
            tells_names: false,
        }
    }

    /// The plan of an operation that may reach what is masked by name, or why it may not run.
    pub fn traced(
        masks: Arc<MaskSet>,
        reach: Reach,
        known: &Known<'_>,
        lineage: Arc<Lineage>,
    ) -> Result<Self, Denial> {
        let only_read = match reach {
            Reach::Unmasked => false,
            _ => check::check(&masks, known, &lineage)?,
        };
        Ok(Self {
            masks,
            reach,
            catalogue: Arc::clone(known.catalogue),
            lineage: Some(lineage),
            copies: Arc::default(),
            encoding: Encoding::Utf8,
            only_read,
            tells_names: check::tells_names(known),
        })
    }

    /// With the layouts of every COPY … TO of the text. Without them no data of a COPY passes
    /// that may hold something to mask.
    #[must_use]
    pub fn with_copies(self, copies: Vec<CopyOut>) -> Self {
        Self {
            copies: copies.into(),
            ..self
        }
    }

    /// With rows in this encoding, other than UTF-8.
    #[must_use]
    pub fn in_encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// Whether it masks as these masks do.
    pub fn is_by(&self, masks: &Arc<MaskSet>) -> bool {
        Arc::ptr_eq(&self.masks, masks) || self.masks.masks_like(masks)
    }

    /// Whether the operation may reach what is masked by name.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Where the operation names tables that are not there, the server may read it to say so: why
    /// it must not be run should they be there by then.
    pub fn only_read(&self) -> Option<Denial> {
        self.only_read.then(check::unresolved)
    }

    /// What the operation does to the session's cursors, as far as it was asked.
    pub fn cursors(&self) -> &[CursorChange] {
        match &self.lineage {
            Some(lineage) => &lineage.cursors,
            None => &[],
        }
    }

    /// True when nothing of the answer can change: no result need be described.
    pub fn is_clear(&self) -> bool {
        self.reach == Reach::Unmasked && !self.masks.has_detectors() && !self.masks.has_paths()
    }

    /// The mask of the rows of a statement, the first being 0, by their description. Rows without
    /// a description cannot be masked: the types of their values are not known.
    pub fn rows(&self, statement: usize, description: &RowDescription<'_>) -> RowMask {
        let results = self.results_of(statement, description.len());
        let described = description.fields().enumerate().map(|(at, field)| {
            let origin = results.and_then(|columns| columns.get(at));
            let field = self.described(&field, origin.map(|column| &column.origin));
            field.in_encoding(self.encoding)
        });
        RowMask::new(described.collect())
    }

    /// False when the server names a column that the catalogue does not have: it was made since.
    pub fn knows(&self, description: &RowDescription<'_>) -> bool {
        self.reach == Reach::Unmasked
            || description.fields().all(|field| {
                let relation = self.catalogue.relation_by_oid(field.table);
                let mut columns = relation.iter().flat_map(|relation| &relation.columns);
                // Below one are the server's own, which every table has.
                field.attribute < 1 || columns.any(|column| column.number == field.attribute)
            })
    }

    /// The mask of the data of a statement that is a COPY … TO STDOUT with so many columns, as
    /// CopyOutResponse says, and values of so many bytes; none where all of it passes.
    pub fn copy(
        &self,
        statement: usize,
        (columns, is_binary): (usize, bool),
        longest: usize,
    ) -> Result<Option<CopyMask>, Denial> {
        let results = self.results_of(statement, columns);
        let fields = (0..columns).map(|at| {
            let origin = results.and_then(|columns| columns.get(at));
            self.copied(origin.map(|column| &column.origin), is_binary)
        });
        let fields: Vec<_> = fields.collect();
        if fields.iter().all(Field::passes) {
            return Ok(None);
        }
        let is_told = |layout: &&Layout| is_binary == (**layout == Layout::Binary);
        let mut copies = self.copies.iter();
        let copy = copies.find(|copy| copy.statement == statement);
        let layout = copy
            .and_then(|copy| copy.layout.as_ref())
            .filter(is_told)
            .ok_or_else(|| {
                denial(
                    Class::MaskImpossible,
                    None,
                    "the data of this COPY cannot be masked: its layout cannot be told".to_owned(),
                    "Use FORMAT text, csv or binary with an ENCODING such as UTF8.",
                )
            })?;
        let encoding = copy.and_then(|copy| copy.encoding);
        let encoding = encoding.unwrap_or(Encoding::Utf8);
        let fields = fields.into_iter().map(|field| field.in_encoding(encoding));
        let fields = fields.collect();
        Ok(Some(CopyMask::new(layout.clone(), fields, longest)))
    }

    /// What becomes of errors and notices while the operation runs.
    pub fn reports(&self) -> Reports {
        match self.reach {
            _ if self.tells_names => Reports::looked_through(self.masks.clone()),
            Reach::Unmasked => Reports::looked_through(self.masks.clone()),
            Reach::Masked | Reach::Unknown => {
                let untraced = self.lineage.as_ref().is_none_or(|lineage| lineage.untraced);
                Reports::fixed(self.masks.clone(), untraced)
            }
        }
    }

    /// What lineage says of a statement's columns, where it has the same number of them.
    fn results_of(&self, statement: usize, columns: usize) -> Option<&[ResultColumn]> {
        match self.lineage.as_ref()?.results.get(statement) {
            Some(Rows::Columns(told)) if told.len() == columns => Some(told),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;

//! What is known of a value while it is followed.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::sort::Sort;

/// A column by its relation's number and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Source {
    pub(super) relation: u32,
    pub(super) column: i16,
    /// Without the rows of children.
    pub(super) only: bool,
    /// The part of the documents in it, see [`super::document`]; all of any other column.
    pub(super) place: Place,
}

/// A part of documents, by its number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place(pub(super) u32);

/// What is written in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Constant {
    One(Rc<str>),
    List(Rc<[Rc<str>]>),
}

/// A set of columns that is cheap to hand on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sources(Option<Rc<BTreeSet<Source>>>);

/// The types of documents.
pub(super) const JSON: u32 = 114;
pub(super) const JSONB: u32 = 3802;

/// How a value comes from its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is the value of one of them, of the type of this number.
    Plain(u32),
    /// It is written in the text, or bound to it; true when it has no type of its own.
    Literal(bool),
    /// It is a part of the documents in its columns, as JSON or as a text: of the one document that
    /// a row has when true, else perhaps of another, or something else when that is missing.
    Part(bool),
    Computed,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    pub(super) sources: Sources,
    pub(super) kind: Kind,
    /// It may come from more than its sources.
    pub(super) untraced: bool,
    /// The fields of a row, where they are known.
    pub(super) row: Option<Rc<[Column]>>,
    pub(super) constant: Option<Constant>,
    /// It may be NULL by what its columns hold, and not only where they are NULL.
    pub(super) is_nulled: bool,
    pub(super) sort: Sort,
    /// How far sums and products may have taken it from what is stored.
    pub(super) stretch: f64,
    /// How many times as long as what is stored it may be, as a text.
    pub(super) growth: f64,
    /// It is made of nothing stored, and is small.
    pub(super) is_ordinary: bool,
}

/// A named value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// `None` when the server's name for it is not known.
    pub(super) name: Option<Rc<str>>,
    pub(super) value: Value,
}

/// The columns of something that has rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) columns: Rc<[Column]>,
    /// There may be other columns than these.
    pub(super) opaque: bool,
}

// === impl Source ===

impl Source {
    /// The column with all that is in it.
    pub(super) fn whole(self) -> Self {
        Self {
            place: Place::default(),
            ..self
        }
    }
}

// === impl Sources ===

impl Sources {
    pub(super) fn one(source: Source) -> Self {
        Self(Some(Rc::new(BTreeSet::from([source]))))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Source> + '_ {
        self.0.iter().flat_map(|set| set.iter().copied())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|set| set.is_empty())
    }

    /// Adds all of another set, and tells how much work that was.
    pub(super) fn add(&mut self, other: &Self) -> usize {
        let Some(more) = &other.0 else { return 1 };
        match &mut self.0 {
            None => {
                self.0 = Some(Rc::clone(more));
                1
            }
            Some(own) if Rc::ptr_eq(own, more) => 1,
            Some(own) => {
                let work = own.len() + more.len();
                Rc::make_mut(own).extend(more.iter().copied());
                work
            }
        }
    }
}

// === impl Value ===

impl Value {
    /// A value that is made of no column.
    pub(super) fn computed() -> Self {
        Self::of(Sources::default(), Kind::Computed)
    }

    pub(super) fn of(sources: Sources, kind: Kind) -> Self {
        Self {
            sources,
            kind,
            untraced: false,
            row: None,
            constant: None,
            is_nulled: false,
            sort: Sort::Unknown,
            stretch: 1.0,
            growth: 1.0,
            is_ordinary: false,
        }
    }

    pub(super) fn untraced() -> Self {
        Self {
            untraced: true,
            ..Self::computed()
        }
    }

    /// The same, as an expression hands it on.
    pub(super) fn into_computed(self) -> Self {
        Self {
            kind: Kind::Computed,
            row: None,
            constant: None,
            sort: Sort::Unknown,
            is_ordinary: false,
            ..self
        }
    }

    pub(super) fn is_literal(&self) -> bool {
        matches!(self.kind, Kind::Literal(_)) && !self.untraced
    }

    /// What it adds to the length of a text that it is put into, by what is stored.
    pub(super) fn own_growth(&self) -> f64 {
        match self.sources.is_empty() && !self.untraced {
            true => 0.0,
            false => self.growth,
        }
    }

    /// True for a document, or a part of one, whose parts can be told apart.
    pub(super) fn is_document(&self) -> bool {
        matches!(self.kind, Kind::Plain(JSON | JSONB) | Kind::Part(_)) && !self.untraced
    }

    /// Takes in what another value is made of, and tells how much work that was.
    pub(super) fn absorb(&mut self, other: &Self) -> usize {
        self.untraced |= other.untraced;
        self.is_nulled |= other.is_nulled;
        self.stretch = self.stretch.max(other.stretch);
        self.growth = self.growth.max(other.growth);
        self.sources.add(&other.sources)
    }

    /// Either this value or another one, as the arms of a set operation give them: it stays a
    /// column's own value where both are of one type.
    pub(super) fn or(&mut self, other: &Self) -> usize {
        self.sort = Self::common_sort([&*self, other]);
        self.is_ordinary = false;
        self.kind = match (self.kind, other.kind) {
            (Kind::Plain(left), Kind::Plain(right)) if left == right => self.kind,
            (Kind::Plain(_), Kind::Literal(true)) => self.kind,
            (Kind::Literal(true), Kind::Plain(_)) => other.kind,
            (Kind::Literal(left), Kind::Literal(right)) => Kind::Literal(left && right),
            (Kind::Part(own), Kind::Literal(_)) | (Kind::Literal(_), Kind::Part(own)) => {
                Kind::Part(own)
            }
            (left, right) if self.is_document() && other.is_document() => {
                Kind::Part(left != Kind::Part(false) && right != Kind::Part(false))
            }
            _ => Kind::Computed,
        };
        let same_names = match (&self.row, &other.row) {
            (Some(left), Some(right)) if left.len() == right.len() => {
                left.iter().zip(right.iter()).all(|(l, r)| l == r)
            }
            _ => false,
        };
        if !same_names {
            self.row = None;
        }
        if self.constant != other.constant {
            self.constant = None;
        }
        self.absorb(other)
    }
}

// === impl Column ===

impl Column {
    pub(super) fn new(name: Option<&str>, value: Value) -> Self {
        Self {
            name: name.map(Rc::from),
            value,
        }
    }
}

// === impl Table ===

impl Table {
    pub(super) fn of(columns: Vec<Column>) -> Self {
        Self {
            columns: columns.into(),
            opaque: false,
        }
    }

    /// A table of which nothing is known.
    pub(super) fn opaque() -> Self {
        Self {
            columns: Rc::new([]),
            opaque: true,
        }
    }

    /// The same with its first columns renamed, as the list of an alias does.
    pub(super) fn renamed(&self, names: &[&str]) -> Self {
        if names.is_empty() {
            return self.clone();
        }
        let mut columns = self.columns.to_vec();
        for (column, name) in columns.iter_mut().zip(names) {
            column.name = Some(Rc::from(*name));
        }
        Self {
            columns: columns.into(),
            opaque: self.opaque || names.len() > self.columns.len(),
        }
    }
}

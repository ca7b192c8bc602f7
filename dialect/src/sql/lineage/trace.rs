//! The state of one trace, its bounds, and what it has found.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use pg_query::protobuf::{ParseResult, RawStmt, node};
use portcullis_policy::mask::DocumentPlace;
use serde::Serialize;

use super::cursors::{CursorChange, Cursors};
use super::document::Places;
use super::function::Arguments;
use super::scope::{SYSTEM_COLUMNS, Scope};
use super::value::{Kind, Source, Sources, Table, Value};
use super::with::CommonTable;
use super::{ColumnRef, Lineage, Origin, ResultColumn, Rows, Use};
use crate::sql::catalogue::{Catalogue, Relation};
use crate::sql::classify::{MAX_EXPANSION_DEPTH, MAX_EXPANSIONS, Walk, statement_of};
use crate::sql::parser;
use crate::sql::prepared::Prepared;
use crate::sql::settings::Settings;
use crate::sql::visit::{self, Counted, Counts};

/// How much one trace may do: nodes walked, names compared, columns merged and told. What is past
/// it is untraced.
pub const MAX_WORK: usize = 4_000_000;

/// What a column that is told counts for: its names take memory, and partitions make many of one.
const TOLD: usize = 16;

/// Types of values that are no documents: booleans, texts, numbers, dates and times, uuid.
const PLAIN_TYPES: [u32; 17] = [
    16, 17, 19, 20, 21, 23, 25, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184, 1700, 2950,
];

pub(super) struct Tracer<'c> {
    pub(super) catalogue: &'c Catalogue,
    /// Finds names as classification does.
    pub(super) names: Walk<'c>,
    pub(super) scopes: Vec<Scope>,
    /// WITH queries in force, innermost last.
    pub(super) common: Vec<Vec<CommonTable>>,
    /// Of the function whose body is traced.
    pub(super) arguments: Option<Rc<Arguments>>,
    pub(super) seen: Counts,
    /// Within a view or a policy.
    pub(super) stored: bool,
    /// Within what is computed anew for a row that changes: whether that fails is seen.
    pub(super) renews: bool,
    pub(super) untraced: bool,
    /// An earlier statement of the text changed what names stand for.
    pub(super) void: bool,
    pub(super) relations: HashMap<(u32, bool), Table>,
    pub(super) work: usize,
    pub(super) cursors: Cursors,
    pub(super) cursor_changes: Vec<CursorChange>,
    depth: usize,
    expansions: usize,
    pub(super) places: Places,
    /// How often something was met that may fail, or last.
    pub(super) risks: usize,
    uses: BTreeMap<Source, Use>,
    documents: BTreeMap<Source, Use>,
    stored_uses: BTreeSet<Source>,
    copies: BTreeSet<Source>,
    told: HashMap<Source, Rc<[ColumnRef]>>,
}

impl<'c> Tracer<'c> {
    pub(super) fn new(
        settings: &Settings,
        catalogue: &'c Catalogue,
        prepared: &'c Prepared,
        cursors: &Cursors,
    ) -> Self {
        Self {
            catalogue,
            names: Walk::new(settings, catalogue, prepared),
            scopes: Vec::new(),
            common: Vec::new(),
            arguments: None,
            seen: Counts::default(),
            stored: false,
            renews: false,
            untraced: false,
            void: false,
            relations: HashMap::new(),
            work: 0,
            cursors: cursors.clone(),
            cursor_changes: Vec::new(),
            depth: 0,
            expansions: 0,
            places: Places::default(),
            risks: 0,
            uses: BTreeMap::new(),
            documents: BTreeMap::new(),
            stored_uses: BTreeSet::new(),
            copies: BTreeSet::new(),
            told: HashMap::new(),
        }
    }

    /// Traces every statement of a text.
    pub(super) fn text(mut self, text: &str, tree: &ParseResult) -> Lineage {
        let mut results = Vec::new();
        let last = tree.stmts.len();
        for (index, raw) in tree.stmts.iter().enumerate() {
            let (start, end) = parser::range(text, raw);
            self.names.text = text.get(start..end).unwrap_or(text).to_owned();
            self.names.refresh_context();
            results.push(self.accounted(raw, |trace| match raw.stmt.as_deref() {
                Some(statement) => trace.answer(statement),
                None => Rows::Untraced,
            }));
            // Later statements find names as this one leaves them.
            if index + 1 < last {
                self.relations.clear();
                let found = self.names.apart(|walk| {
                    walk.checked(raw);
                    walk.settle();
                });
                self.void |= found.voids_catalogue && !only_makes(raw);
            }
        }
        self.finish(results)
    }

    fn finish(mut self, mut results: Vec<Rows>) -> Lineage {
        let mut uses = BTreeMap::new();
        for (source, usage) in std::mem::take(&mut self.uses) {
            for column in self.columns_of(source).iter() {
                let known = uses.entry(column.clone()).or_insert(usage);
                *known = usage.max(*known);
            }
        }
        let documents = self.documents();
        let stored_uses = std::mem::take(&mut self.stored_uses);
        let stored_uses = self.all_columns_of(stored_uses.into_iter());
        let copies = std::mem::take(&mut self.copies);
        let copies = self.all_columns_of(copies.into_iter());
        if self.is_exhausted() {
            self.untraced = true;
            results.fill(Rows::Untraced);
            self.cursor_changes = vec![CursorChange::Forget];
        }
        Lineage {
            results,
            uses,
            documents,
            stored_uses,
            copies,
            untraced: self.untraced,
            cursors: self.cursor_changes,
        }
    }

    fn documents(&mut self) -> BTreeMap<ColumnRef, BTreeMap<DocumentPlace, Use>> {
        let mut documents: BTreeMap<ColumnRef, BTreeMap<DocumentPlace, Use>> = BTreeMap::new();
        for (source, usage) in std::mem::take(&mut self.documents) {
            let place = self.places.told(source.place);
            for column in self.columns_of(source.whole()).iter() {
                let places = documents.entry(column.clone()).or_default();
                let known = places.entry(place.clone()).or_insert(usage);
                *known = usage.max(*known);
            }
        }
        documents
    }

    // === bounds ===

    pub(super) fn saw(&mut self, counted: Counted) {
        self.seen.add(counted);
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.work > MAX_WORK
    }

    /// Walks a whole part of a tree and checks that nothing in it was passed over.
    pub(super) fn accounted<R>(
        &mut self,
        part: &impl Serialize,
        walk: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let before = std::mem::take(&mut self.seen);
        let result = walk(self);
        let seen = std::mem::replace(&mut self.seen, before);
        if visit::count(part) != Some(seen) {
            self.untraced = true;
        }
        result
    }

    /// Counts a part of a tree that holds no columns, or none that matter.
    pub(super) fn pass_over(&mut self, part: &impl Serialize) {
        match visit::count(part) {
            Some(counts) => self.seen = self.seen.plus(&counts),
            None => self.untraced = true,
        }
    }

    /// A part of a tree that is not understood.
    pub(super) fn unknown(&mut self, part: &impl Serialize) -> Value {
        self.pass_over(part);
        self.untraced = true;
        Value::untraced()
    }

    /// Walks what a stored definition leads to, apart from the query around it and within bounds.
    pub(super) fn apart<R>(&mut self, walk: impl FnOnce(&mut Self) -> R) -> Option<R> {
        self.expansions += 1;
        if self.depth >= MAX_EXPANSION_DEPTH || self.expansions > MAX_EXPANSIONS {
            self.untraced = true;
            return None;
        }
        self.depth += 1;
        let scopes = std::mem::take(&mut self.scopes);
        let common = std::mem::take(&mut self.common);
        let arguments = self.arguments.take();
        let context = self.names.context.clone();
        let stored = self.stored;
        let result = walk(self);
        self.stored = stored;
        self.names.context = context;
        self.arguments = arguments;
        self.common = common;
        self.scopes = scopes;
        self.depth -= 1;
        Some(result)
    }

    // === what is found ===

    /// A value that is computed from others.
    pub(super) fn derived<'v>(&mut self, values: impl IntoIterator<Item = &'v Value>) -> Value {
        let mut derived = Value::computed();
        let mut growth = 0.0;
        for value in values {
            self.work += derived.absorb(value);
            growth += value.own_growth();
            if self.is_exhausted() {
                return Value::untraced();
            }
        }
        derived.growth = derived.growth.max(growth);
        derived
    }

    /// The rows depend on a value in more ways than by handing it over.
    pub(super) fn reveal(&mut self, value: &Value) {
        self.look_at(value, Use::Reveals);
    }

    pub(super) fn look_at(&mut self, value: &Value, usage: Use) {
        for source in value.sources.iter() {
            self.work += 1;
            if self.stored && !(self.renews && usage == Use::Fails) {
                self.stored_uses.insert(source.whole());
                continue;
            }
            if self.may_hold_documents(source) {
                let known = self.documents.entry(source).or_insert(usage);
                *known = usage.max(*known);
            }
            // A piece of a column is no lookup of it.
            let usage = match (value.kind, usage) {
                (Kind::Part(_), Use::Equality) => Use::Reveals,
                _ => usage,
            };
            let known = self.uses.entry(source.whole()).or_insert(usage);
            *known = usage.max(*known);
        }
        // What the owner of a view lets decide is not the caller's choice.
        self.untraced |= value.untraced && !self.stored;
    }

    /// A value goes elsewhere than into the answer.
    pub(super) fn copy(&mut self, value: &Value) {
        self.copy_into(value, &Sources::default());
    }

    /// The same, into a column: what was there before does not leave it.
    pub(super) fn copy_into(&mut self, value: &Value, target: &Sources) {
        for source in value.sources.iter() {
            self.work += 1;
            if !is_one_of(source, target) {
                self.copies.insert(source.whole());
            }
        }
        self.untraced |= value.untraced;
    }

    /// What of a column's own value a value that replaces it would show. In a document it may stand
    /// elsewhere from then on.
    pub(super) fn reveal_own(&mut self, value: &Value, target: &Sources, of_json: bool) {
        for source in value.sources.iter().filter(|one| is_one_of(*one, target)) {
            match of_json {
                true => {
                    self.copies.insert(source.whole());
                }
                false => self.reveal(&Value::of(Sources::one(source), Kind::Computed)),
            }
        }
    }

    /// Everything that was found to be looked at so far, for a plan that tells of it.
    pub(super) fn all_uses(&mut self) -> Value {
        let mut all = Value::computed();
        let own = self.uses.keys().chain(&self.copies);
        let sources: Vec<Source> = own.chain(&self.stored_uses).copied().collect();
        for source in sources {
            self.work += all.sources.add(&Sources::one(source));
        }
        all
    }

    // === telling it ===

    /// The answer of a statement, in public words.
    pub(super) fn rows(&mut self, answer: Option<&Table>) -> Rows {
        let Some(table) = answer else {
            return Rows::None;
        };
        if table.opaque || self.is_exhausted() {
            return Rows::Untraced;
        }
        let columns = table.columns.iter().map(|column| ResultColumn {
            name: column.name.as_deref().map(str::to_owned),
            origin: self.origin(&column.value),
        });
        Rows::Columns(columns.collect())
    }

    fn origin(&mut self, value: &Value) -> Origin {
        if value.untraced || self.is_exhausted() {
            return Origin::Untraced;
        }
        let columns = self.all_columns_of(value.sources.iter());
        match value.kind {
            Kind::Plain(_) if !columns.is_empty() => Origin::Column(columns),
            _ => Origin::Derived(columns),
        }
    }

    fn all_columns_of(&mut self, sources: impl Iterator<Item = Source>) -> BTreeSet<ColumnRef> {
        let mut all = BTreeSet::new();
        for source in sources {
            let columns = self.columns_of(source.whole());
            all.extend(columns.iter().cloned());
        }
        all
    }

    /// A column with those of its relation's parents and children that hold the same rows.
    fn columns_of(&mut self, source: Source) -> Rc<[ColumnRef]> {
        if let Some(told) = self.told.get(&source) {
            self.work += told.len() * TOLD;
            return Rc::clone(told);
        }
        if self.is_exhausted() {
            return Rc::new([]);
        }
        let told: Rc<[ColumnRef]> = match self.catalogue.relation_by_oid(source.relation) {
            Some(relation) => self.told_of(relation, source),
            None => {
                self.untraced = true;
                Rc::new([])
            }
        };
        self.work += told.len() * TOLD;
        self.told.insert(source, Rc::clone(&told));
        told
    }

    /// False for columns of types that are surely no documents, and hold none.
    fn may_hold_documents(&self, source: Source) -> bool {
        let relation = self.catalogue.relation_by_oid(source.relation);
        let mut columns = relation.iter().flat_map(|relation| &relation.columns);
        let stored = columns.find(|column| column.number == source.column);
        stored.is_some_and(|column| !PLAIN_TYPES.contains(&column.type_oid))
    }

    fn told_of(&mut self, relation: &'c Relation, source: Source) -> Rc<[ColumnRef]> {
        let system = SYSTEM_COLUMNS
            .iter()
            .find(|(_, number)| *number == source.column)
            .map(|(name, _)| *name);
        let stored = relation
            .columns
            .iter()
            .find(|column| column.number == source.column)
            .map(|column| column.name.as_str());
        let Some(column) = system.or(stored) else {
            self.untraced = true;
            return Rc::new([]);
        };
        self.family(relation, source.only)
            .into_iter()
            .filter(|member| {
                let has = |own: &crate::sql::catalogue::Column| own.name == column;
                system.is_some() || member.columns.iter().any(has)
            })
            .map(|member| {
                let [schema, table] = self.names.told(&member.name);
                ColumnRef {
                    schema,
                    table,
                    column: column.to_owned(),
                }
            })
            .collect()
    }
}

fn is_one_of(source: Source, target: &Sources) -> bool {
    let same = |known: Source| known.relation == source.relation && known.column == source.column;
    target.iter().any(same)
}

/// A statement that makes a table and leaves what was there as it was.
fn only_makes(raw: &RawStmt) -> bool {
    matches!(
        statement_of(raw),
        Some(
            node::Node::CreateStmt(_)
                | node::Node::CreateTableAsStmt(_)
                | node::Node::SelectStmt(_)
        )
    )
}

//! What names stand for within a query: the server's own order of looking.

use std::rc::Rc;

use super::sort::Sort;
use super::trace::Tracer;
use super::value::{Column, Kind, Place, Source, Sources, Table, Value};
use crate::sql::names::TEMPORARY;

/// One entry of FROM.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// What its columns may be qualified with.
    pub(super) alias: Option<Rc<str>>,
    /// Its relation, and whether ONLY was said.
    pub(super) relation: Option<(u32, bool)>,
    /// The schema that may stand before its name.
    pub(super) schema: Option<Rc<str>>,
    pub(super) table: Table,
    /// Its columns may stand without a qualifier.
    pub(super) plain: bool,
    /// It is a function that gives one value: its name stands for that, not for a row.
    pub(super) is_value: bool,
}

/// The entries of one query.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) items: Vec<Item>,
    /// They are not visible from where names are looked up.
    pub(super) hidden: bool,
    /// Named windows, with what they look at.
    pub(super) windows: Vec<(String, Value)>,
}

/// The columns that every row of a stored table has, with their numbers.
pub(super) const SYSTEM_COLUMNS: [(&str, i16); 6] = [
    ("ctid", -1),
    ("xmin", -2),
    ("cmin", -3),
    ("xmax", -4),
    ("cmax", -5),
    ("tableoid", -6),
];

/// What a search in one place gave.
enum Hit {
    Found(Value),
    /// It may be there, or it is there more than once.
    Unclear,
    Missing,
}

impl Item {
    pub(super) fn new(alias: Option<&str>, table: Table) -> Self {
        Self {
            alias: alias.map(Rc::from),
            relation: None,
            schema: None,
            table,
            plain: true,
            is_value: false,
        }
    }

    fn is_called(&self, schema: Option<&str>, name: &str, temporary: bool) -> bool {
        self.alias.as_deref() == Some(name)
            && match schema {
                None => true,
                Some(schema) => self
                    .schema
                    .as_deref()
                    .is_some_and(|own| own == schema || schema == TEMPORARY && temporary),
            }
    }

    fn system_column(&self, name: &str) -> Option<Value> {
        let (relation, only) = self.relation?;
        let (_, column) = SYSTEM_COLUMNS.iter().find(|(known, _)| *known == name)?;
        let source = Source {
            relation,
            column: *column,
            only,
            place: Place::default(),
        };
        // No two of them are of one kind that a set operation could mix up.
        Some(Value::of(Sources::one(source), Kind::Plain(0)))
    }
}

impl<'c> Tracer<'c> {
    /// A name without a qualifier: a column, else a whole row, else an argument of the function.
    pub(super) fn column(&mut self, name: &str) -> Value {
        for index in (0..self.scopes.len()).rev() {
            match self.column_of_scope(index, name) {
                Hit::Found(value) => return value,
                Hit::Unclear => return Value::untraced(),
                Hit::Missing => {}
            }
        }
        if let Some(item) = self.item(None, name) {
            return item.map_or_else(Value::untraced, |item| self.row_of(&item));
        }
        self.argument(name).unwrap_or_else(Value::untraced)
    }

    /// A name with a qualifier.
    pub(super) fn qualified(&mut self, schema: Option<&str>, item: &str, name: &str) -> Value {
        match self.item(schema, item) {
            Some(Some(item)) => match self.column_of_table(&item.table, name) {
                Hit::Found(value) => value,
                Hit::Unclear => Value::untraced(),
                Hit::Missing => match item.system_column(name) {
                    Some(value) => value,
                    None => {
                        let row = self.whole_row(&item.table);
                        self.call(&[name], &[row], false)
                    }
                },
            },
            Some(None) => Value::untraced(),
            None if schema.is_none() => self
                .argument_field(item, name)
                .unwrap_or_else(Value::untraced),
            None => Value::untraced(),
        }
    }

    /// The entry of this name in the nearest query that has one; `Some(None)` when there are
    /// several.
    pub(super) fn item(&mut self, schema: Option<&str>, name: &str) -> Option<Option<Item>> {
        for scope in self.scopes.iter().rev().filter(|scope| !scope.hidden) {
            self.work += scope.items.len();
            let mut found = scope.items.iter().filter(|item| {
                let temporary = item
                    .schema
                    .as_deref()
                    .is_some_and(|schema| self.names.is_temporary(schema));
                item.is_called(schema, name, temporary)
            });
            if let Some(item) = found.next() {
                return Some(found.next().is_none().then(|| item.clone()));
            }
        }
        None
    }

    /// A column of the query at hand, without those around it.
    pub(super) fn own_column(&mut self, name: &str) -> Option<Value> {
        match self.column_of_scope(self.scopes.len().checked_sub(1)?, name) {
            Hit::Found(value) => Some(value),
            Hit::Unclear => Some(Value::untraced()),
            Hit::Missing => None,
        }
    }

    fn column_of_scope(&mut self, index: usize, name: &str) -> Hit {
        let Some(scope) = self.scopes.get(index).filter(|scope| !scope.hidden) else {
            return Hit::Missing;
        };
        let mut found = Hit::Missing;
        let mut unclear = false;
        for item in scope.items.iter().filter(|item| item.plain) {
            self.work += 1 + item.table.columns.len();
            match (find(&item.table, name), &found) {
                (Hit::Found(value), Hit::Missing) => found = Hit::Found(value),
                (Hit::Found(_), _) => return Hit::Unclear,
                (Hit::Unclear, _) => unclear = true,
                (Hit::Missing, _) => {}
            }
        }
        if !matches!(found, Hit::Missing) {
            return found;
        }
        if unclear {
            return Hit::Unclear;
        }
        let items = scope.items.iter().filter(|item| item.plain);
        let mut system = items.filter_map(|item| item.system_column(name));
        match (system.next(), system.next()) {
            (Some(value), None) => Hit::Found(value),
            (Some(_), Some(_)) => Hit::Unclear,
            (None, _) => Hit::Missing,
        }
    }

    fn column_of_table(&mut self, table: &Table, name: &str) -> Hit {
        self.work += table.columns.len();
        find(table, name)
    }

    /// The row of all columns of a table.
    pub(super) fn whole_row(&mut self, table: &Table) -> Value {
        let row = self.derived(table.columns.iter().map(|column| &column.value));
        let mut row = row.sorted(Sort::Other);
        row.untraced |= table.opaque;
        row.row = (!table.opaque).then(|| Rc::clone(&table.columns));
        row
    }

    /// What the name of an entry of FROM stands for.
    fn row_of(&mut self, item: &Item) -> Value {
        match &item.table.columns[..] {
            [only] if item.is_value && !item.table.opaque => only.value.clone(),
            _ => self.whole_row(&item.table),
        }
    }

    /// A field of a row; `None` when the row has none of this name.
    pub(super) fn field(&mut self, row: &Value, name: &str) -> Option<Value> {
        let columns = Rc::clone(row.row.as_ref()?);
        let table = Table {
            columns,
            opaque: false,
        };
        match self.column_of_table(&table, name) {
            Hit::Found(value) => Some(value),
            Hit::Unclear => Some(Value::untraced()),
            Hit::Missing => None,
        }
    }

    /// What `*` stands for; `None` when that is not known.
    pub(super) fn star(&mut self) -> Option<Vec<Column>> {
        let scope = self.scopes.last()?;
        let mut columns = Vec::new();
        for item in scope.items.iter().filter(|item| item.plain) {
            if item.table.opaque || columns.len() > super::MAX_COLUMNS {
                return None;
            }
            columns.extend(item.table.columns.iter().cloned());
        }
        self.work += columns.len();
        (!columns.is_empty()).then_some(columns)
    }
}

/// A column of a table by its name.
fn find(table: &Table, name: &str) -> Hit {
    let mut unclear = table.opaque;
    let mut found = None;
    for column in table.columns.iter() {
        match &column.name {
            Some(own) if **own == *name => {
                if found.replace(column).is_some() {
                    return Hit::Unclear;
                }
            }
            Some(_) => {}
            None => unclear = true,
        }
    }
    match found {
        Some(column) => Hit::Found(column.value.clone()),
        None if unclear => Hit::Unclear,
        None => Hit::Missing,
    }
}

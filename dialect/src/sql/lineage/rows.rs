//! Functions in FROM: how many columns they give, and under which names.

use std::ops::RangeInclusive;

use pg_query::protobuf::{ColumnDef, Node, RangeFunction, RangeTableFunc, node};

use super::label::label;
use super::scope::Item;
use super::source::aliased;
use super::trace::Tracer;
use super::value::{Column, Kind, Table, Value};
use crate::sql::catalogue::{Mode, Signature};
use crate::sql::classify::is_parameter;
use crate::sql::names::{self, SYSTEM};

/// The types of results that differ from call to call, and may be rows.
const POLYMORPHIC: [u32; 5] = [2249, 2283, 2776, 5077, 5079];

/// Arrays of rows among the types that came with the server.
const ROW_ARRAYS: [u32; 5] = [210, 270, 272, 273, 2287];

/// Types below this were numbered by hand; the rest of the server's types are rows of its tables.
const FIRST_GENERATED_OID: u32 = 10_000;

/// The columns that a function gives.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    /// One, with the name of its result where it has one.
    One(Option<String>),
    Several(Vec<Option<String>>),
    /// As the caller defines them.
    Record,
    Unknown,
}

impl<'c> Tracer<'c> {
    pub(super) fn range_function(&mut self, range: &RangeFunction) -> Item {
        self.pass_over(&range.coldeflist);
        let single = range.functions.len() == 1 && !range.is_rowsfrom;
        let mut columns = Vec::new();
        let mut opaque = false;
        let mut is_value = false;
        for function in &range.functions {
            let Some(node::Node::List(parts)) = function.node.as_ref() else {
                self.unknown(function);
                opaque = true;
                continue;
            };
            let [function, defined @ ..] = parts.items.as_slice() else {
                opaque = true;
                continue;
            };
            self.pass_over(&defined);
            let mut defined = defined_columns(defined);
            defined.extend(defined_columns(&range.coldeflist));
            let alias = range.alias.as_ref().filter(|_| single);
            let alias = alias.map(|alias| alias.aliasname.as_str());
            let table = self.function_rows(function, &defined, alias);
            opaque |= table.opaque;
            is_value = matches!(&table.columns[..], [only] if only.value.is_document());
            columns.extend(table.columns.iter().cloned());
        }
        if range.ordinality {
            columns.push(Column::new(Some("ordinality"), Value::computed()));
        }
        let table = Table {
            columns: columns.into(),
            opaque,
        };
        let name = range.functions.first().and_then(function_name);
        let mut item = Item::new(name, table);
        item.is_value = is_value && single && defined_columns(&range.coldeflist).is_empty();
        aliased(item, range.alias.as_ref())
    }

    fn function_rows(&mut self, node: &Node, defined: &[&ColumnDef], alias: Option<&str>) -> Table {
        let value = self.expression(node);
        let Some(node::Node::FuncCall(call)) = node.node.as_ref() else {
            return Table::of(vec![Column::new(alias.or_else(|| label(node)), value)]);
        };
        let parts = names::strings(&call.funcname);
        if matches!(parts[..], ["unnest"] | [SYSTEM, "unnest"]) {
            return self.unnested(&call.args, value, alias);
        }
        let shape = match defined.is_empty() {
            true => {
                let parameters = call.args.iter().filter(|a| is_parameter(a)).count();
                let most = call.args.len();
                self.shape(&parts, most - parameters..=most)
            }
            false => Shape::Record,
        };
        match shape {
            Shape::One(name) => {
                let name = name.as_deref().or(alias).or(parts.last().copied());
                // The result of the function, whatever its body calls it.
                Table::of(vec![Column::new(name, self.only_field(value))])
            }
            Shape::Several(names) => self.fields(&value, &names),
            Shape::Record if value.is_document() => Table::of(self.named_parts(&value, defined)),
            Shape::Record => {
                let names = defined.iter().map(|column| Some(column.colname.clone()));
                let names: Vec<Option<String>> = names.collect();
                self.fields(&value, &names)
            }
            Shape::Unknown => Table {
                columns: Table::of(vec![Column::new(alias, value)]).columns,
                opaque: true,
            },
        }
    }

    fn only_field(&mut self, value: Value) -> Value {
        match value.row.as_deref() {
            Some([field]) => Value {
                constant: None,
                ..field.value.clone()
            },
            // Each row is an element of a document.
            _ if value.is_document() => value,
            _ => value.into_computed(),
        }
    }

    /// One column for each name: the fields of a row, or else all alike.
    fn fields(&mut self, value: &Value, names: &[Option<String>]) -> Table {
        self.work += names.len();
        let row = value.row.as_deref().filter(|row| row.len() == names.len());
        let columns = names.iter().enumerate().map(|(place, name)| {
            let field = row.and_then(|row| row.get(place));
            let value = match field {
                Some(field) => field.value.clone(),
                None => value.clone().into_computed(),
            };
            Column::new(name.as_deref(), value)
        });
        Table::of(columns.collect())
    }

    /// The elements of arrays: one column for each array, unless its elements are rows.
    fn unnested(&mut self, arguments: &[Node], value: Value, alias: Option<&str>) -> Table {
        let opaque = !arguments
            .iter()
            .all(|argument| self.holds_no_rows(argument));
        let names = match arguments {
            [_] => vec![Some(alias.unwrap_or("unnest").to_owned())],
            _ => vec![Some("unnest".to_owned()); arguments.len()],
        };
        Table {
            opaque,
            ..self.fields(&value.into_computed(), &names)
        }
    }

    /// True for an array whose elements are certainly no rows.
    fn holds_no_rows(&mut self, node: &Node) -> bool {
        use node::Node as N;
        match node.node.as_ref() {
            Some(N::TypeCast(cast)) => cast.type_name.as_ref().is_some_and(|written| {
                let parts = names::strings(&written.names);
                matches!(parts[..], [SYSTEM, _])
                    || parts
                        .last()
                        .is_some_and(|last| self.names.is_plain_type(last))
            }),
            Some(N::AArrayExpr(array)) => array.elements.iter().all(|element| {
                matches!(element.node.as_ref(), Some(N::AConst(_))) || self.holds_no_rows(element)
            }),
            Some(N::FuncCall(call)) => matches!(
                names::strings(&call.funcname).last(),
                Some(&("string_to_array" | "regexp_split_to_array" | "regexp_match"))
            ),
            Some(N::ColumnRef(column)) => {
                // Looked up once more, for its type alone.
                let seen = self.seen;
                let value = self.column_reference(column);
                self.seen = seen;
                match value.kind {
                    Kind::Plain(type_oid) => {
                        type_oid < FIRST_GENERATED_OID && !ROW_ARRAYS.contains(&type_oid)
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// The columns that a call with so many arguments gives, if all that it may mean give the same.
    fn shape(&mut self, parts: &[&str], counts: RangeInclusive<usize>) -> Shape {
        let (Some((schema, name)), Some(visible)) =
            (names::split(parts), self.names.function_schemas())
        else {
            return Shape::Unknown;
        };
        let schemas = schema.map_or(visible, |schema| vec![schema.to_owned()]);
        let mut shapes = Vec::new();
        for (schema, count) in schemas
            .iter()
            .flat_map(|schema| counts.clone().map(move |count| (schema, count)))
        {
            let known: Vec<&Signature> =
                self.catalogue.signatures_of(schema, name, count).collect();
            for signature in &known {
                let shape = self.shape_of(signature);
                shapes.push(shape);
            }
            // Others of the server give one value.
            let listed = crate::sql::functions::builtin(name, count).is_some();
            if known.is_empty() && schema == SYSTEM && listed {
                shapes.push(match self.catalogue.signatures.is_empty() {
                    true => Shape::Unknown,
                    false => Shape::One(None),
                });
            }
        }
        match shapes.split_first() {
            Some((first, rest)) if rest.iter().all(|other| other == first) => first.clone(),
            _ => Shape::Unknown,
        }
    }

    fn shape_of(&mut self, signature: &Signature) -> Shape {
        if let Some(names) = self.result_names(signature) {
            let names: Vec<Option<String>> = names.into_iter().map(|(name, _)| name).collect();
            let one = signature.outputs().count() == 1;
            return match &names[..] {
                [name] if one => Shape::One(name.clone()),
                _ => Shape::Several(names),
            };
        }
        match signature.result {
            2249 => Shape::Record,
            other if POLYMORPHIC.contains(&other) => Shape::Unknown,
            _ => Shape::One(None),
        }
    }

    /// The names and types of the columns of a result, where it is a row whose columns are known.
    pub(super) fn result_names(&self, signature: &Signature) -> Option<Vec<(Option<String>, u32)>> {
        let outputs: Vec<_> = signature
            .outputs()
            .map(|argument| (argument.name.clone(), argument.type_oid))
            .collect();
        match &outputs[..] {
            [] => {
                let row = self.catalogue.row_type(signature.result)?;
                let columns = row.columns.iter();
                Some(
                    columns
                        .map(|c| (Some(c.name.clone()), c.type_oid))
                        .collect(),
                )
            }
            // One result of a row type is that row.
            [(_, only)] => {
                let is_table = signature.outputs().any(|one| one.mode == Mode::Table);
                match self.catalogue.row_type(*only).filter(|_| !is_table) {
                    Some(row) => {
                        let columns = row.columns.iter();
                        Some(
                            columns
                                .map(|c| (Some(c.name.clone()), c.type_oid))
                                .collect(),
                        )
                    }
                    None if POLYMORPHIC.contains(only) => None,
                    None => Some(outputs),
                }
            }
            _ => Some(outputs),
        }
    }

    /// XMLTABLE: each column comes from the document and its own path.
    pub(super) fn xml_table(&mut self, range: &RangeTableFunc) -> Item {
        let mut document = Value::computed();
        for part in [&range.docexpr, &range.rowexpr].into_iter().flatten() {
            let value = self.expression(part);
            self.work += document.absorb(&value);
        }
        for name in &range.namespaces {
            let value = self.expression(name);
            self.work += document.absorb(&value);
        }
        self.reveal(&document);
        let mut columns = Vec::new();
        for column in &range.columns {
            let Some(node::Node::RangeTableFuncCol(column)) = column.node.as_ref() else {
                self.unknown(column);
                continue;
            };
            self.pass_over(&column.type_name);
            let mut value = document.clone();
            for part in [&column.colexpr, &column.coldefexpr].into_iter().flatten() {
                let part = self.expression(part);
                self.work += value.absorb(&part);
            }
            columns.push(Column::new(Some(&column.colname), value));
        }
        let opaque = columns.len() != range.columns.len();
        let columns = match columns.is_empty() {
            // Without COLUMNS there is one.
            true => vec![Column::new(Some("xmltable"), document)],
            false => columns,
        };
        let table = Table {
            columns: columns.into(),
            opaque,
        };
        aliased(Item::new(Some("xmltable"), table), range.alias.as_ref())
    }
}

/// The columns of a column definition list.
fn defined_columns(nodes: &[Node]) -> Vec<&ColumnDef> {
    let mut all = Vec::new();
    for node in nodes {
        match node.node.as_ref() {
            Some(node::Node::ColumnDef(column)) => all.push(&**column),
            Some(node::Node::List(list)) => all.extend(defined_columns(&list.items)),
            _ => {}
        }
    }
    all
}

/// The name that a function in FROM goes by without an alias.
fn function_name(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        node::Node::List(list) => label(list.items.first()?),
        _ => None,
    }
}

//! Whose column a name is: the changed table's, that of another reading of the same table, or
//! another's.

use std::collections::BTreeSet;

use pg_query::protobuf::{ColumnRef, CommonTableExpr, Node, RangeVar, SelectStmt, node};

use super::Fold;
use crate::sql::classify::walk::Resolved;
use crate::sql::names::{self, Name};
use crate::sql::visit;

/// Columns that every table has.
pub(super) const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

/// Names of columns, each with the column of the changed table that it hands on.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    pub(super) listed: Vec<(String, Option<String>)>,
    /// A table's own: it has the system's columns too.
    table: bool,
    /// What it has is not known: any name may be one of its own.
    any: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Target,
    /// All rows of the changed table, read once more.
    Same,
    Other,
}

/// What stands in FROM.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) columns: Columns,
    /// Its row is the changed one: they are joined by a column with itself.
    pub(super) linked: bool,
}

/// Where a column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Target(String),
    /// Of a source by its frame and place, with the column of the changed table that it is.
    Same(usize, usize, Option<String>),
    Elsewhere(String),
}

// === impl Columns ===

impl Columns {
    fn of(&self, name: &str) -> Option<Option<String>> {
        let listed = self.listed.iter().find(|(listed, _)| listed == name);
        match listed {
            Some((_, column)) => Some(column.clone()),
            None if self.table && SYSTEM_COLUMNS.contains(&name) => Some(Some(name.to_owned())),
            None => self.any.then(|| Some(name.to_owned())),
        }
    }

    /// Gives the first columns other names.
    fn renamed(mut self, names: &[Node]) -> Self {
        for (column, name) in self.listed.iter_mut().zip(names::strings(names)) {
            name.clone_into(&mut column.0);
        }
        self
    }
}

// === impl Fold ===

impl<'a> Fold<'_, '_, 'a> {
    /// A relation by name, unless it is a WITH query, and its columns.
    pub(super) fn relation(&self, variable: &RangeVar) -> (Option<Name>, Columns) {
        let (schema, name) = names::relation(variable);
        let unknown = Columns {
            table: true,
            any: true,
            ..Columns::default()
        };
        if self.walk.in_scope(schema, name) {
            return (None, Columns::default());
        }
        match self.walk.resolve(schema, name) {
            Resolved::Fresh(made) => (Some(made), unknown),
            Resolved::Relations(relations) => match relations.as_slice() {
                [relation] if relation.columns.is_empty() => (Some(relation.name.clone()), unknown),
                [relation] => {
                    let column = |name: &String| (name.clone(), Some(name.clone()));
                    let columns = Columns {
                        listed: relation.columns.iter().map(|c| column(&c.name)).collect(),
                        table: true,
                        any: false,
                    };
                    (Some(relation.name.clone()), columns)
                }
                _ => (None, unknown),
            },
            Resolved::Missing | Resolved::Unknown => (None, unknown),
        }
    }

    /// Puts all that an item of FROM reads into a frame.
    pub(super) fn sources(&mut self, item: &'a Node, frame: &mut Vec<Source>) {
        use node::Node as N;
        let named = |name: &str, kind, columns| Source {
            name: name.to_owned(),
            kind,
            columns,
            linked: false,
        };
        match item.node.as_ref() {
            Some(N::RangeVar(variable)) => {
                let alias = variable.alias.as_ref();
                let name = alias.map_or(variable.relname.as_str(), |alias| &alias.aliasname);
                let (kind, columns) = self.read(variable);
                let columns = match alias {
                    Some(alias) => columns.renamed(&alias.colnames),
                    None => columns,
                };
                frame.push(named(name, kind, columns));
            }
            Some(N::RangeSubselect(derived)) => {
                let (kind, columns) = self.derived(derived.subquery.as_deref());
                if let Some(alias) = &derived.alias {
                    let columns = columns.renamed(&alias.colnames);
                    frame.push(named(&alias.aliasname, kind, columns));
                }
            }
            Some(N::JoinExpr(join)) => {
                let first = frame.len();
                for side in [&join.larg, &join.rarg].into_iter().flatten() {
                    self.sources(side, frame);
                }
                // A join picks among the rows.
                for source in frame.iter_mut().skip(first) {
                    source.kind = Kind::Other;
                }
            }
            // Functions and the like: of the names that they give no column is known.
            _ => {}
        }
    }

    /// What a name in FROM reads: a WITH query, or a relation.
    fn read(&mut self, variable: &RangeVar) -> (Kind, Columns) {
        let (schema, name) = names::relation(variable);
        let place = match schema {
            None => self.queries.iter().rposition(|query| query.ctename == name),
            Some(_) => None,
        };
        if let Some(place) = place
            && let Some(query) = self.queries.get(place).copied()
        {
            // A query sees those before it; what RECURSIVE adds never ends up here again.
            let later = self.queries.split_off(place);
            let (kind, columns) = self.derived(query.ctequery.as_deref());
            self.queries.extend(later);
            return (kind, columns.renamed(&query.aliascolnames));
        }
        let (name, columns) = self.relation(variable);
        match name.is_some() && name == self.target {
            true => (Kind::Same, columns),
            false => (Kind::Other, columns),
        }
    }

    /// What a query in FROM hands on: all rows of the changed table, or something else.
    fn derived(&mut self, query: Option<&'a Node>) -> (Kind, Columns) {
        let Some(node::Node::SelectStmt(select)) = query.and_then(|query| query.node.as_ref())
        else {
            return (Kind::Other, Columns::default());
        };
        let Some(columns) = self.whole(select) else {
            let listed = select.target_list.iter().filter_map(output_name);
            let columns = Columns {
                listed: listed.map(|name| (name.to_owned(), None)).collect(),
                ..Columns::default()
            };
            return (Kind::Other, columns);
        };
        (Kind::Same, columns)
    }

    /// The columns of a query that reads every row of the changed table; `None` where it is
    /// another query.
    pub(super) fn whole(&mut self, select: &'a SelectStmt) -> Option<Columns> {
        if !takes_all(select) || !self.counted() {
            return None;
        }
        let [item] = select.from_clause.as_slice() else {
            return None;
        };
        let known = self.queries.len();
        self.bring(select.with_clause.as_ref().map_or(&[], |with| &with.ctes));
        let mut frame = Vec::new();
        self.sources(item, &mut frame);
        let found = match frame.as_slice() {
            [only] if only.kind == Kind::Same => {
                let columns = handed_on(select, &only.columns);
                for source in &mut frame {
                    source.kind = Kind::Target;
                }
                let frames = std::mem::replace(&mut self.frames, vec![frame]);
                let all = select
                    .where_clause
                    .as_deref()
                    .is_none_or(|condition| self.condition(condition).may_hold());
                self.frames = frames;
                all.then_some(columns)
            }
            _ => None,
        };
        self.queries.truncate(known);
        found
    }

    /// Brings WITH queries into force.
    pub(super) fn bring(&mut self, queries: &'a [Node]) {
        let queries = queries
            .iter()
            .filter_map(|query| match query.node.as_ref() {
                Some(node::Node::CommonTableExpr(query)) => Some::<&'a CommonTableExpr>(query),
                _ => None,
            });
        self.queries.extend(queries);
    }

    pub(super) fn column(&self, column: &ColumnRef) -> Origin {
        let mut parts = names::strings(&column.fields);
        if parts.len() < column.fields.len() {
            parts.push("*");
        }
        self.origin(&parts)
    }

    fn origin(&self, parts: &[&str]) -> Origin {
        let (qualifier, name) = match parts {
            [.., qualifier, name] => (Some(*qualifier), *name),
            [name] => (None, *name),
            [] => (None, "*"),
        };
        for (depth, frame) in self.frames.iter().enumerate().rev() {
            let found = frame.iter().enumerate().find_map(|(place, source)| {
                let column = match qualifier {
                    Some(qualifier) if qualifier != source.name => return None,
                    Some(_) => source.columns.of(name).unwrap_or(Some("*".to_owned())),
                    None if name == source.name && !source.columns.any => Some("*".to_owned()),
                    None => source.columns.of(name)?,
                };
                Some(match source.kind {
                    Kind::Target => Origin::Target(column.unwrap_or_else(|| name.to_owned())),
                    Kind::Same => Origin::Same(depth, place, column),
                    Kind::Other => Origin::Elsewhere(parts.join(".")),
                })
            });
            if let Some(found) = found {
                return found;
            }
        }
        Origin::Elsewhere(parts.join("."))
    }

    /// True when a column looks at the row that is to be changed.
    pub(super) fn of_row(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Target(_) => true,
            Origin::Same(depth, place, _) => self
                .frames
                .get(*depth)
                .and_then(|frame| frame.get(*place))
                .is_some_and(|source| source.linked),
            Origin::Elsewhere(_) => false,
        }
    }

    /// True when something anywhere in a tree looks at the row.
    pub(super) fn reads_row(&self, tree: &node::Node) -> bool {
        let Some(mentions) = visit::mentions(tree) else {
            return true;
        };
        // Names of relations inside come first.
        let mut inside = BTreeSet::new();
        let mut own = Vec::new();
        for named in &mentions.relations {
            inside.insert(match named.alias.is_empty() {
                true => named.name.as_str(),
                false => named.alias.as_str(),
            });
            let schema = (!named.schema.is_empty()).then_some(named.schema.as_str());
            if let Resolved::Relations(relations) = self.walk.resolve(schema, &named.name) {
                own.extend(relations.into_iter().flat_map(|relation| &relation.columns));
            }
        }
        mentions.columns.iter().any(|parts| {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let shadowed = match parts.as_slice() {
                [.., qualifier, _] => inside.contains(qualifier),
                [name] => own.iter().any(|column| column.name == *name),
                [] => false,
            };
            !shadowed && self.of_row(&self.origin(&parts))
        })
    }
}

/// True when a query leaves out no row by other means than its condition.
pub(super) fn takes_all(select: &SelectStmt) -> bool {
    let no_limit = |limit: Option<&Node>| match limit.and_then(|limit| limit.node.as_ref()) {
        None => true,
        Some(node::Node::AConst(constant)) => constant.isnull,
        Some(_) => false,
    };
    let some_of = |key: &Node| key.node.is_some();
    no_limit(select.limit_count.as_deref())
        && no_limit(select.limit_offset.as_deref())
        && select.having_clause.is_none()
        && select.larg.is_none()
        && select.values_lists.is_empty()
        && !select.distinct_clause.iter().any(some_of)
}

/// The columns of a query over one source.
fn handed_on(select: &SelectStmt, source: &Columns) -> Columns {
    let mut columns = Columns::default();
    for target in &select.target_list {
        let Some(node::Node::ResTarget(item)) = target.node.as_ref() else {
            continue;
        };
        let Some(node::Node::ColumnRef(column)) =
            item.val.as_ref().and_then(|value| value.node.as_ref())
        else {
            columns.listed.push((item.name.clone(), None));
            continue;
        };
        let parts = names::strings(&column.fields);
        if parts.len() < column.fields.len() {
            columns.listed.extend(source.listed.iter().cloned());
            columns.any |= source.any;
        } else if let (Some(name), Some(column)) = (output_name(target), parts.last()) {
            let column = source.of(column).flatten();
            columns.listed.push((name.to_owned(), column));
        }
    }
    columns
}

/// The name of a query's column, where the text gives one.
fn output_name(target: &Node) -> Option<&str> {
    let Some(node::Node::ResTarget(target)) = target.node.as_ref() else {
        return None;
    };
    if !target.name.is_empty() {
        return Some(&target.name);
    }
    match target.val.as_ref()?.node.as_ref()? {
        node::Node::ColumnRef(column) => column.fields.last().and_then(names::string),
        _ => None,
    }
}

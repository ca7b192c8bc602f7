//! Subqueries in a condition.

use pg_query::protobuf::{BoolExprType, Node, SelectStmt, SubLink, SubLinkType, node};

use super::Fold;
use super::scope::{Kind, Origin, takes_all};
use super::value::{self, Value};
use crate::sql::names;

/// One side of a comparison with what a subquery finds.
struct Side {
    origin: Option<Origin>,
    key: Option<String>,
    value: Value,
}

// === impl Fold ===

impl<'a> Fold<'_, '_, 'a> {
    pub(super) fn subquery(&mut self, link: &'a SubLink) -> Value {
        if !self.counted() {
            return Value::Fixed;
        }
        let Some(node::Node::SelectStmt(select)) =
            link.subselect.as_ref().and_then(|node| node.node.as_ref())
        else {
            return Value::Varies;
        };
        let equal = matches!(names::strings(&link.oper_name).last(), None | Some(&"="));
        let found = match SubLinkType::try_from(link.sub_link_type) {
            Ok(SubLinkType::ExistsSublink) => self.exists(select),
            Ok(SubLinkType::ExprSublink) => plain_value(link).map(|value| self.value(value)),
            Ok(SubLinkType::AnySublink) if equal => link
                .testexpr
                .as_deref()
                .and_then(|test| self.found_in(test, select)),
            _ => None,
        };
        found.unwrap_or_else(|| {
            let test = link.testexpr.as_deref();
            let looks = test.is_some_and(|test| self.value(test).looks_at_row())
                || self.reads_row(&node::Node::SelectStmt(select.clone()));
            self.look(looks)
        })
    }

    /// `EXISTS` holds where the condition of its query does, for some row of its sources.
    fn exists(&mut self, select: &'a SelectStmt) -> Option<Value> {
        if !takes_all(select) || !select.group_clause.is_empty() {
            return None;
        }
        if select.from_clause.is_empty() && select.where_clause.is_none() {
            return Some(Value::True);
        }
        self.inside(select, |fold| Some(fold.filter(select)))
    }

    fn filter(&mut self, select: &'a SelectStmt) -> Value {
        match select.where_clause.as_deref() {
            Some(condition) => some_row(self.value(condition).as_truth()),
            None => Value::Fixed,
        }
    }

    /// `test IN (SELECT …)`, and `test = ANY (SELECT …)`.
    pub(super) fn found_in(&mut self, test: &'a Node, select: &'a SelectStmt) -> Option<Value> {
        let tests: Vec<&'a Node> = match test.node.as_ref() {
            Some(node::Node::RowExpr(row)) => row.args.iter().collect(),
            _ => vec![test],
        };
        if !select.values_lists.is_empty() {
            let [test] = tests.as_slice() else {
                return None;
            };
            let rows = select.values_lists.iter();
            let items: Vec<&'a Node> = rows.filter_map(only_item).collect();
            return Some(self.any_item("=", test, &items));
        }
        if !takes_all(select) {
            return None;
        }
        let tests: Vec<Side> = tests.into_iter().map(|test| self.side(test)).collect();
        self.inside(select, |fold| {
            let outputs = fold.outputs(select);
            if outputs.len() != tests.len() {
                return None;
            }
            let mut values: Vec<Value> = tests
                .iter()
                .zip(&outputs)
                .map(|(test, output)| fold.equal(test, output))
                .collect();
            values.push(fold.filter(select));
            Some(some_row(value::all(&values)))
        })
    }

    /// Looks at a query from within.
    fn inside(
        &mut self,
        select: &'a SelectStmt,
        look: impl FnOnce(&mut Self) -> Option<Value>,
    ) -> Option<Value> {
        let known = self.queries.len();
        self.bring(select.with_clause.as_ref().map_or(&[], |with| &with.ctes));
        let mut frame = Vec::new();
        for item in &select.from_clause {
            self.sources(item, &mut frame);
        }
        self.frames.push(frame);
        if let Some(condition) = select.where_clause.as_deref() {
            self.link(condition);
        }
        let found = look(self);
        self.frames.pop();
        self.queries.truncate(known);
        found
    }

    fn side(&mut self, node: &'a Node) -> Side {
        let origin = match bare(node) {
            Some(node::Node::ColumnRef(column)) => Some(self.column(column)),
            _ => None,
        };
        Side {
            origin,
            key: self.key(node),
            value: self.value(node),
        }
    }

    /// The columns of a query's answer.
    fn outputs(&mut self, select: &'a SelectStmt) -> Vec<Side> {
        let mut sides = Vec::new();
        for target in &select.target_list {
            let Some(node::Node::ResTarget(target)) = target.node.as_ref() else {
                continue;
            };
            let Some(value) = target.val.as_deref() else {
                continue;
            };
            match value.node.as_ref() {
                Some(node::Node::ColumnRef(star)) if names::strings(&star.fields).is_empty() => {
                    sides.extend(self.all_columns());
                }
                _ => sides.push(self.side(value)),
            }
        }
        sides
    }

    /// `*` over the innermost sources.
    fn all_columns(&self) -> Vec<Side> {
        let depth = self.frames.len().saturating_sub(1);
        let sources = self.frames.last().into_iter().flatten().enumerate();
        sources
            .flat_map(|(place, source)| {
                source.columns.listed.iter().map(move |(name, column)| {
                    let origin = match source.kind {
                        Kind::Same => Origin::Same(depth, place, column.clone()),
                        _ => Origin::Elsewhere(name.clone()),
                    };
                    (origin, source.linked)
                })
            })
            .map(|(origin, linked)| Side {
                origin: Some(origin),
                key: None,
                value: self.look(linked),
            })
            .collect()
    }

    fn equal(&mut self, test: &Side, output: &Side) -> Value {
        let same = test.key.is_some() && test.key == output.key;
        let joined = match (&test.origin, &output.origin) {
            (Some(test), Some(output)) => self.join(test, output),
            _ => false,
        };
        match same || joined {
            true => Value::True,
            false => value::compare("=", &test.value, &output.value),
        }
    }

    // === joins of the table with itself ===

    /// Finds `t.a = other.a` among what is joined by AND, where the other is the same table.
    pub(super) fn link(&mut self, condition: &'a Node) {
        let mut rest = vec![condition];
        while let Some(condition) = rest.pop() {
            match condition.node.as_ref() {
                Some(node::Node::BoolExpr(expression))
                    if expression.boolop == BoolExprType::AndExpr as i32 =>
                {
                    rest.extend(&expression.args);
                }
                Some(node::Node::AExpr(operation))
                    if names::strings(&operation.name).last() == Some(&"=") =>
                {
                    let sides = (
                        operation.lexpr.as_deref().and_then(bare),
                        operation.rexpr.as_deref().and_then(bare),
                    );
                    if let (Some(node::Node::ColumnRef(left)), Some(node::Node::ColumnRef(right))) =
                        sides
                    {
                        let (left, right) = (self.column(left), self.column(right));
                        self.join(&left, &right);
                    }
                }
                _ => {}
            }
        }
    }

    /// True when both are the same column, of the changed table and of another reading of it.
    /// That row then is the changed one.
    pub(super) fn join(&mut self, left: &Origin, right: &Origin) -> bool {
        let (column, (depth, place, other)) = match (left, right) {
            (Origin::Target(column), Origin::Same(depth, place, other))
            | (Origin::Same(depth, place, other), Origin::Target(column)) => {
                (column, (*depth, *place, other))
            }
            _ => return false,
        };
        if other.as_ref() != Some(column) {
            return false;
        }
        if let Some(source) = self
            .frames
            .get_mut(depth)
            .and_then(|frame| frame.get_mut(place))
        {
            source.linked = true;
        }
        true
    }
}

/// What holds for some row of a subquery: that it fails for all of them is never sure.
fn some_row(value: Value) -> Value {
    match value {
        Value::MayFail => Value::Varies,
        value => value,
    }
}

/// The value of a row of one.
fn only_item(row: &Node) -> Option<&Node> {
    match row.node.as_ref()? {
        node::Node::List(row) => match row.items.as_slice() {
            [item] => Some(item),
            _ => None,
        },
        _ => None,
    }
}

/// An expression without the casts around it.
pub(super) fn bare(node: &Node) -> Option<&node::Node> {
    let mut node = node;
    loop {
        node = match node.node.as_ref()? {
            node::Node::TypeCast(cast) => cast.arg.as_deref()?,
            node::Node::CollateClause(clause) => clause.arg.as_deref()?,
            other => return Some(other),
        };
    }
}

/// The value of `(SELECT value)`.
pub(super) fn plain_value(link: &SubLink) -> Option<&Node> {
    let Some(node::Node::SelectStmt(select)) =
        link.subselect.as_ref().and_then(|node| node.node.as_ref())
    else {
        return None;
    };
    let plain = link.sub_link_type == SubLinkType::ExprSublink as i32
        && takes_all(select)
        && select.from_clause.is_empty()
        && select.where_clause.is_none();
    let [target] = select.target_list.as_slice() else {
        return None;
    };
    match target.node.as_ref() {
        Some(node::Node::ResTarget(target)) if plain => target.val.as_deref(),
        _ => None,
    }
}

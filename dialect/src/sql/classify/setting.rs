//! `SELECT set_config(name, …) FROM pg_settings WHERE name = '…'`: how pg_dump and others change a
//! setting only where the server has it.

use pg_query::protobuf::{AExprKind, Node, SelectStmt, SetOperation, node};

use super::function::literal;
use super::walk::{Resolved, Walk};
use crate::sql::names::{self, SYSTEM};

const CALLED: &str = "set_config";
const SETTINGS: &str = "pg_settings";

impl Walk<'_> {
    /// The one setting that a query in exactly this shape sets, as long as each name in it is the
    /// server's own: no other table, no other condition, no other column.
    pub(super) fn one_setting(&mut self, select: &SelectStmt) -> Option<String> {
        let [target] = select.target_list.as_slice() else {
            return None;
        };
        let [from] = select.from_clause.as_slice() else {
            return None;
        };
        let name = given_name(select.where_clause.as_deref()?)?;
        if !self.is_servers_own()
            || !is_bare(select)
            || !sets_name(target)
            || !self.is_settings(from)
        {
            return None;
        }
        self.found.constants_looked_at = true;
        Some(name.to_owned())
    }

    /// True when nobody's function or operator comes before those of the server.
    fn is_servers_own(&self) -> bool {
        let schemas = self.function_schemas();
        let first = schemas.as_ref().and_then(|schemas| schemas.first());
        first.is_some_and(|first| first == SYSTEM)
            && self.catalogue.functions_named(CALLED).is_empty()
            && !self.names_void
            && !self.void_names.contains(CALLED)
    }

    /// True for the server's own list of settings, under its own name.
    fn is_settings(&self, from: &Node) -> bool {
        let Some(node::Node::RangeVar(variable)) = from.node.as_ref() else {
            return false;
        };
        let (schema, name) = names::relation(variable);
        if name != SETTINGS
            || variable.alias.is_some()
            || !variable.catalogname.is_empty()
            || self.in_scope(schema, name)
        {
            return false;
        }
        match self.resolve(schema, name) {
            Resolved::Relations(found) => {
                matches!(found.as_slice(), [one] if one.name.schema == SYSTEM)
            }
            _ => false,
        }
    }
}

/// A query of columns, FROM and WHERE alone.
fn is_bare(select: &SelectStmt) -> bool {
    let SelectStmt {
        distinct_clause,
        into_clause,
        target_list: _,
        from_clause: _,
        where_clause: _,
        group_clause,
        group_distinct: _,
        having_clause,
        window_clause,
        values_lists,
        sort_clause,
        limit_offset,
        limit_count,
        limit_option: _,
        locking_clause,
        with_clause,
        op,
        all: _,
        larg,
        rarg,
    } = select;
    [
        distinct_clause,
        group_clause,
        window_clause,
        values_lists,
        sort_clause,
        locking_clause,
    ]
    .into_iter()
    .all(Vec::is_empty)
        && [having_clause, limit_offset, limit_count]
            .into_iter()
            .all(Option::is_none)
        && into_clause.is_none()
        && with_clause.is_none()
        && larg.is_none()
        && rarg.is_none()
        && *op == SetOperation::SetopNone as i32
}

/// `set_config(name, '…', false)`, and nothing around it.
fn sets_name(target: &Node) -> bool {
    let Some(node::Node::ResTarget(target)) = target.node.as_ref() else {
        return false;
    };
    let value = target.val.as_deref().and_then(|value| value.node.as_ref());
    let Some(node::Node::FuncCall(call)) = value else {
        return false;
    };
    let is_called = matches!(
        names::strings(&call.funcname).as_slice(),
        [CALLED] | [SYSTEM, CALLED]
    );
    let is_constant = |node: &Node| matches!(node.node, Some(node::Node::AConst(_)));
    let is_plain = call.agg_order.is_empty()
        && call.agg_filter.is_none()
        && call.over.is_none()
        && !call.agg_within_group
        && !call.agg_star
        && !call.agg_distinct
        && !call.func_variadic;
    match call.args.as_slice() {
        [name, rest @ ..] if rest.len() == 2 => {
            is_called && is_plain && is_name(name) && rest.iter().all(is_constant)
        }
        _ => false,
    }
}

/// What `name = '…'` compares with.
fn given_name(condition: &Node) -> Option<&str> {
    let Some(node::Node::AExpr(compared)) = condition.node.as_ref() else {
        return None;
    };
    let is_equal = compared.kind == AExprKind::AexprOp as i32
        && matches!(names::strings(&compared.name).as_slice(), ["="]);
    let (left, right) = (compared.lexpr.as_deref()?, compared.rexpr.as_deref()?);
    let is_constant = matches!(right.node, Some(node::Node::AConst(_)));
    (is_equal && is_name(left) && is_constant)
        .then(|| literal(right))
        .flatten()
}

fn is_name(node: &Node) -> bool {
    let Some(node::Node::ColumnRef(column)) = node.node.as_ref() else {
        return false;
    };
    matches!(names::strings(&column.fields).as_slice(), ["name"]) && column.fields.len() == 1
}

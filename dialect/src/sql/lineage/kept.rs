//! Values that replace a column's own without telling anything new of it.
//!
//! Whoever may look a column up by a value could cut it down first, look up the rest, and roll the
//! change back; or have a value of a document shown where no mask looks for it. What only adds what
//! the text itself holds gives nothing to look up: `n + 1`, `t || 'x'`, `coalesce(t, $1)`,
//! `jsonb_set(d, '{a}', '1')`.

use pg_query::protobuf::{AExpr, AExprKind, FuncCall, Node, node};

use super::constant;
use super::value::Constant;
use crate::sql::names;

/// Types of which nothing is lost when something is added: numbers, dates and times.
const SHIFTED: [u32; 10] = [20, 21, 23, 700, 701, 790, 1082, 1114, 1184, 1700];

/// True when an expression over a column of this type tells nothing new of it.
pub(super) fn tells_nothing_new(expression: &Node, own_type: Option<u32>) -> bool {
    match expression.node.as_ref() {
        Some(node::Node::ColumnRef(_)) => true,
        Some(node::Node::AExpr(operator)) => adds(operator, own_type),
        Some(node::Node::FuncCall(call)) => sets_a_part(call),
        Some(node::Node::CoalesceExpr(choice)) => choice
            .args
            .iter()
            .all(|arm| is_column(arm) || is_given(arm)),
        _ => false,
    }
}

/// True where something is added to a value, which the column may have no room for.
pub(super) fn grows(expression: &Node) -> bool {
    matches!(expression.node.as_ref(), Some(node::Node::AExpr(_)))
}

/// The column that a SET list leaves as it is: `n = n`.
pub(super) fn keeps(assignment: &Node) -> Option<&str> {
    let (name, value) = assigned(assignment)?;
    is_named(value, name).then_some(name)
}

/// The column that a SET list gives its default, or perhaps: `n = DEFAULT`.
pub(super) fn resets(assignment: &Node) -> Option<&str> {
    let (name, value) = assigned(assignment)?;
    let value = match value.node.as_ref()? {
        node::Node::MultiAssignRef(several) => several.source.as_deref()?.node.as_ref()?,
        value => value,
    };
    let is_default = |part: &Node| matches!(part.node.as_ref(), Some(node::Node::SetToDefault(_)));
    let resets = match value {
        node::Node::SetToDefault(_) => true,
        node::Node::RowExpr(row) => row.args.iter().any(is_default),
        _ => false,
    };
    resets.then_some(name)
}

/// The column that a SET list lets become no smaller: `n = n + 1`.
pub(super) fn raises(assignment: &Node) -> Option<&str> {
    let (name, value) = assigned(assignment)?;
    let Some(node::Node::AExpr(sum)) = value.node.as_ref() else {
        return None;
    };
    let added = match sum.rexpr.as_deref()?.node.as_ref()? {
        node::Node::AConst(constant) => constant::of(constant)?,
        _ => return None,
    };
    let Constant::One(added) = added else {
        return None;
    };
    let is_raised = names::strings(&sum.name) == ["+"]
        && sum.kind() == AExprKind::AexprOp
        && is_named(sum.lexpr.as_deref()?, name)
        && added.parse::<f64>().is_ok_and(|number| number >= 0.0);
    is_raised.then_some(name)
}

/// The column that a part of a SET list is about, and what it puts there.
fn assigned(assignment: &Node) -> Option<(&str, &Node)> {
    match assignment.node.as_ref()? {
        node::Node::ResTarget(target) => Some((&target.name, target.val.as_deref()?)),
        _ => None,
    }
}

/// What is taken out of a document leaves the rest where it was, but for the elements of an array:
/// tells whether those may move. `None` for anything else.
pub(super) fn removes(expression: &Node) -> Option<bool> {
    let Some(node::Node::AExpr(operator)) = expression.node.as_ref() else {
        return None;
    };
    let (left, right) = (operator.lexpr.as_deref()?, operator.rexpr.as_deref()?);
    let [name] = operator.name.as_slice() else {
        return None;
    };
    let Some(node::Node::String(name)) = name.node.as_ref() else {
        return None;
    };
    if operator.kind() != AExprKind::AexprOp || !is_column(left) {
        return None;
    }
    match name.sval.as_str() {
        "-" if is_given(right) => Some(true),
        // A member, by its name.
        "#-" => ends_in_a_name(right).then_some(false),
        _ => None,
    }
}

/// `'{a,b}'`; a number may be the place of an element.
fn ends_in_a_name(path: &Node) -> bool {
    let Some(node::Node::AConst(constant)) = path.node.as_ref() else {
        return false;
    };
    let steps = constant::of(constant).and_then(|path| constant::list(&path));
    let last = steps.and_then(|steps| steps.last().cloned());
    last.is_some_and(|name| name.trim().parse::<i64>().is_err())
}

pub(super) fn is_json(type_oid: u32) -> bool {
    matches!(type_oid, 114 | 3802)
}

fn sets_a_part(call: &FuncCall) -> bool {
    let name = call.funcname.last().and_then(|name| name.node.as_ref());
    let sets = matches!(name, Some(node::Node::String(name)) if name.sval == "jsonb_set");
    let (document, rest) = match call.args.split_first() {
        Some(parts) => parts,
        None => return false,
    };
    sets && is_column(document) && rest.iter().all(is_given)
}

fn adds(operator: &AExpr, own_type: Option<u32>) -> bool {
    if operator.kind() != AExprKind::AexprOp {
        return false;
    }
    let [name] = operator.name.as_slice() else {
        return false;
    };
    let Some(node::Node::String(name)) = name.node.as_ref() else {
        return false;
    };
    let fits = match name.sval.as_str() {
        "+" | "-" => own_type.is_some_and(|oid| SHIFTED.contains(&oid)),
        "||" => true,
        _ => false,
    };
    let sides = [operator.lexpr.as_deref(), operator.rexpr.as_deref()];
    let [Some(left), Some(right)] = sides else {
        return false;
    };
    fits && (is_column(left) && is_given(right) || is_given(left) && is_column(right))
}

/// A column of this name alone, which is the changed row's own: any other would need more of a name.
fn is_named(node: &Node, name: &str) -> bool {
    match node.node.as_ref() {
        Some(node::Node::ColumnRef(column)) => names::strings(&column.fields) == [name],
        _ => false,
    }
}

fn is_column(node: &Node) -> bool {
    matches!(node.node.as_ref(), Some(node::Node::ColumnRef(_)))
}

/// Written in the text, or bound to it.
pub(super) fn is_given(node: &Node) -> bool {
    match node.node.as_ref() {
        Some(node::Node::AConst(_) | node::Node::ParamRef(_)) => true,
        Some(node::Node::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_given),
        Some(node::Node::AArrayExpr(array)) => array.elements.iter().all(is_given),
        _ => false,
    }
}

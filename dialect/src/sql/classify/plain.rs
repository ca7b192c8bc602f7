//! Tables of this very text in which a row that is written runs nothing: no check, no default that
//! computes, no type of a user, nothing that others hang on it.

use pg_query::protobuf::{ColumnDef, ConstrType, Constraint, CreateStmt, Node, node};

use super::builtin_type::is_builtin;
use super::types::NUMBERED;
use crate::sql::names;

/// Functions of the server that stand as defaults in most schemas.
pub(super) const STAMPS: [&str; 3] = ["now", "clock_timestamp", "gen_random_uuid"];

pub(super) fn is_plain(create: &CreateStmt) -> bool {
    create.inh_relations.is_empty()
        && create.partspec.is_none()
        && create.of_typename.is_none()
        && create.constraints.is_empty()
        && create.table_elts.iter().all(|element| match &element.node {
            Some(node::Node::ColumnDef(column)) => is_plain_column(column),
            Some(node::Node::Constraint(constraint)) => is_plain_constraint(constraint),
            _ => false,
        })
}

/// True where a statement does nothing to a table that writing to it would run.
pub(super) fn leaves_tables(statement: &node::Node) -> bool {
    use node::Node as N;
    match statement {
        N::SelectStmt(_)
        | N::InsertStmt(_)
        | N::UpdateStmt(_)
        | N::DeleteStmt(_)
        | N::MergeStmt(_)
        | N::CopyStmt(_)
        | N::TruncateStmt(_)
        | N::CreateStmt(_)
        | N::CreateSeqStmt(_)
        | N::CommentStmt(_)
        | N::TransactionStmt(_)
        | N::VariableSetStmt(_)
        | N::VariableShowStmt(_)
        | N::GrantStmt(_) => true,
        N::IndexStmt(index) => {
            let is_column = |parameter: &Node| match &parameter.node {
                Some(N::IndexElem(element)) => element.expr.is_none() && element.opclass.is_empty(),
                _ => false,
            };
            index.where_clause.is_none() && index.index_params.iter().all(is_column)
        }
        _ => false,
    }
}

fn is_plain_column(column: &ColumnDef) -> bool {
    let named = column
        .type_name
        .as_ref()
        .map(|name| names::strings(&name.names));
    let is_own = match named.as_deref() {
        Some([name]) => is_builtin(name) || NUMBERED.contains(name),
        Some([schema, name]) => *schema == names::SYSTEM && is_builtin(name),
        _ => false,
    };
    let is_plain = |constraint: &Node| match &constraint.node {
        Some(node::Node::Constraint(constraint)) => is_plain_constraint(constraint),
        _ => false,
    };
    is_own && column.raw_default.is_none() && column.constraints.iter().all(is_plain)
}

fn is_plain_constraint(constraint: &Constraint) -> bool {
    match constraint.contype() {
        ConstrType::ConstrNull
        | ConstrType::ConstrNotnull
        | ConstrType::ConstrIdentity
        | ConstrType::ConstrPrimary
        | ConstrType::ConstrUnique => true,
        ConstrType::ConstrDefault => {
            let default = constraint
                .raw_expr
                .as_deref()
                .and_then(|it| it.node.as_ref());
            default.is_some_and(is_given)
        }
        _ => false,
    }
}

/// A constant, as it is or of a type of the server, or the time.
fn is_given(default: &node::Node) -> bool {
    use node::Node as N;
    match default {
        N::AConst(_) | N::SqlvalueFunction(_) => true,
        N::TypeCast(cast) => {
            let arg = cast.arg.as_deref().and_then(|arg| arg.node.as_ref());
            let named = cast
                .type_name
                .as_ref()
                .map(|name| names::strings(&name.names));
            let is_own = named.and_then(|parts| parts.last().copied().map(is_builtin));
            matches!(arg, Some(N::AConst(_))) && is_own == Some(true)
        }
        N::FuncCall(call) => {
            let parts = names::strings(&call.funcname);
            call.args.is_empty() && matches!(parts[..], [name] if STAMPS.contains(&name))
        }
        _ => false,
    }
}

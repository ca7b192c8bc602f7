//! The name that the server gives to a column of an answer that was given none.

use pg_query::protobuf::{Node, SelectStmt, SqlValueFunctionOp, SubLinkType, XmlExprOp, node};

use crate::sql::names;

/// What stands for a name where nothing suggests one.
const NONE: &str = "?column?";

/// The name of an expression's column; `None` when it could not be told.
pub(super) fn label(node: &Node) -> Option<&str> {
    Some(find(node)?.map_or(NONE, |(name, _)| name))
}

/// The name of a query's first column.
fn first_label(select: &SelectStmt) -> Option<&str> {
    if let Some(left) = select.larg.as_deref() {
        return first_label(left);
    }
    if !select.values_lists.is_empty() {
        return Some("column1");
    }
    match select.target_list.first()?.node.as_ref()? {
        node::Node::ResTarget(target) if !target.name.is_empty() => Some(&target.name),
        node::Node::ResTarget(target) => label(target.val.as_deref()?),
        _ => None,
    }
}

/// A name, and whether it is better than that of a type around it. The outer `None` means that it
/// could not be told.
#[allow(
    clippy::option_option,
    reason = "not told and told to have none are different answers"
)]
fn find(node: &Node) -> Option<Option<(&str, bool)>> {
    use node::Node as N;
    fn good(name: &str) -> Option<Option<(&str, bool)>> {
        Some(Some((name, true)))
    }
    match node.node.as_ref()? {
        N::ColumnRef(column) => good(names::strings(&column.fields).last()?),
        N::AIndirection(indirection) => match names::strings(&indirection.indirection).last() {
            Some(name) => good(name),
            None => find(indirection.arg.as_deref()?),
        },
        N::FuncCall(call) => good(names::strings(&call.funcname).last()?),
        N::AExpr(operation) => {
            match operation.kind == pg_query::protobuf::AExprKind::AexprNullif as i32 {
                true => good("nullif"),
                false => Some(None),
            }
        }
        N::TypeCast(cast) => match find(cast.arg.as_deref()?)? {
            Some((name, true)) => good(name),
            _ => {
                let written = &cast.type_name.as_ref()?.names;
                Some(Some((names::strings(written).last()?, false)))
            }
        },
        N::CollateClause(clause) => find(clause.arg.as_deref()?),
        N::CaseExpr(case) => match case.defresult.as_deref().map(find) {
            Some(None) => None,
            Some(Some(Some((name, true)))) => good(name),
            _ => Some(Some(("case", false))),
        },
        N::SubLink(link) => match SubLinkType::try_from(link.sub_link_type).ok()? {
            SubLinkType::ExistsSublink => good("exists"),
            SubLinkType::ArraySublink => good("array"),
            SubLinkType::ExprSublink => match link.subselect.as_deref()?.node.as_ref()? {
                N::SelectStmt(select) => good(first_label(select)?),
                _ => None,
            },
            _ => Some(None),
        },
        N::GroupingFunc(_) => good("grouping"),
        N::AArrayExpr(_) => good("array"),
        N::RowExpr(_) => good("row"),
        N::CoalesceExpr(_) => good("coalesce"),
        N::MinMaxExpr(choice) => {
            match choice.op == pg_query::protobuf::MinMaxOp::IsGreatest as i32 {
                true => good("greatest"),
                false => good("least"),
            }
        }
        N::SqlvalueFunction(function) => good(value_function(
            SqlValueFunctionOp::try_from(function.op).ok()?,
        )?),
        N::XmlExpr(xml) => match XmlExprOp::try_from(xml.op).ok()? {
            XmlExprOp::IsDocument => Some(None),
            other => good(xml_function(other)?),
        },
        N::XmlSerialize(_) => good("xmlserialize"),
        N::AConst(_)
        | N::ParamRef(_)
        | N::BoolExpr(_)
        | N::NullTest(_)
        | N::BooleanTest(_)
        | N::SetToDefault(_)
        | N::JsonIsPredicate(_) => Some(None),
        N::JsonObjectConstructor(_) => good("json_object"),
        N::JsonArrayConstructor(_) | N::JsonArrayQueryConstructor(_) => good("json_array"),
        N::JsonObjectAgg(_) => good("json_objectagg"),
        N::JsonArrayAgg(_) => good("json_arrayagg"),
        _ => None,
    }
}

fn value_function(op: SqlValueFunctionOp) -> Option<&'static str> {
    use SqlValueFunctionOp as Op;
    Some(match op {
        Op::SqlvalueFunctionOpUndefined => return None,
        Op::SvfopCurrentDate => "current_date",
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => "current_time",
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => "current_timestamp",
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => "localtime",
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => "localtimestamp",
        Op::SvfopCurrentRole => "current_role",
        Op::SvfopCurrentUser => "current_user",
        Op::SvfopUser => "user",
        Op::SvfopSessionUser => "session_user",
        Op::SvfopCurrentCatalog => "current_catalog",
        Op::SvfopCurrentSchema => "current_schema",
    })
}

fn xml_function(op: XmlExprOp) -> Option<&'static str> {
    Some(match op {
        XmlExprOp::IsXmlconcat => "xmlconcat",
        XmlExprOp::IsXmlelement => "xmlelement",
        XmlExprOp::IsXmlforest => "xmlforest",
        XmlExprOp::IsXmlparse => "xmlparse",
        XmlExprOp::IsXmlpi => "xmlpi",
        XmlExprOp::IsXmlroot => "xmlroot",
        XmlExprOp::IsXmlserialize => "xmlserialize",
        XmlExprOp::IsDocument | XmlExprOp::Undefined => return None,
    })
}

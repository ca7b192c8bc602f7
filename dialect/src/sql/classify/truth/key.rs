//! When two expressions are the same, wherever they stand and however their columns are written.

use std::collections::BTreeSet;
use std::fmt::Write;

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{AExpr, AExprKind, BoolExprType, Node, NullTestType, node};

use super::Fold;
use super::scope::Origin;
use super::subquery::plain_value;
use crate::sql::names;

/// Most parts that an expression has that is compared with another; a longer one is like no other.
const MAX_KEY: usize = 64;

/// Writes an expression down, without its places in the text.
struct Writer<'f, 'w, 'c, 'a> {
    fold: &'f Fold<'w, 'c, 'a>,
    text: String,
    parts: usize,
    looks_at_row: bool,
}

// === impl Fold ===

impl Fold<'_, '_, '_> {
    /// What an expression that looks at the row says, if it is short and simple.
    pub(super) fn key(&self, node: &Node) -> Option<String> {
        let writer = self.written(node)?;
        writer.looks_at_row.then_some(writer.text)
    }

    fn written(&self, node: &Node) -> Option<Writer<'_, '_, '_, '_>> {
        let mut writer = Writer {
            fold: self,
            text: String::new(),
            parts: 0,
            looks_at_row: false,
        };
        writer.node(node)?;
        Some(writer)
    }

    /// True when two operands are each other's opposite.
    pub(super) fn has_opposites(&self, operands: &[Node]) -> bool {
        let mut met = BTreeSet::new();
        for operand in operands {
            if let Some((key, holds)) = self.signed(operand) {
                if met.contains(&(key.clone(), !holds)) {
                    return true;
                }
                met.insert((key, holds));
            }
        }
        false
    }

    /// A condition without its negation, and whether it was one.
    fn signed(&self, node: &Node) -> Option<(String, bool)> {
        use node::Node as N;
        let said = |node: &Node, sign: &str| Some(format!("{sign} {}", self.key(node)?));
        match node.node.as_ref()? {
            N::BoolExpr(not) if not.boolop == BoolExprType::NotExpr as i32 => {
                let (key, holds) = self.signed(not.args.first()?)?;
                Some((key, !holds))
            }
            N::NullTest(test) => Some((
                said(test.arg.as_deref()?, "null")?,
                test.nulltesttype == NullTestType::IsNull as i32,
            )),
            N::AExpr(operation) => {
                let (operator, holds) = opposite(operation)?;
                let mut writer = self.written(operation.lexpr.as_deref()?)?;
                writer.text.push_str(operator);
                writer.node(operation.rexpr.as_deref()?)?;
                writer.looks_at_row.then_some((writer.text, holds))
            }
            _ => Some((said(node, "is")?, true)),
        }
    }
}

// === impl Writer ===

impl Writer<'_, '_, '_, '_> {
    fn node(&mut self, node: &Node) -> Option<()> {
        use node::Node as N;
        self.parts += 1;
        if self.parts > MAX_KEY {
            return None;
        }
        match node.node.as_ref()? {
            N::ColumnRef(column) => {
                let origin = self.fold.column(column);
                self.looks_at_row |= !matches!(origin, Origin::Elsewhere(_));
                if matches!(origin, Origin::Same(_, _, None)) {
                    write!(self.text, "{:?}", names::strings(&column.fields)).ok()?;
                }
                write!(self.text, "{origin:?}").ok()
            }
            N::AConst(constant) => match constant.val.as_ref() {
                None => write!(self.text, "null").ok(),
                Some(Val::Boolval(value)) => write!(self.text, "{}", value.boolval).ok(),
                Some(Val::Ival(value)) => write!(self.text, "{}", value.ival).ok(),
                Some(Val::Fval(value)) => write!(self.text, "{}", value.fval).ok(),
                Some(Val::Sval(value)) => write!(self.text, "{:?}", value.sval).ok(),
                Some(Val::Bsval(value)) => write!(self.text, "b{:?}", value.bsval).ok(),
            },
            N::ParamRef(parameter) => write!(self.text, "${}", parameter.number).ok(),
            N::TypeCast(cast) => self.node(cast.arg.as_deref()?),
            N::CollateClause(clause) => self.node(clause.arg.as_deref()?),
            N::RowExpr(row) => self.nodes("row", &row.args),
            N::List(list) => self.nodes("list", &list.items),
            N::AArrayExpr(array) => self.nodes("array", &array.elements),
            N::BoolExpr(expression) => {
                self.nodes(&format!("bool{}", expression.boolop), &expression.args)
            }
            N::AExpr(operation) => {
                let name = names::strings(&operation.name).join(".");
                write!(self.text, "{}{name}(", operation.kind).ok()?;
                for side in [&operation.lexpr, &operation.rexpr].into_iter().flatten() {
                    self.node(side)?;
                    self.text.push(',');
                }
                self.text.push(')');
                Some(())
            }
            N::FuncCall(call) => {
                let simple = call.agg_order.is_empty()
                    && call.agg_filter.is_none()
                    && call.over.is_none()
                    && !call.agg_distinct;
                let name = names::strings(&call.funcname).join(".");
                simple.then(|| self.nodes(&name, &call.args))?
            }
            N::SubLink(link) => self.node(plain_value(link)?),
            _ => None,
        }
    }

    fn nodes(&mut self, name: &str, nodes: &[Node]) -> Option<()> {
        write!(self.text, "{name}(").ok()?;
        for node in nodes {
            self.node(node)?;
            self.text.push(',');
        }
        self.text.push(')');
        Some(())
    }
}

/// One of two operators that exclude each other, and whether it was that one.
fn opposite(operation: &AExpr) -> Option<(&'static str, bool)> {
    let name = operation
        .name
        .iter()
        .filter_map(names::string)
        .next_back()?;
    match (AExprKind::try_from(operation.kind).ok()?, name) {
        (AExprKind::AexprOp, "=") => Some(("=", true)),
        (AExprKind::AexprOp, "<>") => Some(("=", false)),
        (AExprKind::AexprOp, "<") => Some(("<", true)),
        (AExprKind::AexprOp, ">=") => Some(("<", false)),
        (AExprKind::AexprOp, ">") => Some((">", true)),
        (AExprKind::AexprOp, "<=") => Some((">", false)),
        (AExprKind::AexprIn, "=") => Some(("in", true)),
        (AExprKind::AexprIn, "<>") => Some(("in", false)),
        (AExprKind::AexprLike, "~~") => Some(("like", true)),
        (AExprKind::AexprLike, "!~~") => Some(("like", false)),
        (AExprKind::AexprDistinct, _) => Some(("distinct", true)),
        (AExprKind::AexprNotDistinct, _) => Some(("distinct", false)),
        _ => None,
    }
}

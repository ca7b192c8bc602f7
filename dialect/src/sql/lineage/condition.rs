//! Conditions: what is looked up by a value that the text holds, and what reveals more.

use pg_query::protobuf::{AExpr, AExprKind, BoolExpr, BoolExprType, Node, node};

use super::Use;
use super::sort::Sort;
use super::trace::Tracer;
use super::value::{Kind, Value};
use crate::sql::names::{self, SYSTEM};
use crate::sql::visit::Counted;

impl<'c> Tracer<'c> {
    /// Something that decides about rows, or between values. Tells what it is made of.
    pub(super) fn condition(&mut self, node: &Node) -> Value {
        use node::Node as N;
        self.work += 1;
        if self.is_exhausted() {
            return Value::untraced();
        }
        match node.node.as_ref() {
            Some(N::BoolExpr(expression)) => self.junction(expression),
            Some(N::AExpr(operation)) if is_equality(operation) => self.equality(operation),
            Some(N::AExpr(operation)) if is_containment(operation) => self.contained(operation),
            _ => {
                let value = self.expression(node);
                self.reveal(&value);
                value.into_computed()
            }
        }
    }

    pub(super) fn junction(&mut self, expression: &BoolExpr) -> Value {
        let mut all = Value::computed();
        for part in &expression.args {
            let value = match expression.boolop == BoolExprType::NotExpr as i32 {
                // What is not equal is no lookup.
                true => {
                    let value = self.expression(part);
                    self.reveal(&value);
                    value
                }
                false => self.condition(part),
            };
            self.work += all.absorb(&value);
        }
        all
    }

    /// `a = b`, `a IN (…)`, `a = ANY (…)`.
    fn equality(&mut self, operation: &AExpr) -> Value {
        use node::Node as N;
        self.saw(Counted::AExpr);
        let [left, right] = [&operation.lexpr, &operation.rexpr].map(|side| side.as_deref());
        let (Some(left), Some(right)) = (left, right) else {
            self.untraced = true;
            return Value::untraced();
        };
        let asks_for_null = is_null(left) || is_null(right);
        let left = self.elements(left);
        let rights = match right.node.as_ref() {
            Some(N::List(list)) => list.items.iter().map(|item| self.elements(item)).collect(),
            _ => vec![self.elements(right)],
        };
        let mut all = self.derived(&left);
        for right in &rights {
            if left.len() == right.len() {
                for (left, right) in left.iter().zip(right) {
                    self.compared(left, right);
                }
            } else {
                for value in left.iter().chain(right) {
                    self.reveal(value);
                }
            }
            let right = self.derived(right);
            self.work += all.absorb(&right);
        }
        let operands: Vec<&Value> = left.iter().chain(rights.iter().flatten()).collect();
        // Under `transform_null_equals` it is IS NULL, which a mask shows of texts alone.
        for value in operands
            .iter()
            .filter(|it| asks_for_null && it.sort != Sort::Text)
        {
            self.reveal(value);
        }
        if let Some(value) = self.operator(&names::strings(&operation.name), &operands) {
            // Not the server's own equality.
            self.reveal(&all);
            self.work += all.absorb(&value);
        }
        all
    }

    /// `document @> given`, `given <@ document`.
    fn contained(&mut self, operation: &AExpr) -> Value {
        self.saw(Counted::AExpr);
        let name = names::strings(&operation.name);
        let left = self.optional(operation.lexpr.as_deref());
        let right = self.optional(operation.rexpr.as_deref());
        let (document, given) = match name.last() {
            Some(&"@>") => (&left, &right),
            _ => (&right, &left),
        };
        let mut all = self.derived([&left, &right]);
        let own = self.operator(&name, &[&left, &right]);
        if own.is_some() || !self.containment(document, given) {
            // Not the server's own, or of no documents.
            self.reveal(&all);
        }
        if let Some(own) = own {
            self.work += all.absorb(&own);
        }
        all
    }

    /// The values of a row that is written out, or the one value.
    fn elements(&mut self, node: &Node) -> Vec<Value> {
        match node.node.as_ref() {
            Some(node::Node::RowExpr(row)) => {
                row.args.iter().map(|part| self.expression(part)).collect()
            }
            _ => vec![self.expression(node)],
        }
    }

    /// Two values are compared for equality.
    pub(super) fn compared(&mut self, left: &Value, right: &Value) {
        let plain = |value: &Value| {
            matches!(value.kind, Kind::Plain(_) | Kind::Part(true)) && !value.untraced
        };
        let lookup = plain(left) && right.is_literal() || left.is_literal() && plain(right);
        for value in [left, right] {
            match lookup {
                true => self.look_at(value, Use::Equality),
                false => self.reveal(value),
            }
        }
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.node, Some(node::Node::AConst(constant)) if constant.isnull)
}

fn is_containment(operation: &AExpr) -> bool {
    operation.kind == AExprKind::AexprOp as i32
        && matches!(
            names::strings(&operation.name)[..],
            ["@>" | "<@"] | [SYSTEM, "@>" | "<@"]
        )
}

fn is_equality(operation: &AExpr) -> bool {
    let kinds = [
        AExprKind::AexprOp,
        AExprKind::AexprIn,
        AExprKind::AexprOpAny,
    ];
    kinds.iter().any(|kind| operation.kind == *kind as i32)
        && operation.lexpr.is_some()
        && matches!(names::strings(&operation.name)[..], ["="] | [SYSTEM, "="])
}

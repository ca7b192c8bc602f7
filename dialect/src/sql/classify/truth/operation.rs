//! Operators in a condition.

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{AExpr, AExprKind, Node, SubLinkType, node};

use super::Fold;
use super::subquery::bare;
use super::value::{self, Value};
use crate::sql::names;

// === impl Fold ===

impl<'a> Fold<'_, '_, 'a> {
    pub(super) fn operation(&mut self, operation: &'a AExpr) -> Value {
        let name = operator(operation);
        let (Some(left), Some(right)) = (operation.lexpr.as_deref(), operation.rexpr.as_deref())
        else {
            // A sign, or another operator with one operand.
            let sides = [&operation.lexpr, &operation.rexpr].into_iter().flatten();
            let values: Vec<Value> = sides.map(|side| self.value(side)).collect();
            return value::made_of(&values);
        };
        match AExprKind::try_from(operation.kind).unwrap_or(AExprKind::Undefined) {
            AExprKind::AexprOp => self.pair(name, left, right),
            AExprKind::AexprNotDistinct => self.same(left, right),
            AExprKind::AexprDistinct => value::not(&self.same(left, right)),
            AExprKind::AexprNullif => match self.same_key(left, right) {
                true => Value::Null,
                false => value::made_of(&[self.value(left), self.value(right)]),
            },
            AExprKind::AexprIn => {
                let found = self.any_item("=", left, &items(right).iter().collect::<Vec<_>>());
                match name {
                    "<>" => value::not(&found),
                    _ => found,
                }
            }
            AExprKind::AexprOpAny => self.any_of(name, left, right),
            AExprKind::AexprBetween => self.between(left, right),
            AExprKind::AexprBetweenSym => self.between_symmetric(left, right),
            AExprKind::AexprNotBetween => value::not(&self.between(left, right)),
            AExprKind::AexprNotBetweenSym => value::not(&self.between_symmetric(left, right)),
            AExprKind::AexprLike | AExprKind::AexprIlike => self.pair(name, left, right),
            _ => value::made_of(&[self.value(left), self.value(right)]),
        }
    }

    /// Two expressions compared, or joined by another operator.
    pub(super) fn pair(&mut self, operator: &str, left: &'a Node, right: &'a Node) -> Value {
        let known = self.value(left);
        self.pair_known(operator, left, &known, right)
    }

    /// The same, where the left side was looked at already: each part is looked at once, or a
    /// nested condition would take exponential time.
    pub(super) fn pair_known(
        &mut self,
        operator: &str,
        left: &'a Node,
        known: &Value,
        right: &'a Node,
    ) -> Value {
        if self.same_key(left, right) {
            return value::reflexive(operator);
        }
        if operator == "="
            && let Some(found) = self.equal_by_structure(left, right)
        {
            return found;
        }
        if let Some(found) = self.shifted(operator, left, right) {
            return found;
        }
        let other = self.value(right);
        if let Some(found) = value::matches_all(operator, &other) {
            return found;
        }
        if matches!((known, &other), (Value::Number(_), Value::Number(_))) {
            self.constants_looked_at = true;
        }
        if never_negative(left) && holds_from_zero(operator, &other)
            || never_negative(right) && holds_from_zero(mirrored(operator), known)
        {
            self.constants_looked_at = true;
            return Value::True;
        }
        value::compare(operator, known, &other)
    }

    fn equal_by_structure(&mut self, left: &'a Node, right: &'a Node) -> Option<Value> {
        if let Some(found) = self.rows(left, right) {
            return Some(found);
        }
        if let (Some(node::Node::ColumnRef(one)), Some(node::Node::ColumnRef(other))) =
            (bare(left), bare(right))
        {
            let (one, other) = (self.column(one), self.column(other));
            if self.join(&one, &other) {
                return Some(Value::True);
            }
        }
        let falls_back = self.falls_back(left, right) || self.falls_back(right, left);
        falls_back.then_some(Value::MayHold)
    }

    fn same(&mut self, left: &'a Node, right: &'a Node) -> Value {
        if self.same_key(left, right) {
            return Value::True;
        }
        let values = (self.value(left), self.value(right));
        if values.1 == Value::Null && self.is_never_null(left)
            || values.0 == Value::Null && self.is_never_null(right)
        {
            return Value::MayFail;
        }
        value::not_distinct(&values.0, &values.1)
    }

    fn same_key(&self, left: &Node, right: &Node) -> bool {
        if is_literal(left) || is_literal(right) {
            return false;
        }
        self.key(left)
            .is_some_and(|key| self.key(right) == Some(key))
    }

    /// `left operator` any of the items.
    pub(super) fn any_item(&mut self, operator: &str, left: &'a Node, items: &[&'a Node]) -> Value {
        let known = self.value(left);
        let mut found: Vec<Value> = items
            .iter()
            .map(|item| self.pair_known(operator, left, &known, item))
            .collect();
        // A condition is one or the other.
        let has = |wanted| items.iter().any(|item| boolean(item) == Some(wanted));
        if known.looks_at_row() && has(true) && has(false) {
            found.push(Value::MayHold);
        }
        value::any(&found)
    }

    fn between(&mut self, left: &'a Node, bounds: &'a Node) -> Value {
        let [low, high] = items(bounds) else {
            return Value::Varies;
        };
        let known = self.value(left);
        let sides = [
            self.pair_known(">=", left, &known, low),
            self.pair_known("<=", left, &known, high),
        ];
        value::all(&sides)
    }

    /// Bounds in any order: what is one of them lies between them.
    fn between_symmetric(&mut self, left: &'a Node, bounds: &'a Node) -> Value {
        match items(bounds).iter().any(|bound| self.same_key(left, bound)) {
            true => Value::True,
            false => value::made_of(&[self.value(left), self.value(bounds)]),
        }
    }

    /// `left operator ANY (right)`.
    fn any_of(&mut self, operator: &str, left: &'a Node, right: &'a Node) -> Value {
        match bare(right) {
            Some(node::Node::AArrayExpr(array)) => {
                let elements: Vec<&Node> = array.elements.iter().collect();
                self.any_item(operator, left, &elements)
            }
            Some(node::Node::SubLink(link))
                if operator == "=" && link.sub_link_type == SubLinkType::ArraySublink as i32 =>
            {
                let select = link.subselect.as_ref().and_then(|node| node.node.as_ref());
                let found = match select {
                    Some(node::Node::SelectStmt(select)) if self.counted() => {
                        self.found_in(left, select)
                    }
                    _ => None,
                };
                found.unwrap_or_else(|| value::made_of(&[self.value(left), self.value(right)]))
            }
            _ => value::made_of(&[self.value(left), self.value(right)]),
        }
    }

    /// Rows are equal where each of their columns is.
    fn rows(&mut self, left: &'a Node, right: &'a Node) -> Option<Value> {
        let (Some(node::Node::RowExpr(left)), Some(node::Node::RowExpr(right))) =
            (left.node.as_ref(), right.node.as_ref())
        else {
            return None;
        };
        if !left.args.iter().chain(&right.args).all(is_leaf) {
            return None;
        }
        let pairs = left.args.iter().zip(&right.args);
        let values: Vec<Value> = pairs
            .map(|(left, right)| self.pair("=", left, right))
            .collect();
        Some(value::all(&values))
    }

    /// `a = coalesce($1, a)`: equal to itself where the parameter is NULL.
    fn falls_back(&self, left: &Node, right: &Node) -> bool {
        let Some(node::Node::CoalesceExpr(coalesce)) = bare(right) else {
            return false;
        };
        for argument in &coalesce.args {
            if self.same_key(left, argument) {
                return true;
            }
            match bare(argument) {
                Some(node::Node::ParamRef(_)) => {}
                Some(node::Node::AConst(constant)) if constant.isnull => {}
                _ => return false,
            }
        }
        false
    }

    /// `a + 1 > a`: both sides are the same but for a number.
    fn shifted(&mut self, operator: &str, left: &'a Node, right: &'a Node) -> Option<Value> {
        let ((left, low), (right, high)) = (offset(left), offset(right));
        if low.is_none() && high.is_none() || !self.same_key(left, right) {
            return None;
        }
        self.constants_looked_at = true;
        let number = |by: Option<f64>| Value::Number(by.unwrap_or_default());
        match operator {
            "=" | "<>" | "<" | "<=" | ">" | ">=" => {
                Some(value::compare(operator, &number(low), &number(high)))
            }
            _ => None,
        }
    }
}

/// True for an operator that compares.
pub(super) fn is_comparison(operation: &AExpr) -> bool {
    match AExprKind::try_from(operation.kind) {
        Ok(AExprKind::AexprOp) => matches!(
            operator(operation),
            "=" | "<>" | "<" | "<=" | ">" | ">=" | "~" | "!~" | "~*" | "!~*"
        ),
        Ok(AExprKind::AexprNullif) => false,
        _ => true,
    }
}

fn operator(operation: &AExpr) -> &str {
    let names = operation.name.iter().filter_map(names::string);
    names.into_iter().next_back().unwrap_or_default()
}

fn items(list: &Node) -> &[Node] {
    match list.node.as_ref() {
        Some(node::Node::List(list)) => &list.items,
        _ => &[],
    }
}

fn is_literal(node: &Node) -> bool {
    matches!(
        node.node.as_ref(),
        Some(node::Node::AConst(_) | node::Node::ParamRef(_))
    )
}

fn is_leaf(node: &Node) -> bool {
    matches!(
        bare(node),
        Some(node::Node::AConst(_) | node::Node::ParamRef(_) | node::Node::ColumnRef(_))
    )
}

fn boolean(node: &Node) -> Option<bool> {
    match node.node.as_ref()? {
        node::Node::AConst(constant) => match constant.val.as_ref()? {
            Val::Boolval(value) => Some(value.boolval),
            _ => None,
        },
        _ => None,
    }
}

/// `a + 1` as `a` and 1; what adds nothing (`a * 1`, `a || ''`) is 0.
fn offset(node: &Node) -> (&Node, Option<f64>) {
    let Some(node::Node::AExpr(operation)) = bare(node) else {
        return (node, None);
    };
    let (Some(left), Some(right)) = (operation.lexpr.as_deref(), operation.rexpr.as_deref()) else {
        return (node, None);
    };
    if operation.kind != AExprKind::AexprOp as i32 {
        return (node, None);
    }
    let operator = operator(operation);
    let by = |side: &Node| match bare(side) {
        Some(node::Node::AConst(constant)) => match (operator, constant.val.as_ref()?) {
            ("+" | "-" | "*" | "/", Val::Ival(number)) => Some(f64::from(number.ival)),
            ("||", Val::Sval(text)) if text.sval.is_empty() => Some(0.0),
            _ => None,
        },
        _ => None,
    };
    match (operator, by(left), by(right)) {
        ("+" | "||", _, Some(number)) => (left, Some(number)),
        ("+" | "||", Some(number), _) => (right, Some(number)),
        ("-", _, Some(number)) => (left, Some(-number)),
        ("*" | "/", _, Some(1.0)) => (left, Some(0.0)),
        ("*", Some(1.0), _) => (right, Some(0.0)),
        _ => (node, None),
    }
}

/// Calls that give no number below zero.
fn never_negative(node: &Node) -> bool {
    let Some(node::Node::FuncCall(call)) = bare(node) else {
        return false;
    };
    let names = names::strings(&call.funcname);
    matches!(
        names.last(),
        Some(
            &("length"
                | "char_length"
                | "character_length"
                | "octet_length"
                | "bit_length"
                | "cardinality"
                | "abs"
                | "num_nulls"
                | "num_nonnulls")
        )
    )
}

/// True when every number from zero on stands in this relation to the bound.
fn holds_from_zero(operator: &str, bound: &Value) -> bool {
    match (operator, bound) {
        (">=", Value::Number(bound)) => *bound <= 0.0,
        (">" | "<>", Value::Number(bound)) => *bound < 0.0,
        _ => false,
    }
}

fn mirrored(operator: &str) -> &str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        other => other,
    }
}

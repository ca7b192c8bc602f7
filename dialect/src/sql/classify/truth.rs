//! Is a condition one that looks at the row?
//!
//! A change whose condition holds for every row is as wide as one without a condition. Folding
//! finds `TRUE`, `1 = 1`, `'a' = 'a'`, `NOT FALSE`, `x = x`, `… OR TRUE` and their like, and every
//! condition that names no column at all: it holds for all rows or for none. What it does not find
//! is documented: a tautology over columns other than a column compared with itself
//! (`a > 0 OR a <= 0`), and a subquery that has columns of its own.

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    AConst, AExpr, AExprKind, BoolExprType, BoolTestType, Node, NullTestType, SubLink, SubLinkType,
    node,
};

use crate::sql::visit;

/// What a condition is known to be.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    True,
    False,
    Null,
    Number(f64),
    Text(String),
    /// The same for every row, but not known here.
    Fixed,
    /// Looks at the row.
    Varies,
}

/// Folds one condition.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// The answer rests on a constant of the text.
    pub(super) constants_looked_at: bool,
}

// === impl Fold ===

impl Fold {
    /// True when the condition selects every row, or does not look at the row at all.
    pub(super) fn selects_all(&mut self, condition: &Node) -> bool {
        match self.value(condition).as_truth() {
            Value::True | Value::Fixed => true,
            // Never true: it changes nothing.
            Value::False | Value::Null => false,
            _ => false,
        }
    }

    fn optional(&mut self, node: Option<&Node>) -> Value {
        node.map_or(Value::Null, |node| self.value(node))
    }

    fn value(&mut self, node: &Node) -> Value {
        use node::Node as N;
        let Some(node) = node.node.as_ref() else {
            return Value::Varies;
        };
        match node {
            N::AConst(constant) => self.constant(constant),
            N::ParamRef(_) => Value::Fixed,
            N::BoolExpr(expression) => {
                let values: Vec<Value> = expression
                    .args
                    .iter()
                    .map(|argument| self.value(argument).as_truth())
                    .collect();
                match BoolExprType::try_from(expression.boolop) {
                    Ok(BoolExprType::AndExpr) => all(&values),
                    Ok(BoolExprType::OrExpr) => any(&values),
                    Ok(BoolExprType::NotExpr) => values.first().map_or(Value::Varies, not),
                    _ => Value::Varies,
                }
            }
            N::AExpr(operation) => self.operation(operation),
            N::NullTest(test) => {
                let is_null = test.nulltesttype == NullTestType::IsNull as i32;
                match self.optional(test.arg.as_deref()) {
                    Value::Varies => Value::Varies,
                    Value::Fixed => Value::Fixed,
                    value => truth(is_null == (value == Value::Null)),
                }
            }
            N::BooleanTest(test) => {
                let value = self.optional(test.arg.as_deref()).as_truth();
                boolean_test(test.booltesttype, &value)
            }
            N::TypeCast(cast) => self.optional(cast.arg.as_deref()),
            N::CollateClause(clause) => self.optional(clause.arg.as_deref()),
            N::CoalesceExpr(coalesce) => {
                for argument in &coalesce.args {
                    match self.value(argument) {
                        Value::Null => {}
                        value => return value,
                    }
                }
                Value::Null
            }
            N::SubLink(link) => self.subquery(link),
            other => fixed_unless_column(other),
        }
    }

    fn constant(&mut self, constant: &AConst) -> Value {
        match constant.val.as_ref() {
            None => Value::Null,
            Some(Val::Boolval(value)) => truth(value.boolval),
            Some(Val::Ival(number)) => Value::Number(f64::from(number.ival)),
            Some(Val::Fval(number)) => number.fval.parse().map_or(Value::Fixed, Value::Number),
            Some(Val::Sval(text)) => Value::Text(text.sval.clone()),
            Some(Val::Bsval(_)) => Value::Fixed,
        }
    }

    fn operation(&mut self, operation: &AExpr) -> Value {
        let name = operation
            .name
            .iter()
            .filter_map(crate::sql::names::string)
            .next_back()
            .unwrap_or_default();
        let (left, right) = (operation.lexpr.as_deref(), operation.rexpr.as_deref());
        let kind = AExprKind::try_from(operation.kind).unwrap_or(AExprKind::Undefined);
        if let (Some(left), Some(right)) = (left, right)
            && is_column(left)
            && left_is_right(left, right)
        {
            return same_column(kind, name);
        }
        let values = (self.optional(left), self.optional(right));
        match kind {
            AExprKind::AexprOp => self.compare(name, &values.0, &values.1),
            AExprKind::AexprNotDistinct | AExprKind::AexprDistinct => {
                let same = self.not_distinct(&values.0, &values.1);
                if kind == AExprKind::AexprDistinct {
                    not(&same)
                } else {
                    same
                }
            }
            AExprKind::AexprLike | AExprKind::AexprIlike => {
                like(name, &values.1).unwrap_or_else(|| {
                    fixed_unless_column(&node::Node::AExpr(Box::new(operation.clone())))
                })
            }
            AExprKind::AexprIn => {
                let items = match right.and_then(|right| right.node.as_ref()) {
                    Some(node::Node::List(list)) => list.items.as_slice(),
                    _ => return Value::Varies,
                };
                let found: Vec<Value> = items
                    .iter()
                    .map(|item| match left {
                        Some(left) if is_column(left) && left_is_right(left, item) => {
                            same_column(AExprKind::AexprOp, "=")
                        }
                        _ => {
                            let item = self.value(item);
                            self.compare("=", &values.0, &item)
                        }
                    })
                    .collect();
                let found = any(&found);
                if name == "<>" { not(&found) } else { found }
            }
            _ => fixed_unless_column(&node::Node::AExpr(Box::new(operation.clone()))),
        }
    }

    fn compare(&mut self, operator: &str, left: &Value, right: &Value) -> Value {
        let ordering = match (left, right) {
            (Value::Varies, _) | (_, Value::Varies) => return Value::Varies,
            (Value::Null, _) | (_, Value::Null) => return Value::Null,
            (Value::Number(left), Value::Number(right)) => {
                self.constants_looked_at = true;
                left.partial_cmp(right)
            }
            (Value::Text(left), Value::Text(right)) if left == right => {
                Some(std::cmp::Ordering::Equal)
            }
            (Value::True | Value::False, Value::True | Value::False) => {
                Some((*left == Value::True).cmp(&(*right == Value::True)))
            }
            _ => None,
        };
        let Some(ordering) = ordering else {
            return match (operator, left, right) {
                ("=", Value::Text(_), Value::Text(_)) => Value::False,
                ("<>", Value::Text(_), Value::Text(_)) => Value::True,
                _ => Value::Fixed,
            };
        };
        match operator {
            "=" => truth(ordering.is_eq()),
            "<>" | "!=" => truth(ordering.is_ne()),
            "<" => truth(ordering.is_lt()),
            "<=" => truth(ordering.is_le()),
            ">" => truth(ordering.is_gt()),
            ">=" => truth(ordering.is_ge()),
            _ => Value::Fixed,
        }
    }

    fn not_distinct(&mut self, left: &Value, right: &Value) -> Value {
        match (left, right) {
            (Value::Null, Value::Null) => Value::True,
            (Value::Varies, _) | (_, Value::Varies) => Value::Varies,
            (Value::Fixed, _) | (_, Value::Fixed) => Value::Fixed,
            (Value::Null, _) | (_, Value::Null) => Value::False,
            _ => self.compare("=", left, right),
        }
    }

    /// A subquery without a column anywhere does not look at the row.
    fn subquery(&mut self, link: &SubLink) -> Value {
        if let Some(test) = link.testexpr.as_deref()
            && self.value(test) == Value::Varies
        {
            return Value::Varies;
        }
        let Some(node::Node::SelectStmt(select)) =
            link.subselect.as_ref().and_then(|node| node.node.as_ref())
        else {
            return Value::Varies;
        };
        let plain = select.from_clause.is_empty()
            && select.where_clause.is_none()
            && select.having_clause.is_none()
            && select.limit_count.is_none()
            && select.limit_offset.is_none()
            && select.larg.is_none()
            && select.values_lists.is_empty();
        if plain && link.sub_link_type == SubLinkType::ExistsSublink as i32 {
            return Value::True;
        }
        if plain
            && link.sub_link_type == SubLinkType::ExprSublink as i32
            && let [target] = select.target_list.as_slice()
            && let Some(node::Node::ResTarget(target)) = target.node.as_ref()
        {
            return self.optional(target.val.as_deref());
        }
        fixed_unless_column(&node::Node::SelectStmt(select.clone()))
    }
}

// === impl Value ===

impl Value {
    /// The value as a condition.
    fn as_truth(&self) -> Self {
        match self {
            Self::Text(text) => match crate::sql::settings::parse_boolean(text) {
                Some(value) => truth(value),
                None => Self::Fixed,
            },
            Self::Number(_) => Self::Fixed,
            other => other.clone(),
        }
    }
}

fn truth(value: bool) -> Value {
    if value { Value::True } else { Value::False }
}

fn not(value: &Value) -> Value {
    match value {
        Value::True => Value::False,
        Value::False => Value::True,
        other => other.clone(),
    }
}

fn all(values: &[Value]) -> Value {
    if values.contains(&Value::False) {
        Value::False
    } else if values.contains(&Value::Varies) {
        Value::Varies
    } else if values.contains(&Value::Null) {
        Value::Null
    } else if values.iter().all(|value| *value == Value::True) {
        Value::True
    } else {
        Value::Fixed
    }
}

/// A condition that is fixed but not known beside one that looks at the row is the usual
/// `$1 IS NULL OR a = $1`.
fn any(values: &[Value]) -> Value {
    if values.contains(&Value::True) {
        Value::True
    } else if values.contains(&Value::Varies) {
        Value::Varies
    } else if values.contains(&Value::Fixed) {
        Value::Fixed
    } else if values.contains(&Value::Null) {
        Value::Null
    } else {
        Value::False
    }
}

fn boolean_test(kind: i32, value: &Value) -> Value {
    if matches!(value, Value::Varies | Value::Fixed) {
        return value.clone();
    }
    match BoolTestType::try_from(kind) {
        Ok(BoolTestType::IsTrue) => truth(*value == Value::True),
        Ok(BoolTestType::IsNotTrue) => truth(*value != Value::True),
        Ok(BoolTestType::IsFalse) => truth(*value == Value::False),
        Ok(BoolTestType::IsNotFalse) => truth(*value != Value::False),
        Ok(BoolTestType::IsUnknown) => truth(*value == Value::Null),
        Ok(BoolTestType::IsNotUnknown) => truth(*value != Value::Null),
        _ => Value::Varies,
    }
}

/// A column compared with itself holds for every row that has a value there.
fn same_column(kind: AExprKind, operator: &str) -> Value {
    match (kind, operator) {
        (AExprKind::AexprOp, "=" | "<=" | ">=") | (AExprKind::AexprNotDistinct, _) => Value::True,
        (AExprKind::AexprDistinct, _) => Value::False,
        (AExprKind::AexprLike | AExprKind::AexprIlike, "~~" | "~~*") => Value::True,
        _ => Value::Varies,
    }
}

/// `LIKE '%'` holds for every value.
fn like(operator: &str, pattern: &Value) -> Option<Value> {
    match pattern {
        Value::Text(text) if !text.is_empty() && text.chars().all(|c| c == '%') => match operator {
            "~~" | "~~*" => Some(Value::True),
            _ => Some(Value::False),
        },
        _ => None,
    }
}

fn is_column(node: &Node) -> bool {
    matches!(node.node.as_ref(), Some(node::Node::ColumnRef(_)))
}

fn left_is_right(left: &Node, right: &Node) -> bool {
    match (left.node.as_ref(), right.node.as_ref()) {
        (Some(node::Node::ColumnRef(left)), Some(node::Node::ColumnRef(right))) => {
            crate::sql::names::strings(&left.fields) == crate::sql::names::strings(&right.fields)
        }
        _ => false,
    }
}

fn fixed_unless_column(node: &node::Node) -> Value {
    match visit::count(node) {
        Some(counts) if !counts.looks_at_rows() => Value::Fixed,
        _ => Value::Varies,
    }
}

//! What is known of a condition before it runs.

use pg_query::protobuf::BoolTestType;

/// What an expression is known to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    True,
    False,
    Null,
    Number(f64),
    Text(String),
    /// The same for every row, but not known here.
    Fixed,
    /// Looks at the row, and yet may hold for every row: `a = 1 OR $1`.
    MayHold,
    /// Looks at the row, and yet may fail for every row: `a = 1 AND $1`.
    MayFail,
    /// Looks at the row.
    Varies,
}

// === impl Value ===

impl Value {
    /// The value as a condition.
    pub(super) fn as_truth(&self) -> Self {
        match self {
            Self::Text(text) => match crate::sql::settings::parse_boolean(text) {
                Some(value) => truth(value),
                None => Self::Fixed,
            },
            Self::Number(_) => Self::Fixed,
            other => other.clone(),
        }
    }

    /// It differs from row to row.
    pub(super) fn looks_at_row(&self) -> bool {
        matches!(self, Self::MayHold | Self::MayFail | Self::Varies)
    }

    /// As a condition it may select every row.
    pub(super) fn may_hold(&self) -> bool {
        matches!(self, Self::True | Self::Fixed | Self::MayHold)
    }

    /// As a condition its opposite may select every row.
    pub(super) fn may_fail(&self) -> bool {
        matches!(self, Self::False | Self::Fixed | Self::MayFail)
    }

    /// What looks at the row, by what it may be for all of them.
    pub(super) fn of_row(may_hold: bool, may_fail: bool) -> Self {
        match (may_hold, may_fail) {
            (true, true) => Self::Fixed,
            (true, false) => Self::MayHold,
            (false, true) => Self::MayFail,
            (false, false) => Self::Varies,
        }
    }
}

pub(super) fn truth(value: bool) -> Value {
    if value { Value::True } else { Value::False }
}

pub(super) fn not(value: &Value) -> Value {
    match value {
        Value::True => Value::False,
        Value::False => Value::True,
        Value::MayHold => Value::MayFail,
        Value::MayFail => Value::MayHold,
        other => other.clone(),
    }
}

pub(super) fn all(values: &[Value]) -> Value {
    let opposite: Vec<Value> = values.iter().map(not).collect();
    not(&any(&opposite))
}

/// One operand that may hold for every row is enough.
pub(super) fn any(values: &[Value]) -> Value {
    if values.contains(&Value::True) {
        Value::True
    } else if values.iter().any(Value::looks_at_row) {
        Value::of_row(
            values.iter().any(Value::may_hold),
            values.iter().all(Value::may_fail),
        )
    } else if values.contains(&Value::Fixed) {
        Value::Fixed
    } else if values.contains(&Value::Null) {
        Value::Null
    } else {
        Value::False
    }
}

/// What is made of values by means that are not known here.
pub(super) fn made_of(values: &[Value]) -> Value {
    match values.iter().any(Value::looks_at_row) {
        true => Value::Varies,
        false => Value::Fixed,
    }
}

pub(super) fn boolean_test(kind: i32, value: &Value) -> Value {
    let Ok(kind) = BoolTestType::try_from(kind) else {
        return Value::Varies;
    };
    if *value == Value::Fixed {
        return Value::Fixed;
    }
    if value.looks_at_row() {
        return match kind {
            BoolTestType::IsTrue | BoolTestType::IsNotFalse => value.clone(),
            BoolTestType::IsFalse | BoolTestType::IsNotTrue => not(value),
            // A comparison is known wherever its columns have values.
            BoolTestType::IsNotUnknown => Value::MayHold,
            BoolTestType::IsUnknown => Value::MayFail,
            BoolTestType::Undefined => Value::Varies,
        };
    }
    match kind {
        BoolTestType::IsTrue => truth(*value == Value::True),
        BoolTestType::IsNotTrue => truth(*value != Value::True),
        BoolTestType::IsFalse => truth(*value == Value::False),
        BoolTestType::IsNotFalse => truth(*value != Value::False),
        BoolTestType::IsUnknown => truth(*value == Value::Null),
        BoolTestType::IsNotUnknown => truth(*value != Value::Null),
        BoolTestType::Undefined => Value::Varies,
    }
}

/// What an expression compared with itself is, wherever it has a value.
pub(super) fn reflexive(operator: &str) -> Value {
    match operator {
        "=" | "<=" | ">=" | "~~" | "~~*" | "@>" | "<@" => Value::True,
        "<>" | "<" | ">" | "!~~" | "!~~*" => Value::False,
        _ => Value::Varies,
    }
}

/// Patterns that hold for every text.
pub(super) fn matches_all(operator: &str, pattern: &Value) -> Option<Value> {
    let Value::Text(pattern) = pattern else {
        return None;
    };
    let like = !pattern.is_empty() && pattern.chars().all(|c| c == '%');
    let expression = matches!(
        pattern.as_str(),
        "" | ".*" | "^" | "$" | "^.*" | ".*$" | "^.*$"
    );
    match operator {
        "~~" | "~~*" if like => Some(Value::True),
        "!~~" | "!~~*" if like => Some(Value::False),
        "~" | "~*" if expression => Some(Value::True),
        "!~" | "!~*" if expression => Some(Value::False),
        _ => None,
    }
}

/// Known values compared.
pub(super) fn compare(operator: &str, left: &Value, right: &Value) -> Value {
    match (operator, left, right) {
        ("=", Value::True, other) | ("=", other, Value::True) => return other.as_truth(),
        ("=", Value::False, other) | ("=", other, Value::False) => return not(&other.as_truth()),
        _ => {}
    }
    if left.looks_at_row() || right.looks_at_row() {
        return Value::Varies;
    }
    let ordering = match (left, right) {
        (Value::Null, _) | (_, Value::Null) => return Value::Null,
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(right),
        (Value::Text(left), Value::Text(right)) if left == right => Some(std::cmp::Ordering::Equal),
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

pub(super) fn not_distinct(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Null, Value::Null) => Value::True,
        (left, right) if left.looks_at_row() || right.looks_at_row() => Value::Varies,
        (Value::Fixed, _) | (_, Value::Fixed) => Value::Fixed,
        (Value::Null, _) | (_, Value::Null) => Value::False,
        _ => compare("=", left, right),
    }
}

//! Holds a tree to a structural schema, as an API server does, and tells where it does not fit.

mod advice;

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Map, Value};

use self::advice::{any_of, misformed, unknown_field};
use super::metadata::DATA_KEY;
use super::scalar::{Scalar, shown};
use super::tree::{Member, Node, NodeValue, Position};

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) field: String,
    pub(super) position: Option<Position>,
    pub(super) reason: String,
}

/// Checks trees against schemas.
#[derive(Debug, Default)]
pub(super) struct Checker {
    /// Patterns of the schemas, compiled once.
    patterns: BTreeMap<String, Option<Regex>>,
}

/// One document being checked.
struct Check<'c> {
    checker: &'c mut Checker,
    problems: Vec<Problem>,
    /// Whether errors may repeat values.
    discloses: bool,
}

/// The names under which a schema bounds a number of parts.
struct Bounds {
    least: &'static str,
    most: &'static str,
    what: &'static str,
}

const MEMBERS: Bounds = Bounds {
    least: "minProperties",
    most: "maxProperties",
    what: "members",
};
const ENTRIES: Bounds = Bounds {
    least: "minItems",
    most: "maxItems",
    what: "entries",
};
const CHARACTERS: Bounds = Bounds {
    least: "minLength",
    most: "maxLength",
    what: "characters",
};

// === impl Checker ===

impl Checker {
    /// The tree as JSON, and what does not fit. Errors repeat values only if `discloses`.
    pub(super) fn check(
        &mut self,
        schema: &Value,
        node: &Node,
        discloses: bool,
    ) -> (Value, Vec<Problem>) {
        let mut check = Check {
            checker: self,
            problems: Vec::new(),
            discloses,
        };
        let value = check.node(schema, node, "");
        (value, check.problems)
    }

    fn matches(&mut self, pattern: &str, text: &str) -> bool {
        let compiled = match self.patterns.get(pattern) {
            Some(compiled) => compiled,
            None => self
                .patterns
                .entry(pattern.to_owned())
                .or_insert(Regex::new(pattern).ok()),
        };
        // A pattern that did not compile admits nothing.
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

// === impl Check ===

impl Check<'_> {
    fn node(&mut self, schema: &Value, node: &Node, path: &str) -> Value {
        let Some(expected) = text(schema, "type") else {
            return self.untyped(schema, node, path);
        };
        match (expected, &node.value) {
            ("object", NodeValue::Map(_)) => self.object(schema, node, path),
            ("array", NodeValue::List(items)) => self.array(schema, node, items, path),
            ("string", NodeValue::Scalar(Scalar::Text(string))) => {
                self.string(schema, node, string, path);
                Value::from(string.as_str())
            }
            ("integer", NodeValue::Scalar(Scalar::Int(number))) => {
                self.integer(schema, node, *number, path);
                Value::from(*number)
            }
            ("number", NodeValue::Scalar(Scalar::Float(number))) => Value::from(*number),
            ("number", NodeValue::Scalar(Scalar::Int(number))) => Value::from(*number),
            ("boolean", NodeValue::Scalar(Scalar::Bool(truth))) => Value::from(*truth),
            _ => {
                self.wrong_type(expected, node, path);
                Value::Null
            }
        }
    }

    /// A value of which the schema says nothing but that it may be there.
    fn untyped(&mut self, schema: &Value, node: &Node, path: &str) -> Value {
        if !preserves(schema) {
            self.problem(
                path,
                node,
                "nothing can be written here; remove it".to_owned(),
            );
            return Value::Null;
        }
        plain(node)
    }

    fn object(&mut self, schema: &Value, node: &Node, path: &str) -> Value {
        let NodeValue::Map(members) = &node.value else {
            return Value::Null;
        };
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema
            .get("additionalProperties")
            .filter(|others| others.is_object());
        let mut object = Map::new();
        let keys = schema.pointer("/propertyNames/pattern");
        for member in members {
            let path = self.step(path, member);
            if let Some(Value::String(pattern)) = keys
                && !self.checker.matches(pattern, &member.key)
            {
                let reason = "a key has letters, digits, -, _ and . only; perhaps a space is \
                              missing after the colon";
                self.problems.push(Problem {
                    field: path,
                    position: Some(member.position),
                    reason: reason.to_owned(),
                });
                continue;
            }
            let property = known.and_then(|known| known.get(&member.key)).or(others);
            let value = match property {
                Some(schema) => self.node(schema, &member.node, &path),
                None if preserves(schema) => plain(&member.node),
                None => {
                    let reason = unknown_field(&member.key, known);
                    self.problems.push(Problem {
                        field: path,
                        position: Some(member.position),
                        reason,
                    });
                    continue;
                }
            };
            object.insert(member.key.clone(), value);
        }
        for name in strings(schema, "required") {
            if !object.contains_key(name) {
                self.problem(
                    &joined(path, name),
                    node,
                    "is missing; it must be written".to_owned(),
                );
            }
        }
        self.count(schema, node, path, object.len(), &MEMBERS);
        Value::Object(object)
    }

    fn array(&mut self, schema: &Value, node: &Node, items: &[Node], path: &str) -> Value {
        self.count(schema, node, path, items.len(), &ENTRIES);
        let item_schema = schema.get("items").unwrap_or(&Value::Null);
        // What is too long is refused whole, without a message for each entry.
        let most = number(schema, "maxItems").unwrap_or(i64::MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let values: Vec<Value> = items
            .iter()
            .take(most)
            .enumerate()
            .map(|(index, item)| self.node(item_schema, item, &format!("{path}[{index}]")))
            .collect();
        self.distinct(schema, items, &values, path);
        Value::Array(values)
    }

    /// The path of a member. Where values are not repeated, a key that could be half of a slip
    /// (`{password:hunter2}`) is not either.
    fn step(&mut self, path: &str, member: &Member) -> String {
        let valueless = member.node.value == NodeValue::Scalar(Scalar::Null);
        let plain = !valueless && self.checker.matches(DATA_KEY, &member.key);
        match self.discloses || plain {
            true => joined(path, &member.key),
            false => format!("{path}[…]"),
        }
    }

    /// Entries of a list that is a set, or a map by some keys, must differ.
    fn distinct(&mut self, schema: &Value, items: &[Node], values: &[Value], path: &str) {
        let kind = text(schema, "x-kubernetes-list-type");
        let keys: Vec<&str> = strings(schema, "x-kubernetes-list-map-keys").collect();
        let mut seen = BTreeSet::new();
        for (index, (item, value)) in items.iter().zip(values).enumerate() {
            let identity = match kind {
                Some("set") => value.to_string(),
                Some("map") => {
                    // A key that is left out counts as its default.
                    let properties = schema.pointer("/items/properties");
                    let parts = keys.iter().map(|key| {
                        let default = || properties?.get(key)?.get("default");
                        value
                            .get(key)
                            .or_else(default)
                            .unwrap_or(&Value::Null)
                            .to_string()
                    });
                    parts.collect::<Vec<_>>().join("\u{0}")
                }
                _ => return,
            };
            if !seen.insert(identity) {
                let by = if keys.is_empty() {
                    "value".to_owned()
                } else {
                    keys.join(" and ")
                };
                let reason = format!("an entry with the same {by} is there already; keep one");
                self.problem(&format!("{path}[{index}]"), item, reason);
            }
        }
    }

    fn string(&mut self, schema: &Value, node: &Node, string: &str, path: &str) {
        let length = string.chars().count();
        self.count(schema, node, path, length, &CHARACTERS);
        self.word(schema, node, string, path);
        // What is too long would only be reported twice.
        let too_long = number(schema, "maxLength").is_some_and(|most| exceeds(length, most));
        if too_long {
            return;
        }
        if let Some(pattern) = text(schema, "pattern")
            && !self.checker.matches(pattern, string)
        {
            let shown = self.shown(string);
            let reason = match example(schema) {
                Some(example) => {
                    format!("{shown} does not match {pattern}; write it like {example}")
                }
                None => format!("{shown} does not match {pattern}"),
            };
            self.problem(path, node, reason);
            return;
        }
        if let Some(reason) = text(schema, "format").and_then(|format| misformed(format, string)) {
            let shown = self.shown(string);
            self.problem(path, node, format!("{shown} {reason}"));
        }
    }

    fn word(&mut self, schema: &Value, node: &Node, string: &str, path: &str) {
        let words: Vec<&str> = strings(schema, "enum").collect();
        if words.is_empty() || words.contains(&string) {
            return;
        }
        let shown = self.shown(string);
        self.problem(
            path,
            node,
            format!("{shown} is not known here; write {}", any_of(&words)),
        );
    }

    fn integer(&mut self, schema: &Value, node: &Node, value: i64, path: &str) {
        let least = number(schema, "minimum").unwrap_or(i64::MIN);
        let most = number(schema, "maximum").unwrap_or(i64::MAX);
        if value < least {
            self.problem(
                path,
                node,
                format!("{value} is too small; write at least {least}"),
            );
        }
        if value > most {
            self.problem(
                path,
                node,
                format!("{value} is too large; write at most {most}"),
            );
        }
    }

    fn count(&mut self, schema: &Value, node: &Node, path: &str, found: usize, bounds: &Bounds) {
        let what = bounds.what;
        if let Some(least) = number(schema, bounds.least)
            && i64::try_from(found).is_ok_and(|found| found < least)
        {
            let reason = match found {
                0 => "is empty; write something, or leave the field out".to_owned(),
                _ => format!("has {found} {what}; it must have at least {least}"),
            };
            self.problem(path, node, reason);
        }
        if let Some(most) = number(schema, bounds.most)
            && exceeds(found, most)
        {
            self.problem(
                path,
                node,
                format!("has {found} {what}; it may have at most {most}"),
            );
        }
    }

    fn wrong_type(&mut self, expected: &str, node: &Node, path: &str) {
        let found = match &node.value {
            NodeValue::Scalar(Scalar::Null) => {
                let reason = "has no value; write one, or leave the field out".to_owned();
                return self.problem(path, node, reason);
            }
            NodeValue::Scalar(Scalar::Text(string)) => format!("the text {}", self.shown(string)),
            NodeValue::Scalar(Scalar::Int(_) | Scalar::Float(_)) => "a number".to_owned(),
            NodeValue::Scalar(Scalar::Bool(_)) => "a truth value".to_owned(),
            NodeValue::List(_) => "a list".to_owned(),
            NodeValue::Map(_) => "a map".to_owned(),
        };
        let right = match expected {
            "object" => "a map (key: value)",
            "array" => "a list (- entry)",
            "string" => "a text; put it in quotes",
            "integer" => "a whole number without quotes",
            "boolean" => "true or false without quotes",
            other => other,
        };
        self.problem(path, node, format!("is {found}; write {right}"));
    }

    fn shown(&self, value: &str) -> String {
        if self.discloses {
            shown(value)
        } else {
            "the value".to_owned()
        }
    }

    fn problem(&mut self, path: &str, node: &Node, reason: String) {
        let field = path.to_owned();
        self.problems.push(Problem {
            field,
            position: Some(node.position),
            reason,
        });
    }
}

/// Fills in what the schema says about fields that are not there.
pub(super) fn apply_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(members) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, property) in properties.into_iter().flatten() {
                if let Some(default) = property.get("default")
                    && !members.contains_key(name)
                {
                    members.insert(name.clone(), default.clone());
                }
            }
            let others = schema.get("additionalProperties");
            for (name, member) in members.iter_mut() {
                let property = properties.and_then(|properties| properties.get(name));
                if let Some(schema) = property.or(others) {
                    apply_defaults(schema, member);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items
                    .iter_mut()
                    .for_each(|item| apply_defaults(schema, item));
            }
        }
        _ => {}
    }
}

/// The path of a member; a key that is no plain word stands in brackets.
fn joined(path: &str, key: &str) -> String {
    let word =
        (1..=63).contains(&key.len()) && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match (path.is_empty(), word) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{}]", shown(key)),
    }
}

/// The value as it stands, where the schema has nothing to say about it.
fn plain(node: &Node) -> Value {
    match &node.value {
        NodeValue::Scalar(Scalar::Null) => Value::Null,
        NodeValue::Scalar(Scalar::Bool(truth)) => Value::from(*truth),
        NodeValue::Scalar(Scalar::Int(number)) => Value::from(*number),
        NodeValue::Scalar(Scalar::Float(number)) => Value::from(*number),
        NodeValue::Scalar(Scalar::Text(text)) => Value::from(text.as_str()),
        NodeValue::List(items) => items.iter().map(plain).collect(),
        NodeValue::Map(members) => members
            .iter()
            .map(|member| (member.key.clone(), plain(&member.node)))
            .collect(),
    }
}

fn preserves(schema: &Value) -> bool {
    schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
}

fn example(schema: &Value) -> Option<&str> {
    text(schema, "example")
}

fn text<'s>(schema: &'s Value, key: &str) -> Option<&'s str> {
    schema.get(key).and_then(Value::as_str)
}

fn number(schema: &Value, key: &str) -> Option<i64> {
    schema.get(key).and_then(Value::as_i64)
}

fn strings<'s>(schema: &'s Value, key: &str) -> impl Iterator<Item = &'s str> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn exceeds(found: usize, most: i64) -> bool {
    i64::try_from(found).map_or(true, |found| found > most)
}

#[cfg(test)]
mod tests;

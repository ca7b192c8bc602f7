//! Writes JSON values as YAML: block style, keys in a fixed order, texts quoted wherever YAML could
//! read something else. Only for generated files.

use std::fmt::Write;

use serde_json::Value;

/// Keys that people look for first; the others follow by the alphabet.
const FIRST: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "name"];

/// One document, with a line break at its end.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => write_members(&mut out, value, 0),
        Value::Array(items) if !items.is_empty() => write_items(&mut out, items, 0),
        _ => {
            out.push_str(&scalar(value));
            out.push('\n');
        }
    }
    out
}

fn write_members(out: &mut String, value: &Value, depth: usize) {
    let Value::Object(members) = value else {
        return;
    };
    let mut keys: Vec<&String> = members.keys().collect();
    keys.sort_by_key(|key| {
        (
            FIRST
                .iter()
                .position(|first| first == key)
                .unwrap_or(FIRST.len()),
            key.as_str(),
        )
    });
    for key in keys {
        let Some(member) = members.get(key) else {
            continue;
        };
        indent(out, depth);
        write_after_key(out, &text(key), member, depth);
    }
}

fn write_after_key(out: &mut String, key: &str, member: &Value, depth: usize) {
    out.push_str(key);
    out.push(':');
    match member {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            write_members(out, member, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_items(out, items, depth);
        }
        _ => {
            out.push(' ');
            out.push_str(&scalar(member));
            out.push('\n');
        }
    }
}

fn write_items(out: &mut String, items: &[Value], depth: usize) {
    for item in items {
        indent(out, depth);
        out.push_str("- ");
        match item {
            Value::Object(members) if !members.is_empty() => {
                // The first member stands beside the dash, so its indentation is cut off.
                let mut block = String::new();
                write_members(&mut block, item, depth + 1);
                out.push_str(block.trim_start());
            }
            Value::Array(inner) if !inner.is_empty() => {
                let mut block = String::new();
                write_items(&mut block, inner, depth + 1);
                out.push_str(block.trim_start());
            }
            _ => {
                out.push_str(&scalar(item));
                out.push('\n');
            }
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// A text bare where no reader of YAML 1.1 or 1.2 takes it for anything else, otherwise quoted.
fn text(string: &str) -> String {
    let plain = string.starts_with(|c: char| c.is_ascii_alphabetic())
        && !string.ends_with([' ', ':'])
        && string
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " -_./,;()'`$+*=<>".contains(c))
        && !string.contains(" -")
        && !is_reserved(string);
    if plain {
        return string.to_owned();
    }
    let mut quoted = String::with_capacity(string.len() + 2);
    quoted.push('"');
    for c in string.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Writing to a String cannot fail.
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Words that YAML 1.1 or 1.2 reads as something other than a text.
pub(crate) fn is_reserved(word: &str) -> bool {
    const WORDS: [&str; 12] = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "~",
    ];
    WORDS
        .iter()
        .any(|reserved| word.eq_ignore_ascii_case(reserved))
}

#[cfg(test)]
mod tests;

//! The functions that expressions call: the library's, and ours where those are not exact,
//! not bounded, or compile a pattern for each call.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use kube_cel::KubeCelExt;
use kube_cel::cel::extractors::{Arguments, This};
use kube_cel::cel::objects::Key;
use kube_cel::cel::{Context, ExecutionError, ResolveResult, Value};

use super::check::HAS_FIELD;
use super::cost::MAX_ITERATED;
use super::literal;
use crate::matcher::{MAX_SEARCH_STEPS, TextPattern};

/// A search that was given up.
const TOO_LONG: &str = "the pattern takes too long on this text";

type Text = Arc<String>;
type Patterns = Arc<HashMap<String, TextPattern>>;

/// A context with all functions, for expressions whose patterns are `patterns`.
pub(super) fn context(patterns: impl IntoIterator<Item = TextPattern>) -> Context<'static> {
    let patterns = patterns
        .into_iter()
        .map(|pattern| (pattern.as_str().to_owned(), pattern));
    let patterns: Patterns = Arc::new(patterns.collect());
    let mut context = Context::default().with_all();
    strings(&mut context, &patterns);
    times(&mut context);
    context
}

fn strings(context: &mut Context<'static>, patterns: &Patterns) {
    let known = Arc::clone(patterns);
    context.add_function(
        "matches",
        move |This(text): This<Text>, pattern: Text| -> ResolveResult {
            let found = compiled(&known, &pattern)?.matches_within(&text, MAX_SEARCH_STEPS);
            found
                .map(Value::Bool)
                .ok_or_else(|| failed("matches", TOO_LONG))
        },
    );
    let known = Arc::clone(patterns);
    context.add_function(
        "find",
        move |This(text): This<Text>, pattern: Text| -> ResolveResult {
            let found = compiled(&known, &pattern)?.find(&text);
            let found = found.map_err(|_| failed("find", TOO_LONG))?;
            Ok(Value::String(Arc::new(
                found.unwrap_or_default().to_owned(),
            )))
        },
    );
    context.add_function(
        "contains",
        |This(text): This<Text>, part: Text| -> ResolveResult {
            Ok(Value::Bool(text.contains(part.as_str())))
        },
    );
    context.add_function(
        "split",
        |This(text): This<Text>, separator: Text| -> ResolveResult {
            let parts: Vec<Value> = text
                .split(separator.as_str())
                .take(MAX_ITERATED + 1)
                .map(|part| Value::String(Arc::new(part.to_owned())))
                .collect();
            match parts.len() > MAX_ITERATED {
                true => Err(failed("split", "more than 64 parts")),
                false => Ok(Value::List(Arc::new(parts))),
            }
        },
    );
    context.add_function("size", |This(value): This<Value>| -> ResolveResult {
        let size = match &value {
            Value::String(text) => text.chars().count(),
            Value::List(list) => list.len(),
            Value::Map(map) => map.map.len(),
            _ => return Err(failed("size", "only strings, lists and maps have a size")),
        };
        Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
    });
    context.add_function(HAS_FIELD, |value: Value, field: Text| -> ResolveResult {
        match value {
            Value::Map(map) => Ok(Value::Bool(map.map.contains_key(&Key::String(field)))),
            _ => Err(failed("has", "only a map has fields")),
        }
    });
}

fn times(context: &mut Context<'static>) {
    context.add_function("duration", |text: Text| -> ResolveResult {
        literal::duration(&text)
            .map(Value::Duration)
            .map_err(|error| failed("duration", &error))
    });
    context.add_function("timestamp", |text: Text| -> ResolveResult {
        literal::time(&text)
            .map(Value::Timestamp)
            .map_err(|error| failed("timestamp", &error))
    });
    getter(context, "getFullYear", |at| i64::from(at.year()));
    getter(context, "getMonth", |at| i64::from(at.month0()));
    getter(context, "getDate", |at| i64::from(at.day()));
    getter(context, "getDayOfMonth", |at| i64::from(at.day0()));
    getter(context, "getDayOfWeek", |at| {
        i64::from(at.weekday().num_days_from_sunday())
    });
    getter(context, "getDayOfYear", |at| i64::from(at.ordinal0()));
    getter(context, "getHours", |at| i64::from(at.hour()));
    getter(context, "getMinutes", |at| i64::from(at.minute()));
    getter(context, "getSeconds", |at| i64::from(at.second()));
    getter(context, "getMilliseconds", |at| {
        i64::from(at.timestamp_subsec_millis())
    });
}

/// A part of a time in UTC, or in the zone that is given; of a duration, the whole of it in that
/// unit.
fn getter(
    context: &mut Context<'static>,
    name: &'static str,
    part: fn(DateTime<FixedOffset>) -> i64,
) {
    let get = move |This(value): This<Value>, Arguments(zone): Arguments| -> ResolveResult {
        let at = match (value, zone.first()) {
            (Value::Timestamp(at), None) => at.with_timezone(&chrono::Utc).fixed_offset(),
            (Value::Timestamp(at), Some(Value::String(zone))) => {
                let zone = literal::zone(zone).map_err(|error| failed(name, &error))?;
                zone.at(at.with_timezone(&chrono::Utc))
            }
            (Value::Duration(length), None) => {
                let whole = match name {
                    "getHours" => length.num_hours(),
                    "getMinutes" => length.num_minutes(),
                    "getSeconds" => length.num_seconds(),
                    _ => return Err(failed(name, "a duration has no such part")),
                };
                return Ok(Value::Int(whole));
            }
            _ => return Err(failed(name, "only times and durations have such a part")),
        };
        Ok(Value::Int(part(at)))
    };
    context.add_function(name, get);
}

fn compiled<'a>(patterns: &'a Patterns, pattern: &str) -> Result<&'a TextPattern, ExecutionError> {
    patterns
        .get(pattern)
        .ok_or_else(|| failed("matches", "a pattern that was not compiled"))
}

fn failed(function: &str, message: &str) -> ExecutionError {
    ExecutionError::function_error(function, message)
}

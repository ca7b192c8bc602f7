//! What expressions are evaluated on: facts become variables, only those that are asked about,
//! within the bounds that the cost of an expression was reckoned with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::{Context, Value};
use serde_json::Value as Json;

use super::check::presence;
use super::cost::{
    MAX_CLAIMS, MAX_CLAIMS_DEPTH, MAX_EXPRESSION_TEXT, MAX_ITERATED, MAX_LISTED, MAX_PATH_READ,
    MAX_STRING,
};
use super::declared::Roots;
use crate::operation::{Access, Operation, Resource};
use crate::snapshot::ConnectionFacts;
use crate::subject::Subject;

/// What is said of a session, and so may be asked by an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    pub id: String,
    /// The client's IP address, without its port.
    pub client_address: String,
    pub started_at: SystemTime,
}

/// All that an expression may be asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) connection: &'a ConnectionFacts,
    pub(crate) session: &'a SessionFacts,
    pub(crate) now: SystemTime,
    pub(crate) operation: Option<&'a Operation>,
}

/// Why a variable has no value.
type Missing = String;

/// Gives `context` the variables of `roots`. `iterated` are those that loops run over.
pub(super) fn bind(
    context: &mut Context<'_>,
    roots: Roots,
    iterated: Roots,
    facts: &Facts<'_>,
) -> Result<(), Missing> {
    for (index, variable) in roots.variables() {
        let most = if iterated.has(index) {
            MAX_ITERATED
        } else {
            MAX_LISTED
        };
        let value = value(variable.path, facts, most)
            .map_err(|reason| format!("`{}` {reason}", variable.path))?;
        if variable.optional {
            context.add_variable_from_value(presence(variable.path), value.is_some());
        }
        if let Some(value) = value {
            context.add_variable_from_value(variable.path, value);
        }
    }
    Ok(())
}

fn value(path: &str, facts: &Facts<'_>, most: usize) -> Result<Option<Value>, Missing> {
    let operation = || facts.operation.ok_or_else(|| "is not known yet".to_owned());
    let value = match path {
        "subject.username" => string(&facts.subject.username)?,
        "subject.groups" => strings(&facts.subject.groups, most)?,
        "subject.issuer" => string(&facts.subject.issuer)?,
        "subject.claims" => claims(&facts.subject.claims, most)?,
        "subject.actor" => return facts.subject.actor.as_deref().map(string).transpose(),
        "operation.effect" => word(operation()?.effect.as_str()),
        "operation.verb" => string(&operation()?.verb)?,
        "operation.flags" => Value::List(Arc::new(
            operation()?
                .flags
                .iter()
                .map(|flag| word(flag.as_str()))
                .collect(),
        )),
        "operation.text" => bounded(&operation()?.text, MAX_EXPRESSION_TEXT)?,
        "operation.attributes" => map(operation()?.attributes.iter(), most, |list| {
            strings(list, most)
        })?,
        "operation.accesses" => {
            let accesses = &operation()?.accesses;
            check_count(accesses.len(), most)?;
            let accesses: Result<_, _> = accesses.iter().map(access).collect();
            Value::List(Arc::new(accesses?))
        }
        "connection.namespace" => string(&facts.connection.namespace)?,
        "connection.name" => string(&facts.connection.name)?,
        "connection.labels" => map(&facts.connection.labels, most, |label| string(label))?,
        "connection.protocol" => string(&facts.connection.protocol)?,
        "connection.database" => {
            return facts.connection.database.as_deref().map(string).transpose();
        }
        "session.id" => string(&facts.session.id)?,
        "session.clientAddress" => string(&facts.session.client_address)?,
        "session.startedAt" => time(facts.session.started_at)?,
        "now" => time(facts.now)?,
        _ => return Err("is not declared".to_owned()),
    };
    Ok(Some(value))
}

fn word(word: &str) -> Value {
    Value::String(Arc::new(word.to_owned()))
}

fn bounded(text: &str, most: usize) -> Result<Value, Missing> {
    match text.len() > most {
        true => Err(format!(
            "has {} bytes; expressions read at most {most}",
            text.len()
        )),
        false => Ok(word(text)),
    }
}

fn string(text: &str) -> Result<Value, Missing> {
    bounded(text, MAX_STRING)
}

fn check_count(count: usize, most: usize) -> Result<(), Missing> {
    match count > most {
        true => Err(format!(
            "has {count} values; this expression reads at most {most}"
        )),
        false => Ok(()),
    }
}

fn strings(list: &[String], most: usize) -> Result<Value, Missing> {
    check_count(list.len(), most)?;
    let values: Result<_, _> = list.iter().map(|text| string(text)).collect();
    Ok(Value::List(Arc::new(values?)))
}

fn map<'a, T: 'a>(
    entries: impl IntoIterator<Item = (&'a String, &'a T), IntoIter: ExactSizeIterator>,
    most: usize,
    value: impl Fn(&'a T) -> Result<Value, Missing>,
) -> Result<Value, Missing> {
    let entries = entries.into_iter();
    check_count(entries.len(), most)?;
    let mut map = HashMap::with_capacity(entries.len());
    for (name, of) in entries {
        string(name)?;
        map.insert(Key::String(Arc::new(name.clone())), value(of)?);
    }
    Ok(Value::Map(Map { map: Arc::new(map) }))
}

fn access(access: &Access) -> Result<Value, Missing> {
    let key = |name: &str| Key::String(Arc::new(name.to_owned()));
    let mut map = HashMap::from([
        (key("effect"), word(access.effect.as_str())),
        (key("kind"), word(access.resource.kind().as_str())),
    ]);
    if let Resource::Named { segments, .. } = &access.resource {
        map.insert(key("segments"), strings(segments, MAX_PATH_READ)?);
    }
    Ok(Value::Map(Map { map: Arc::new(map) }))
}

fn time(at: SystemTime) -> Result<Value, Missing> {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|_| "is before 1970")?;
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let at = DateTime::<Utc>::from_timestamp(seconds, since.subsec_nanos());
    let at = at.filter(|at| chrono::Datelike::year(at) <= 9999);
    at.map(|at| Value::Timestamp(at.fixed_offset()))
        .ok_or_else(|| "is past year 9999".to_owned())
}

/// Claims as their issuer wrote them. A whole number is an int, also where it was written with a
/// point; no number is taken for another.
fn claims(claims: &serde_json::Map<String, Json>, most: usize) -> Result<Value, Missing> {
    let mut left = MAX_CLAIMS;
    object(claims, most, MAX_CLAIMS_DEPTH, &mut left)
}

fn object(
    fields: &serde_json::Map<String, Json>,
    most: usize,
    depth: usize,
    left: &mut usize,
) -> Result<Value, Missing> {
    check_count(fields.len(), most)?;
    let mut map = HashMap::with_capacity(fields.len());
    for (name, field) in fields {
        string(name)?;
        map.insert(
            Key::String(Arc::new(name.clone())),
            json(field, most, depth, left)?,
        );
    }
    Ok(Value::Map(Map { map: Arc::new(map) }))
}

fn json(value: &Json, most: usize, depth: usize, left: &mut usize) -> Result<Value, Missing> {
    *left = left
        .checked_sub(1)
        .ok_or_else(|| format!("has more than {MAX_CLAIMS} values"))?;
    let deeper = || {
        depth
            .checked_sub(1)
            .ok_or_else(|| "is nested too deeply".to_owned())
    };
    Ok(match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(real)) if real.fract() == 0.0 && real.abs() < 9.0e15 => {
                Value::Int(real as i64)
            }
            (None, Some(real)) => Value::Float(real),
            (None, None) => return Err("has a number that cannot be read".to_owned()),
        },
        Json::String(text) => string(text)?,
        Json::Array(list) => {
            check_count(list.len(), most)?;
            let depth = deeper()?;
            let values: Result<_, _> = list
                .iter()
                .map(|value| json(value, most, depth, left))
                .collect();
            Value::List(Arc::new(values?))
        }
        Json::Object(fields) => object(fields, most, deeper()?, left)?,
    })
}

//! What constants of a text say of paths and documents.

use std::rc::Rc;

use pg_query::protobuf::{AConst, a_const};
use portcullis_policy::mask::PlaceStep;

use super::value::{Constant, Value};

/// Most scalars of a document that are told one by one.
const MAX_LEAVES: usize = 256;

/// A scalar, or an empty object or array, of a document that is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) steps: Vec<PlaceStep>,
    pub(super) is_scalar: bool,
}

/// A constant as a step of a path may give it.
pub(super) fn of(constant: &AConst) -> Option<Constant> {
    match constant.val.as_ref()? {
        a_const::Val::Sval(text) => Some(Constant::One(text.sval.as_str().into())),
        a_const::Val::Ival(number) => Some(Constant::One(number.ival.to_string().into())),
        a_const::Val::Fval(number) => Some(Constant::One(number.fval.as_str().into())),
        _ => None,
    }
}

/// The constants of ARRAY[…].
pub(super) fn array(values: &[Value]) -> Option<Constant> {
    let each = values.iter().map(|value| match &value.constant {
        Some(Constant::One(text)) => Some(Rc::clone(text)),
        _ => None,
    });
    Some(Constant::List(each.collect::<Option<Rc<[_]>>>()?))
}

/// The texts of an array, as ARRAY[…] or as one text has them.
pub(super) fn list(constant: &Constant) -> Option<Vec<String>> {
    match constant {
        Constant::List(all) => Some(all.iter().map(ToString::to_string).collect()),
        Constant::One(text) => array_text(text),
    }
}

/// `{a,"b c"}`; what has more to it is not read.
fn array_text(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    let item = |item: &str| {
        let item = item.trim();
        let quoted = item
            .strip_prefix('"')
            .and_then(|item| item.strip_suffix('"'));
        let plain = quoted.unwrap_or(item);
        let is_null = quoted.is_none() && item.eq_ignore_ascii_case("null");
        let is_odd = plain.contains(['"', '\\', '{', '}']) || quoted.is_none() && plain.is_empty();
        (!is_null && !is_odd).then(|| plain.to_owned())
    };
    inner.split(',').map(item).collect()
}

/// The scalars of a document with the places that containment looks for them in; `None` for what
/// is no document or has too many.
pub(super) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    let document: serde_json::Value = serde_json::from_str(text).ok()?;
    let mut found = Vec::new();
    let is_scalar = !document.is_object() && !document.is_array();
    gather(&document, &mut Vec::new(), &mut found)?;
    if is_scalar {
        // An array contains its elements.
        found.push(Leaf {
            steps: vec![PlaceStep::Element],
            is_scalar,
        });
    }
    Some(found)
}

/// As deep as the reader of JSON goes: 128.
fn gather(
    value: &serde_json::Value,
    steps: &mut Vec<PlaceStep>,
    found: &mut Vec<Leaf>,
) -> Option<()> {
    use serde_json::Value as V;
    let mut each = |step: PlaceStep, inner: &V| {
        steps.push(step);
        let within = gather(inner, steps, found);
        steps.pop();
        within
    };
    match value {
        V::Object(members) if !members.is_empty() => {
            for (name, inner) in members {
                each(PlaceStep::Key(name.clone()), inner)?;
            }
        }
        V::Array(elements) if !elements.is_empty() => {
            for inner in elements {
                each(PlaceStep::Element, inner)?;
            }
        }
        other => found.push(Leaf {
            steps: steps.clone(),
            is_scalar: !other.is_object() && !other.is_array(),
        }),
    }
    (found.len() <= MAX_LEAVES).then_some(())
}

//! What is done to the values of one field.

use std::sync::Arc;

use thiserror::Error;

use crate::mask::json::{Documents, InvalidJson, JsonMasker, JsonPlan};
use crate::mask::text::TextMask;
use crate::mask::transform::{Masked, Transform, TypeClass};
use crate::rule::ObjectName;

/// Masks the values of one field: a column, a key, a header, or a text without a name. Made once,
/// used for each value.
#[derive(Debug, Clone)]
pub struct FieldMask {
    pub(super) transform: Option<Transform>,
    pub(super) rules: Vec<ObjectName>,
    pub(super) text: Option<Arc<TextMask>>,
    pub(super) json: Option<Arc<JsonPlan>>,
}

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Unchanged,
    Value(Masked),
}

/// A value that can be neither shown nor masked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MustRefuse {
    #[error("a JSON value cannot be judged: {0}")]
    Json(#[from] InvalidJson),
}

// === impl FieldMask ===

impl FieldMask {
    /// What the rules that name this field come to; none where only detectors and JSON paths
    /// look at it.
    pub fn transform(&self) -> Option<&Transform> {
        self.transform.as_ref()
    }

    /// The rules that name this field.
    pub fn rules(&self) -> &[ObjectName] {
        &self.rules
    }

    /// True when it changes nothing of this class, so that values need not be read.
    pub fn passes(&self, class: TypeClass) -> bool {
        self.transform.is_none()
            && match class {
                TypeClass::Text | TypeClass::Array | TypeClass::Other => self.text.is_none(),
                TypeClass::Json => self.json.is_none(),
                TypeClass::Number => !self.text.as_ref().is_some_and(|t| t.looks_at_numbers()),
                TypeClass::Boolean | TypeClass::Temporal | TypeClass::Bytes => true,
            }
    }

    /// Masks one value; `None` is NULL.
    pub fn mask(&self, class: TypeClass, value: Option<&[u8]>) -> Result<Outcome, MustRefuse> {
        let Some(value) = value else {
            return Ok(Outcome::Unchanged);
        };
        if let Some(transform) = &self.transform {
            let masked = match &self.text {
                Some(text) => whole(transform, text, class, value),
                None => transform.apply(class, Some(value)),
            };
            return Ok(Outcome::Value(masked));
        }
        match (class, &self.text, &self.json) {
            (TypeClass::Text, Some(text), _) => Ok(match text.mask(value) {
                Some(masked) => Outcome::Value(masked_text(masked)),
                None => Outcome::Unchanged,
            }),
            (TypeClass::Number, Some(text), _) => Ok(text
                .mask_number(value)
                .map_or(Outcome::Unchanged, Outcome::Value)),
            (TypeClass::Json, _, Some(plan)) => json(plan, value),
            (TypeClass::Array | TypeClass::Other, Some(text), _) if !text.is_clean(value) => {
                Ok(Outcome::Value(Masked::Null))
            }
            _ => Ok(Outcome::Unchanged),
        }
    }
}

/// A value that is transformed as a whole. Partial shows a part, so what detectors find in it
/// counts too.
pub(super) fn whole(
    transform: &Transform,
    text: &TextMask,
    class: TypeClass,
    value: &[u8],
) -> Masked {
    if !matches!(transform, Transform::Partial { .. }) {
        return transform.apply(class, Some(value));
    }
    let mut union = text.found(value);
    union.add(transform);
    union
        .effective()
        .unwrap_or(Transform::Redact)
        .apply(class, Some(value))
}

/// Bytes that are no text stand only where the value was none.
fn masked_text(masked: Vec<u8>) -> Masked {
    match String::from_utf8(masked) {
        Ok(text) => Masked::Text(text),
        Err(_) => Masked::Text(crate::mask::transform::REDACTED.to_owned()),
    }
}

fn json(plan: &Arc<JsonPlan>, value: &[u8]) -> Result<Outcome, MustRefuse> {
    let mut masker = JsonMasker::new(plan.clone(), Documents::One);
    let mut out = Vec::with_capacity(value.len());
    masker.push(value, &mut out)?;
    match masker.finish(&mut out)? {
        0 => Ok(Outcome::Unchanged),
        _ => Ok(Outcome::Value(masked_text(out))),
    }
}

//! AdmissionReview (`admission.k8s.io/v1`), as much of it as is read and answered here.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The version that is spoken.
const VERSION: &str = "admission.k8s.io/v1";
/// The longest message of a refusal, in characters; the API server passes it on to the user.
const MAX_MESSAGE: usize = 4096;
/// The most warnings of one answer. The API server drops what goes beyond 4,096 bytes in all.
const MAX_WARNINGS: usize = 8;
/// The longest warning, in characters; the API server cuts longer ones.
const MAX_WARNING: usize = 250;

/// What the API server asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    pub api_version: String,
    pub kind: String,
    pub request: Request,
}

/// One write that is about to happen.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub uid: String,
    #[serde(default)]
    pub resource: Resource,
    #[serde(default)]
    pub namespace: String,
    #[serde(default)]
    pub operation: String,
    #[serde(default)]
    pub user_info: UserInfo,
    #[serde(default)]
    pub object: Value,
    #[serde(default)]
    pub old_object: Value,
}

/// What is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    #[serde(default)]
    pub group: String,
    #[serde(default)]
    pub resource: String,
}

/// Who writes, as the API server found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserInfo {
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub uid: Option<String>,
    #[serde(default)]
    pub groups: Vec<String>,
    #[serde(default)]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What becomes of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    refused: Option<String>,
    warnings: Vec<String>,
    patch: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

// === impl Review ===

impl Review {
    /// Reads what was posted.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let review: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        match review.api_version == VERSION && review.kind == "AdmissionReview" {
            true => Ok(review),
            false => Err(format!(
                "{} {} is not read here",
                review.api_version, review.kind
            )),
        }
    }
}

// === impl Request ===

impl Request {
    /// The annotations that the object would have.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let annotations = self.object.pointer("/metadata/annotations");
        let annotations = annotations.and_then(Value::as_object);
        let text =
            |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        annotations.into_iter().flatten().filter_map(text).collect()
    }
}

// === impl Answer ===

impl Answer {
    /// The write happens as it is.
    pub fn allow() -> Self {
        Self::default()
    }

    /// The write does not happen; the user reads why.
    pub fn refuse(reason: impl Into<String>) -> Self {
        Self {
            refused: Some(reason.into()),
            ..Self::default()
        }
    }

    /// The write happens with these changes (RFC 6902).
    pub fn change(patch: Vec<Value>) -> Self {
        Self {
            patch,
            ..Self::default()
        }
    }

    /// The user reads this too, whatever happens.
    #[must_use]
    pub fn warn(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    pub fn is_allowed(&self) -> bool {
        self.refused.is_none()
    }

    /// Why it is refused.
    pub fn reason(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub fn patch(&self) -> &[Value] {
        &self.patch
    }

    /// The answer to the request `uid`, for the API server.
    pub fn to_review(&self, uid: &str) -> Value {
        let status = self.refused.as_ref().map(|reason| {
            json!({ "code": 422, "reason": "Invalid", "message": cut(reason, MAX_MESSAGE) })
        });
        let warnings = self.warnings.iter().take(MAX_WARNINGS);
        let patch = (!self.patch.is_empty() && self.is_allowed())
            .then(|| STANDARD.encode(Value::Array(self.patch.clone()).to_string()));
        let response = Response {
            uid,
            allowed: self.is_allowed(),
            status,
            warnings: warnings.map(|text| cut(text, MAX_WARNING)).collect(),
            patch_type: patch.is_some().then_some("JSONPatch"),
            patch,
        };
        json!({ "apiVersion": VERSION, "kind": "AdmissionReview", "response": response })
    }
}

/// A key as a step of a JSON pointer (RFC 6901).
pub fn pointer_step(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            format!("{kept}…")
        }
    }
}

#[cfg(test)]
mod tests;

//! What an API server says no with, as a person wants to read it.

use std::error::Error;

use kube::core::Status;

use crate::output::line;

/// The most of a refusal that is shown.
const SHOWN: usize = 2048;

/// Stands before the words of an admission policy.
const DENIED: &str = "denied request: ";
/// Stands before those of an admission webhook.
const WEBHOOK: &str = "denied the request: ";

/// Why something was not answered, or not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub(crate) struct Refusal {
    /// As HTTP has it; none where the API server said nothing.
    pub(crate) code: Option<u16>,
    pub(crate) words: String,
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn local(words: String) -> Self {
        Self { code: None, words }
    }

    pub(crate) fn is_forbidden(&self) -> bool {
        self.code == Some(403)
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.code == Some(404)
    }
}

impl From<kube::Error> for Refusal {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self {
                code: Some(status.code),
                words: of_status(&status),
            },
            other => Self::local(format!("the API server: {}", chain(&other))),
        }
    }
}

/// The reasons of whoever refused, without the names of what carried them.
fn of_status(status: &Status) -> String {
    let message = &status.message;
    for before in [DENIED, WEBHOOK] {
        if let Some((_, words)) = message.split_once(before) {
            return line(words, SHOWN);
        }
    }
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut causes: Vec<&str> = causes.map(|cause| cause.message.as_str()).collect();
    causes.dedup();
    if status.code == 422 && !causes.is_empty() {
        return line(&causes.join("; "), SHOWN);
    }
    line(message, SHOWN)
}

/// An error and all that it came from: the first alone says little more than that there is one.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        next = source.source();
    }
    line(&words, SHOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(status: serde_json::Value) -> String {
        let status: Status = serde_json::from_value(status).unwrap();
        Refusal::from(kube::Error::Api(Box::new(status))).to_string()
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_whoever_refused() {
        let policy = "approvalrequests.portcullis.dev \"x\" is forbidden: ValidatingAdmissionPolicy \
                      'portcullis-approval-status' with binding 'portcullis-approval-status' denied \
                      request: alice is no approver: it does not hold approve on Connection orders";
        let said = told(json!({ "code": 403, "message": policy, "reason": "Forbidden" }));
        let words = "alice is no approver: it does not hold approve on Connection orders";
        assert_eq!(said, words);
        let webhook =
            "admission webhook \"validate.portcullis.dev\" denied the request: spec.x: no";
        assert_eq!(
            told(json!({ "code": 400, "message": webhook })),
            "spec.x: no"
        );
        let cause = "who asks, or answers for who asks, cannot approve";
        let schema = json!({
            "code": 422, "message": format!("ApprovalRequest \"x\" is invalid: <nil>: {cause}"),
            "details": { "causes": [{ "reason": "FieldValueForbidden", "message": cause }] },
        });
        assert_eq!(told(schema), cause);
        let rbac = "User \"dana\" cannot patch resource";
        assert_eq!(told(json!({ "code": 403, "message": rbac })), rbac);
    }

    #[test]
    fn a_refusal_cannot_steer_a_terminal() {
        let said = told(json!({ "code": 403, "message": "denied request: a\u{1b}[2Jb\nc" }));
        assert_eq!(said, "a\\u{1b}[2Jb c");
    }
}

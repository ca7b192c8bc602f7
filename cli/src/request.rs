//! All of a request for approval, for the person who decides: what they do not see here is not in
//! what they approve.

use portcullis_crds::approval_request::{
    ApprovalRequestSpec, ApprovalRequestStatus, GrantTerms, OperationSummary,
};
use portcullis_crds::guardrail_policy::Grant;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Failed;
use crate::approvals::tone;
use crate::output::{Tone, tinted, visible};

/// What the proxy tells.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    namespace: String,
    name: String,
    state: String,
    approvals: String,
    held_until: Option<String>,
    spec: ApprovalRequestSpec,
    status: Option<ApprovalRequestStatus>,
}

/// Nothing is cut, and each line of the text is a line.
pub(crate) fn lines(request: &Value) -> Result<Vec<String>, Failed> {
    let told = Told::deserialize(request)
        .map_err(|error| format!("the proxy's answer cannot be read: {error}"))?;
    let spec = &told.spec;
    let mut lines = vec![format!(
        "{}  {} {}",
        tinted(Tone::Bold, &visible(&told.name)),
        tinted(tone(&told.state), &visible(&told.state)),
        visible(&told.approvals),
    )];
    let mut add = |name: &str, value: String| lines.push(field(name, &value));
    let address = spec.connection_ref.address.as_ref();
    add(
        "connection",
        match address {
            Some(address) => format!(
                "{}/{} at {address}",
                told.namespace, spec.connection_ref.name
            ),
            None => format!("{}/{}", told.namespace, spec.connection_ref.name),
        },
    );
    add("requester", spec.requester.username.clone());
    if let Some(person) = &spec.requester.on_behalf_of {
        add("on behalf of", person.clone());
    }
    if let Some(issuer) = &spec.requester.issuer {
        add("known by", issuer.clone());
    }
    let policy = &spec.policy_ref;
    let namespace = policy.namespace.as_ref().unwrap_or(&told.namespace);
    add("policy", format!("{namespace}/{}", policy.name));
    add("rule", policy.rule.clone());
    add("grant", grant(&spec.grant));
    add("decide until", spec.expires_at.0.to_string());
    if let Some(until) = &told.held_until {
        add("caller waits", format!("until {until}"));
    }
    lines.extend(operation(&spec.operation));
    lines.extend(decisions(told.status.as_ref()));
    Ok(lines)
}

fn operation(operation: &OperationSummary) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |name: &str, value: &str| lines.push(field(name, value));
    add("operation", operation.verb.as_deref().unwrap_or_default());
    for effect in &operation.effects {
        add("effect", &word(effect));
    }
    for resource in &operation.resources {
        add("touches", resource);
    }
    for flag in &operation.flags {
        add("flag", &word(flag));
    }
    for (name, values) in &operation.attributes {
        add("attribute", &format!("{name} = {}", values.join(", ")));
    }
    add("masked values", &operation.masked_values.to_string());
    add("hash", &operation.hash);
    lines.push(String::new());
    match &operation.text {
        Some(text) => lines.extend(text.split('\n').map(|line| format!("  {}", visible(line)))),
        None => lines.push(tinted(Tone::Faint, "  it has no text")),
    }
    lines
}

fn decisions(status: Option<&ApprovalRequestStatus>) -> Vec<String> {
    let said = status.map_or(&[][..], |status| &status.decisions);
    let mut lines = vec![String::new()];
    if said.is_empty() {
        lines.push(tinted(Tone::Faint, "nobody decided yet"));
    }
    lines.extend(said.iter().map(|one| {
        let reason = one.reason.as_deref().unwrap_or_default();
        let who = visible(&one.username);
        format!("{} by {who}: {}", one.decision.word(), visible(reason))
    }));
    lines
}

fn grant(terms: &GrantTerms) -> String {
    match (terms.kind, &terms.duration) {
        (Grant::OneShot, _) => "it runs once".to_owned(),
        (Grant::TimeBoxed, Some(duration)) => format!("it runs as often as asked, for {duration}"),
        (Grant::TimeBoxed, None) => "it runs as often as asked".to_owned(),
    }
}

/// As policies write it.
fn word(word: &impl Serialize) -> String {
    let written = serde_json::to_value(word).unwrap_or_default();
    written.as_str().unwrap_or_default().to_owned()
}

fn field(name: &str, value: &str) -> String {
    format!("{name:<14} {}", visible(value))
}

//! One object in a row: what its conditions say, in a word, and why where it is not well.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use portcullis_crds::condition::{ACCEPTED, PROGRAMMED, PolicyStatus, READY, RESOLVED_REFS};
use portcullis_crds::connection::{ConnectionStatus, RequirementKind};
use portcullis_crds::{Connection, GuardrailPolicy, MaskingRule};
use serde_json::{Value, json};

use crate::output::{Tone, line, tinted};

pub(super) const CONNECTION_HEADINGS: [&str; 8] = [
    "NAMESPACE",
    "CONNECTION",
    "PROTOCOL",
    "READY",
    "PROXIES",
    "POLICIES",
    "REVISION",
    "ADDRESS",
];

pub(super) const POLICY_HEADINGS: [&str; 6] = [
    "NAMESPACE",
    "KIND",
    "NAME",
    "ACCEPTED",
    "PROGRAMMED",
    "CONNECTIONS",
];

/// What speaks of no generation that is in force now.
const UNSEEN: &str = "the operator has not looked at this version yet";

/// The most of a message that a line shows.
const SHOWN: usize = 1024;

/// How much of a revision tells it from others.
const REVISION: usize = 19;

/// What the conditions of an object say.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) is_well: bool,
    /// The status speaks of this generation.
    is_seen: bool,
    conditions: Vec<Condition>,
}

/// A Connection.
#[derive(Debug)]
pub(super) struct ConnectionRow {
    pub(super) standing: Standing,
    namespace: String,
    name: String,
    protocol: &'static str,
    status: Option<ConnectionStatus>,
}

/// A GuardrailPolicy or a MaskingRule.
#[derive(Debug)]
pub(super) struct PolicyRow {
    pub(super) standing: Standing,
    kind: &'static str,
    namespace: String,
    name: String,
    status: Option<PolicyStatus>,
}

// === impl Standing ===

impl Standing {
    fn new(
        object: &impl ResourceExt,
        observed: Option<i64>,
        conditions: &[Condition],
        needed: &[&str],
    ) -> Self {
        let is_seen = observed.is_some() && observed == object.meta().generation;
        let mut standing = Self {
            is_well: false,
            is_seen,
            conditions: conditions.to_vec(),
        };
        let mut needed = needed.iter();
        standing.is_well = is_seen && needed.all(|kind| standing.is(kind) == Some(true));
        standing
    }

    /// What a condition says, if it does.
    fn is(&self, kind: &str) -> Option<bool> {
        let found = self.conditions.iter().find(|one| one.type_ == kind)?;
        match found.status.as_str() {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        }
    }

    fn word(&self, kind: &str) -> String {
        match (self.is_seen, self.is(kind)) {
            (false, _) | (_, None) => tinted(Tone::Waiting, "Unknown"),
            (true, Some(true)) => tinted(Tone::Good, "True"),
            (true, Some(false)) => tinted(Tone::Bad, "False"),
        }
    }

    /// Why not, of each condition that does not hold, in the order in which they are fulfilled.
    fn troubles(&self, what: &str) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.is_seen {
            lines.push(format!("{what}: {UNSEEN}"));
        }
        for kind in [ACCEPTED, RESOLVED_REFS, PROGRAMMED, READY] {
            let found = self.conditions.iter().find(|one| one.type_ == kind);
            // One cause is told once.
            let is_new = |one: &&Condition| !lines.iter().any(|line| line.ends_with(&shown(one)));
            let found = found.filter(|one| one.status != "True").filter(is_new);
            let Some(found) = found else {
                continue;
            };
            lines.push(format!(
                "{what}: {kind}={} {}: {}",
                line(&found.status, 20),
                line(&found.reason, 60),
                shown(found)
            ));
        }
        lines
    }

    fn json(&self) -> Value {
        let each = self.conditions.iter().map(|one| {
            json!({
                "type": one.type_, "status": one.status,
                "reason": one.reason, "message": one.message,
            })
        });
        each.collect()
    }
}

fn shown(condition: &Condition) -> String {
    line(&condition.message, SHOWN)
}

// === impl ConnectionRow ===

impl ConnectionRow {
    pub(super) fn of(object: &Connection) -> Self {
        let status = object.status.as_ref();
        let conditions = status.map_or(&[][..], |status| &status.conditions);
        let observed = status.map(|status| status.observed_generation);
        Self {
            standing: Standing::new(object, observed, conditions, &[READY]),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            protocol: object.spec.protocol.name(),
            status: status.cloned(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let status = self.status.as_ref();
        json!({
            "namespace": self.namespace,
            "name": self.name,
            "protocol": self.protocol,
            "ready": self.standing.is_well,
            "proxies": status.and_then(|it| it.proxies.as_ref()),
            "policyCount": status.and_then(|it| it.policy_count),
            "policies": status.map(|it| &it.policies),
            "revision": status.and_then(|it| it.policy_revision.as_ref()),
            "address": status.and_then(|it| it.address.as_ref()),
            "conditions": self.standing.json(),
        })
    }

    pub(super) fn cells(&self) -> Vec<String> {
        let status = self.status.as_ref();
        let proxies = status.and_then(|it| it.proxies.as_ref());
        let revision = status.and_then(|it| it.policy_revision.as_deref());
        let address = status.and_then(|it| it.address.as_deref());
        vec![
            line(&self.namespace, 63),
            line(&self.name, 63),
            self.protocol.to_owned(),
            self.standing.word(READY),
            proxies.map_or_else(
                || "-".to_owned(),
                |count| format!("{}/{}", count.current, count.total),
            ),
            line(&self.policies(), 80),
            revision.unwrap_or("-").chars().take(REVISION).collect(),
            line(address.unwrap_or("-"), 80),
        ]
    }

    pub(super) fn troubles(&self) -> Vec<String> {
        let what = format!("Connection {}/{}", self.namespace, self.name);
        self.standing.troubles(&what)
    }

    /// The policies that bind it, with their namespace where that is another.
    fn policies(&self) -> String {
        let Some(status) = &self.status else {
            return "-".to_owned();
        };
        let names = status.policies.iter().map(|one| {
            let kind = match one.kind {
                RequirementKind::GuardrailPolicy => "guard",
                RequirementKind::MaskingRule => "mask",
            };
            match one.namespace == self.namespace {
                true => format!("{kind}/{}", one.name),
                false => format!("{kind}/{}/{}", one.namespace, one.name),
            }
        });
        let names: Vec<String> = names.collect();
        let count = status.policy_count.unwrap_or_default();
        match names.is_empty() {
            true => "none".to_owned(),
            false => format!("{count}: {}", names.join(" ")),
        }
    }
}

// === impl PolicyRow ===

impl PolicyRow {
    pub(super) fn of_guardrail(object: &GuardrailPolicy) -> Self {
        Self::new("GuardrailPolicy", object, object.status.as_ref())
    }

    pub(super) fn of_mask(object: &MaskingRule) -> Self {
        Self::new("MaskingRule", object, object.status.as_ref())
    }

    fn new(kind: &'static str, object: &impl ResourceExt, status: Option<&PolicyStatus>) -> Self {
        let conditions = status.map_or(&[][..], |status| &status.conditions);
        let observed = status.map(|status| status.observed_generation);
        Self {
            standing: Standing::new(object, observed, conditions, &[ACCEPTED, PROGRAMMED]),
            kind,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            status: status.cloned(),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "accepted": self.standing.is(ACCEPTED),
            "programmed": self.standing.is(PROGRAMMED),
            "connections": self.connections(),
            "conditions": self.standing.json(),
        })
    }

    pub(super) fn cells(&self) -> Vec<String> {
        let connections: Vec<String> = self.connections().into_iter().collect();
        vec![
            line(&self.namespace, 63),
            self.kind.to_owned(),
            line(&self.name, 253),
            self.standing.word(ACCEPTED),
            self.standing.word(PROGRAMMED),
            match connections.is_empty() {
                true => "none".to_owned(),
                false => line(&connections.join(" "), 80),
            },
        ]
    }

    pub(super) fn troubles(&self) -> Vec<String> {
        let what = format!("{} {}/{}", self.kind, self.namespace, self.name);
        self.standing.troubles(&what)
    }

    /// What it binds, as far as its status has room for it.
    fn connections(&self) -> BTreeSet<String> {
        let ancestors = self.status.iter().flat_map(|status| &status.ancestors);
        let references = ancestors.map(|one| &one.ancestor_ref);
        references
            .map(|one| match &one.namespace {
                Some(namespace) => format!("{namespace}/{}", one.name),
                None => one.name.clone(),
            })
            .collect()
    }
}

//! The status of a Connection.

#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use portcullis_crds::condition::{
    ACCEPTED, PROGRAMMED, READY, RECONCILING, RESOLVED_REFS, STALLED, reason,
};
use portcullis_crds::connection::{ConnectionStatus, DeliveryMode, ProxyCount};
use portcullis_crds::lower::FieldError;
use portcullis_crds::{Connection, ConnectionClass};

use super::{Conditions, Finding, holds, told};
use crate::desired::name;
use crate::desired::platform::Unresolved;
use crate::world::proxies::Proxies;
use crate::world::view::View;
use crate::world::workload::Workload;

/// The most policies that a status lists.
pub const MAX_POLICIES: usize = 32;
/// How long proxies may take to load an edit before a Connection that was ready no longer is. They
/// take less than a second; without it each edit of a policy would ring somebody's bell.
pub const SETTLES: Duration = Duration::from_secs(10);
/// The most refusals that a message tells.
const MAX_TOLD: usize = 4;

/// What is known of a Connection.
#[derive(Debug)]
pub struct Facts<'a> {
    pub object: &'a Connection,
    pub class: Option<&'a ConnectionClass>,
    /// What is wrong with it or its class; empty when nothing is.
    pub errors: &'a [FieldError],
    pub unresolved: &'a [Unresolved],
    pub view: &'a View,
    pub workload: Option<Workload>,
    pub proxies: &'a Proxies,
    /// Why its objects could not be made, and whether trying again may help.
    pub failed: Option<(String, bool)>,
    pub now: Timestamp,
}

/// The status that the facts make.
pub fn status(facts: &Facts<'_>) -> ConnectionStatus {
    let object = facts.object;
    let spec = &object.spec;
    let generation = object.metadata.generation;
    let old = object.status.as_ref().map(|it| it.conditions.as_slice());
    let mut conditions = Conditions::new(old.unwrap_or_default(), generation, facts.now);
    let proxies = facts.count();
    let accepted = facts.accepted();
    let resolved = facts.resolved();
    let programmed = facts.programmed(&accepted, &proxies);
    let ready = facts.ready([&accepted, &resolved, &programmed], &proxies);
    conditions.set(ACCEPTED, &accepted);
    conditions.set(RESOLVED_REFS, &resolved);
    conditions.set(PROGRAMMED, &programmed);
    conditions.set(READY, &ready);
    let stalled = facts.stalled(&accepted);
    if stalled.holds {
        conditions.set(STALLED, &stalled);
    } else {
        conditions.set_while(RECONCILING, &facts.reconciling(&programmed));
    }
    let connection = object.metadata.name.clone().unwrap_or_default();
    let gateway = spec.delivery.mode == DeliveryMode::Gateway;
    let mut policies = facts.view.policies.clone();
    let count = i64::try_from(policies.len()).unwrap_or(i64::MAX);
    policies.truncate(MAX_POLICIES);
    ConnectionStatus {
        observed_generation: generation.unwrap_or_default(),
        conditions: conditions.finish(),
        address: facts.address(),
        replicas: Some(match &facts.workload {
            Some(workload) => workload.replicas,
            None if gateway => 0,
            None => proxies.total,
        }),
        selector: gateway.then(|| selector(&connection)),
        policy_revision: Some(facts.view.revision.clone()),
        proxies: Some(proxies),
        policy_count: Some(count),
        policies,
    }
}

// === impl Facts ===

impl Facts<'_> {
    fn accepted(&self) -> Finding {
        let Some(first) = self.errors.first() else {
            let message = "every field holds, and its class admits it";
            return Finding::yes(reason::ACCEPTED, message);
        };
        let reason = match first.field.as_str() {
            "spec.protocol" => reason::UNSUPPORTED_PROTOCOL,
            "spec.className" => reason::NOT_ADMITTED_BY_CLASS,
            // The same field is refused for what it says and for what the class allows.
            "spec.upstream.host" if first.reason.contains("does not allow") => {
                reason::NOT_ADMITTED_BY_CLASS
            }
            field if field.ends_with(".expression") => reason::INVALID_EXPRESSION,
            _ => reason::INVALID,
        };
        Finding::no(reason, told(self.errors))
    }

    fn resolved(&self) -> Finding {
        let spec = &self.object.spec;
        let is_there = |requirement: &&portcullis_crds::connection::Requirement| {
            let mut policies = self.view.policies.iter();
            policies.any(|it| it.kind == requirement.kind && it.name == requirement.name)
        };
        let missing = spec.requires.iter().find(|it| !is_there(it));
        if let Some(missing) = missing {
            return Finding::no(
                reason::REQUIREMENT_NOT_FOUND,
                format!(
                    "spec.requires: no {:?} {} binds it, so it opens for nobody",
                    missing.kind, missing.name
                ),
            );
        }
        match self.unresolved.first() {
            None => Finding::yes(reason::RESOLVED_REFS, "all that it refers to is there"),
            Some(first) => {
                let all = self.unresolved.iter().take(MAX_TOLD);
                let all: Vec<&str> = all.map(|it| it.message.as_str()).collect();
                Finding::no(first.reason, all.join("; "))
            }
        }
    }

    fn programmed(&self, accepted: &Finding, proxies: &ProxyCount) -> Finding {
        if !accepted.holds && self.proxies.reports.is_empty() {
            return Finding::no(reason::PENDING, "no proxies are made until it is accepted");
        }
        if let Some((message, _)) = &self.failed {
            return Finding::no(reason::ROLLOUT_FAILED, message.clone());
        }
        if let Some(stuck) = self.workload.as_ref().and_then(|it| it.stuck.clone()) {
            return Finding::no(reason::ROLLOUT_FAILED, stuck);
        }
        if let Some(message) = self.refused() {
            return Finding::no(reason::PARTIALLY_PROGRAMMED, message);
        }
        let told = format!("{} of {} proxies", proxies.current, proxies.total);
        match (proxies.total, proxies.current) {
            (0, _) => Finding::yes(reason::PROGRAMMED, "no proxy runs"),
            (total, current) if current >= total => Finding::yes(
                reason::PROGRAMMED,
                format!("{told} have loaded revision {}", self.short()),
            ),
            (_, 0) => Finding::no(
                reason::PENDING,
                format!("{told} have loaded revision {}", self.short()),
            ),
            _ => Finding::no(
                reason::PARTIALLY_PROGRAMMED,
                format!("{told} have loaded revision {}", self.short()),
            ),
        }
    }

    /// What proxies refuse, in their own words.
    fn refused(&self) -> Option<String> {
        let mut all: Vec<_> = self
            .proxies
            .reports
            .iter()
            .flat_map(|it| &it.refused)
            .collect();
        all.sort();
        all.dedup();
        let told: Vec<String> = all
            .iter()
            .take(MAX_TOLD)
            .map(|it| {
                let (kind, namespace, name) = (&it.kind, &it.namespace, &it.name);
                format!("{kind} {namespace}/{name}: {}: {}", it.field, it.reason)
            })
            .collect();
        (!told.is_empty()).then(|| format!("proxies refuse {}", told.join("; ")))
    }

    fn ready(&self, before: [&Finding; 3], proxies: &ProxyCount) -> Finding {
        let [accepted, resolved, programmed] = before;
        if self.class.is_some_and(|class| class.spec.lockdown) {
            let message = format!(
                "ConnectionClass {} is locked down",
                self.object.spec.class_name
            );
            return Finding::no(reason::LOCKED_DOWN, message);
        }
        if !accepted.holds {
            return Finding::no(accepted.reason, "it is not accepted");
        }
        if !resolved.holds {
            return Finding::no(resolved.reason, resolved.message.clone());
        }
        if self.is_gateway() {
            let ready = self.workload.as_ref().map_or(0, |workload| workload.ready);
            let wanted = self
                .workload
                .as_ref()
                .map_or(0, |workload| workload.desired);
            if ready == 0 {
                let message = format!("0 of {wanted} proxies are ready");
                return Finding::no(reason::NO_READY_REPLICAS, message);
            }
        }
        if !programmed.holds && (self.settles(programmed) || self.grows(programmed)) {
            return Finding::yes(reason::PROXIES_LOADING, programmed.message.clone());
        }
        if !programmed.holds {
            return Finding::no(reason::PROXIES_STALE, programmed.message.clone());
        }
        Finding::yes(
            reason::ALL_PROXIES_CURRENT,
            format!(
                "{} of {} proxies serve revision {}",
                proxies.current,
                proxies.total,
                self.short()
            ),
        )
    }

    /// It was ready, and proxies have not had the time to follow.
    fn settles(&self, programmed: &Finding) -> bool {
        let waits = [reason::PENDING, reason::PARTIALLY_PROGRAMMED].contains(&programmed.reason);
        let old = self.object.status.as_ref();
        let old = old.map_or(&[][..], |status| status.conditions.as_slice());
        let since = old.iter().find(|it| it.type_ == PROGRAMMED);
        let recent = since.is_none_or(|it| {
            let ends = it.last_transition_time.0.checked_add(SETTLES);
            it.status == "True" || ends.is_ok_and(|ends| ends > self.now)
        });
        waits
            && !self.proxies.reports.is_empty()
            && self.refused().is_none()
            && holds(old, READY)
            && recent
    }

    /// All that serve are current, and others are on their way: who has not begun serves nobody.
    fn grows(&self, programmed: &Finding) -> bool {
        let speak = self.proxies.reports.len();
        let waits = [reason::PENDING, reason::PARTIALLY_PROGRAMMED].contains(&programmed.reason);
        waits
            && (speak > 0 || !self.is_gateway())
            && self.proxies.current(&self.view.revision) == speak
            && self.proxies.hushed == 0
            && self.refused().is_none()
    }

    /// What no waiting mends.
    fn stalled(&self, accepted: &Finding) -> Finding {
        if !accepted.holds {
            return Finding::yes(accepted.reason, accepted.message.clone());
        }
        match &self.failed {
            Some((message, false)) => Finding::yes(reason::ROLLOUT_FAILED, message.clone()),
            _ => match self.workload.as_ref().and_then(|it| it.stuck.clone()) {
                Some(stuck) => Finding::yes(reason::ROLLOUT_FAILED, stuck),
                None => Finding::no(reason::ROLLOUT_FAILED, ""),
            },
        }
    }

    fn reconciling(&self, programmed: &Finding) -> Finding {
        let rolls = self.workload.as_ref().is_some_and(|it| {
            it.updated < it.desired || it.ready < it.desired || it.replicas != it.desired
        });
        let message = match (programmed.holds, rolls) {
            (true, false) => return Finding::no(reason::PENDING, ""),
            (_, true) => "proxies are being rolled out".to_owned(),
            (false, false) => programmed.message.clone(),
        };
        Finding::yes(reason::PENDING, message)
    }

    fn count(&self) -> ProxyCount {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        ProxyCount {
            total: count(self.proxies.total),
            current: count(self.proxies.current(&self.view.revision)),
        }
    }

    fn is_gateway(&self) -> bool {
        self.object.spec.delivery.mode == DeliveryMode::Gateway
    }

    /// What callers dial.
    fn address(&self) -> Option<String> {
        let spec = &self.object.spec;
        let meta = &self.object.metadata;
        if let Some(sidecar) = &spec.delivery.sidecar {
            return Some(format!("127.0.0.1:{}", sidecar.port));
        }
        let own = i64::from(spec.protocol.default_port());
        Some(format!(
            "{}.{}.svc:{}",
            meta.name.as_deref()?,
            meta.namespace.as_deref()?,
            spec.port.unwrap_or(own)
        ))
    }

    /// As much of the revision as people compare.
    fn short(&self) -> String {
        self.view.revision.chars().take(19).collect()
    }
}

fn selector(connection: &str) -> String {
    let labels = name::pod_selector(connection).into_iter();
    let all: Vec<String> = labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    all.join(",")
}

//! Connection, under its class: who may open it, and the settings that hold for its sessions.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use kube::ResourceExt;
use portcullis_policy::expression::Expression;
use portcullis_policy::matcher::Glob;
use portcullis_policy::snapshot::{AccessRule, ConnectionFacts, Requirement, RequirementKind};

use super::host::Host;
use super::{Errors, FieldError, class, subjects};
use crate::connection::{self, Connection, ConnectionSpec, SUPPORTED_PROTOCOLS};
use crate::connection_class::{ConnectionClass, Durability, OnFailure, Payloads};

/// A Connection as its sessions meet it.
#[derive(Debug, Clone)]
pub struct LoweredConnection {
    pub facts: ConnectionFacts,
    pub access: AccessRule,
    pub requires: Vec<Requirement>,
    /// Where the proxy listens.
    pub port: u16,
    /// In its one spelling; see [`Host`].
    pub upstream_host: String,
    pub upstream_port: u16,
    /// The databases that a client may name.
    pub databases: Vec<Glob>,
    pub sessions: SessionBounds,
    pub recording: RecordingRules,
}

/// The bounds of [`SessionBounds::max_message_size`]: room for every description of the server's, and
/// the most that one takes.
const MESSAGE_SIZES: RangeInclusive<u64> = 1 << 20..=1 << 30;

/// Bounds on sessions; an absent one is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionBounds {
    pub max_concurrent: Option<u64>,
    pub max_duration: Option<Duration>,
    pub idle_timeout: Option<Duration>,
    /// In bytes, of what follows a message's length.
    pub max_message_size: usize,
}

/// How the sessions of a Connection are recorded: its class's settings, tightened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingRules {
    pub payloads: Payloads,
    pub on_failure: OnFailure,
    pub durability: Durability,
    pub retention: Option<Duration>,
}

/// Lowers a Connection of a namespace with these labels. Without a class the defaults of one hold.
pub fn lower(
    object: &Connection,
    class: &ConnectionClass,
    namespace_labels: &BTreeMap<String, String>,
) -> Result<LoweredConnection, Vec<FieldError>> {
    let spec = &object.spec;
    let namespace = object.namespace().unwrap_or_default();
    let mut errors = Errors::default();
    if !spec.protocol.is_supported() {
        let supported: Vec<&str> = SUPPORTED_PROTOCOLS.iter().map(|p| p.name()).collect();
        let reason = format!(
            "{} is not supported by this version; write {}",
            spec.protocol.name(),
            supported.join(" or ")
        );
        errors.add("spec.protocol", reason);
    }
    let upstream_port = port(&mut errors, "spec.upstream.port", spec.upstream.port, spec);
    if !class::allows_namespace(class, &namespace, namespace_labels) {
        let reason = format!(
            "class {0} does not allow namespace {namespace}; name another class, or have {0} \
             allow it",
            spec.class_name
        );
        errors.add("spec.className", reason);
    }
    let upstream_host = upstream(&mut errors, spec, class, upstream_port);
    let lowered = LoweredConnection {
        facts: ConnectionFacts {
            name: object.name_any(),
            namespace,
            uid: object.uid().unwrap_or_default(),
            labels: object.labels().clone(),
            protocol: spec.protocol.name().to_owned(),
            database: spec.upstream.database.clone(),
        },
        access: access(&mut errors, &spec.access),
        requires: spec.requires.iter().map(requirement).collect(),
        port: port(&mut errors, "spec.port", spec.port, spec),
        upstream_host,
        upstream_port,
        databases: databases(&mut errors, &spec.upstream),
        sessions: bounds(&mut errors, spec.sessions.as_ref()),
        recording: recording(&mut errors, class, spec.recording.as_ref()),
    };
    errors.finish(lowered)
}

/// The host to dial, if it is one and the class allows it.
fn upstream(
    errors: &mut Errors,
    spec: &ConnectionSpec,
    class: &ConnectionClass,
    port: u16,
) -> String {
    let field = "spec.upstream.host";
    let Some(host) = errors.keep(field, Host::parse(&spec.upstream.host)) else {
        return String::new();
    };
    if !class::allows_upstream(class, &host, port) {
        let reason = format!(
            "class {} does not allow {host} port {port}; dial what its allowedUpstreams names",
            spec.class_name
        );
        errors.add(field, reason);
    }
    host.to_string()
}

fn port(errors: &mut Errors, field: &str, port: Option<i64>, spec: &ConnectionSpec) -> u16 {
    let Some(port) = port else {
        return spec.protocol.default_port();
    };
    let valid = u16::try_from(port).ok().filter(|port| *port > 0);
    if valid.is_none() {
        errors.add(field, "must be between 1 and 65535");
    }
    valid.unwrap_or_default()
}

fn access(errors: &mut Errors, access: &connection::Access) -> AccessRule {
    let field = "spec.access.expression";
    let expression = access
        .expression
        .as_ref()
        .and_then(|text| errors.keep(field, Expression::compile(text)));
    if expression
        .as_ref()
        .is_some_and(Expression::mentions_operation)
    {
        errors.add(
            field,
            "opening a session is no operation; use subject, connection, session, now",
        );
    }
    AccessRule {
        subjects: subjects(errors, "spec.access.subjects", &access.subjects),
        expression,
    }
}

fn requirement(requirement: &connection::Requirement) -> Requirement {
    Requirement {
        kind: match requirement.kind {
            connection::RequirementKind::GuardrailPolicy => RequirementKind::Guardrail,
            connection::RequirementKind::MaskingRule => RequirementKind::Mask,
        },
        name: requirement.name.clone(),
    }
}

/// What a client may name; only the default database unless more are listed.
fn databases(errors: &mut Errors, upstream: &connection::Upstream) -> Vec<Glob> {
    let field = "spec.upstream.databases";
    let listed = errors.list(field, &upstream.databases, |pattern| Glob::parse(pattern));
    match &upstream.database {
        Some(database) if upstream.databases.is_empty() => vec![Glob::literal(database)],
        Some(database) if !listed.iter().any(|pattern| pattern.matches(database)) => {
            errors.add(
                field,
                format!("leaves out the default database {database}; add it"),
            );
            listed
        }
        _ => listed,
    }
}

fn bounds(errors: &mut Errors, sessions: Option<&connection::Sessions>) -> SessionBounds {
    let defaults = connection::Sessions::default();
    let sessions = sessions.unwrap_or(&defaults);
    let max_concurrent = sessions
        .max_concurrent
        .map(|max| u64::try_from(max).unwrap_or_default());
    if max_concurrent == Some(0) {
        errors.add("spec.sessions.maxConcurrent", "must be at least 1");
    }
    let max_message_size = sessions.max_message_size.get();
    if !MESSAGE_SIZES.contains(&max_message_size) {
        let reason = "must be between 1Mi and 1Gi";
        errors.add("spec.sessions.maxMessageSize", reason);
    }
    SessionBounds {
        max_message_size: usize::try_from(max_message_size).unwrap_or_default(),
        max_concurrent,
        max_duration: sessions.max_duration.map(Duration::from),
        idle_timeout: sessions.idle_timeout.map(Duration::from),
    }
}

/// A tenant may have more recorded, more surely and for longer, never less.
fn recording(
    errors: &mut Errors,
    class: &ConnectionClass,
    overrides: Option<&connection::RecordingOverrides>,
) -> RecordingRules {
    let base = &class.spec.recording;
    let mut rules = RecordingRules {
        payloads: base.payloads,
        on_failure: base.on_failure,
        durability: base.durability,
        retention: base.retention.map(Duration::from),
    };
    let Some(overrides) = overrides else {
        return rules;
    };
    let mut looser = |field: &str, is: &str| {
        errors.add(
            format!("spec.recording.{field}"),
            format!("is looser than its class's {is}; write what is stricter, or leave it out"),
        );
    };
    match overrides.payloads {
        Some(payloads) if payloads > base.payloads => {
            looser("payloads", &format!("{:?}", base.payloads));
        }
        payloads => rules.payloads = payloads.unwrap_or(base.payloads),
    }
    match overrides.on_failure {
        Some(action) if action > base.on_failure => {
            looser("onFailure", &format!("{:?}", base.on_failure));
        }
        action => rules.on_failure = action.unwrap_or(base.on_failure),
    }
    match overrides.durability {
        Some(durability) if durability < base.durability => {
            looser("durability", &format!("{:?}", base.durability));
        }
        durability => rules.durability = durability.unwrap_or(base.durability),
    }
    match (overrides.retention, base.retention) {
        (Some(own), Some(class)) if own < class => looser("retention", &class.to_string()),
        (own, class) => rules.retention = own.or(class).map(Duration::from),
    }
    rules
}

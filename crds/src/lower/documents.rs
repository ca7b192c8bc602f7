//! A set of documents, judged whole: what a proxy refuses is refused by whoever asks before.

use std::collections::BTreeMap;

use kube::ResourceExt;
use portcullis_policy::rule::ObjectName;

use super::masking::Keys;
use super::snapshot::{Lowered, Objects, Refused, lower};
use super::{FieldError, class, guardrail, masking};
use crate::DEFAULT_CLASS;
use crate::connection::Connection;
use crate::connection_class::{ApprovalDefaults, ConnectionClass, ConnectionClassSpec};
use crate::document::Documents;

/// One Connection of a set of documents.
#[derive(Debug)]
pub struct LoweredDocument<'d> {
    pub connection: &'d Connection,
    /// Without one the Connection is refused.
    pub class: Option<&'d ConnectionClass>,
    pub lowered: Lowered,
}

/// The classes that are written, by name. Where a Connection names the default one and nobody wrote
/// it, its defaults hold: no way to prove who one is, so nobody gets in.
pub fn classes(documents: &Documents) -> BTreeMap<String, ConnectionClass> {
    let written = documents.connection_classes.iter();
    let mut classes: BTreeMap<String, ConnectionClass> = written
        .map(|class| (class.name_any(), class.clone()))
        .collect();
    let mut connections = documents.connections.iter();
    if connections.any(|connection| connection.spec.class_name == DEFAULT_CLASS) {
        classes
            .entry(DEFAULT_CLASS.to_owned())
            .or_insert_with(|| ConnectionClass::new(DEFAULT_CLASS, ConnectionClassSpec::default()));
    }
    classes
}

/// What is wrong with objects by themselves, also with those that bear on no Connection yet: an
/// error is told when it is written.
pub fn check(documents: &Documents, keys: &dyn Keys) -> Vec<Refused> {
    let mut refused = Vec::new();
    for object in &documents.connection_classes {
        keep(
            &mut refused,
            "ConnectionClass",
            object,
            class::check(object),
        );
    }
    let defaults = ApprovalDefaults::default();
    for object in &documents.guardrail_policies {
        let lowered = guardrail::lower(object, &defaults);
        keep(&mut refused, "GuardrailPolicy", object, lowered);
    }
    for object in &documents.masking_rules {
        let lowered = masking::lower(object, keys);
        keep(&mut refused, "MaskingRule", object, lowered);
    }
    // One that lies among policies could be made by whoever may write those, decisions included.
    let reason = "only the proxy writes requests, under its own state; remove it";
    for object in &documents.approval_requests {
        let wrong: Result<(), _> = Err(vec![error("kind", reason)]);
        keep(&mut refused, "ApprovalRequest", object, wrong);
    }
    refused
}

/// Lowers every Connection with all that may bear on it. Two of them cannot have one port: the
/// later one is refused, whatever `lowered.parts` says.
pub fn lower_all<'d>(
    documents: &'d Documents,
    classes: &'d BTreeMap<String, ConnectionClass>,
    replicas: u32,
    keys: &dyn Keys,
) -> Vec<LoweredDocument<'d>> {
    let mut ports: BTreeMap<u16, ObjectName> = BTreeMap::new();
    let lowered = documents.connections.iter().map(|connection| {
        let class = classes.get(&connection.spec.class_name);
        let name = name_of(connection);
        let mut lowered = lower_one(documents, connection, class, replicas, keys);
        for refused in &mut lowered.refused {
            // A class that is not there is an error of who names it.
            if refused.kind == "ConnectionClass" && class.is_none() {
                (refused.kind, refused.name) = ("Connection", name.clone());
            }
        }
        if let Some(port) = lowered.connection.as_ref().map(|it| it.port) {
            if let Some(other) = ports.get(&port) {
                let reason = format!("{other} listens on port {port} already; choose another");
                let wrong: Result<(), _> = Err(vec![error("spec.port", &reason)]);
                keep(&mut lowered.refused, "Connection", connection, wrong);
            }
            ports.insert(port, name);
        }
        LoweredDocument {
            connection,
            class,
            lowered,
        }
    });
    lowered.collect()
}

fn lower_one(
    documents: &Documents,
    connection: &Connection,
    class: Option<&ConnectionClass>,
    replicas: u32,
    keys: &dyn Keys,
) -> Lowered {
    let namespace = connection.namespace().unwrap_or_default();
    lower(
        Objects {
            connection,
            class,
            namespace_labels: &documents.namespace_labels(&namespace),
            guardrails: &documents.guardrail_policies,
            masks: &documents.masking_rules,
            replicas,
        },
        keys,
    )
}

// === impl LoweredDocument ===

impl LoweredDocument<'_> {
    pub fn name(&self) -> ObjectName {
        name_of(self.connection)
    }
}

fn keep<T>(
    refused: &mut Vec<Refused>,
    kind: &'static str,
    object: &impl ResourceExt,
    judged: Result<T, Vec<FieldError>>,
) {
    let name = name_of(object);
    refused.extend(judged.err().map(|errors| Refused { kind, name, errors }));
}

fn name_of(object: &impl ResourceExt) -> ObjectName {
    ObjectName::new(object.namespace().unwrap_or_default(), object.name_any())
}

fn error(field: &str, reason: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        reason: reason.to_owned(),
    }
}

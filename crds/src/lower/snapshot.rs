//! Everything that bears on one Connection, gathered into what a snapshot is compiled from.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use portcullis_policy::rule::ObjectName;
use portcullis_policy::snapshot::{AccessRule, ConnectionFacts, SnapshotParts};

use super::connection::LoweredConnection;
use super::masking::Keys;
use super::target::Target;
use super::{FieldError, class, connection, guardrail, masking};
use crate::connection::Connection;
use crate::connection_class::{ConnectionClass, ConnectionClassSpec};
use crate::guardrail_policy::GuardrailPolicy;
use crate::masking_rule::MaskingRule;
use crate::revision::{Versioned, revision};

/// The objects that may bear on a Connection: of its own namespace and of the platform's.
#[derive(Debug, Clone, Copy)]
pub struct Objects<'a> {
    pub connection: &'a Connection,
    /// None when the class that it names does not exist.
    pub class: Option<&'a ConnectionClass>,
    pub namespace_labels: &'a BTreeMap<String, String>,
    pub guardrails: &'a [GuardrailPolicy],
    pub masks: &'a [MaskingRule],
    /// How many replicas share the limits.
    pub replicas: u32,
}

/// What came of the objects.
#[derive(Debug)]
pub struct Lowered {
    pub parts: SnapshotParts,
    /// None while the Connection or its class is refused: it opens for nobody.
    pub connection: Option<LoweredConnection>,
    pub refused: Vec<Refused>,
}

/// What bears on a Connection, before any of it is read.
#[derive(Debug)]
pub struct Bearing<'a> {
    /// Over the Connection, its class and these policies, refused ones included.
    pub revision: String,
    pub guardrails: Vec<&'a GuardrailPolicy>,
    pub masks: Vec<&'a MaskingRule>,
}

/// An object that cannot be enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub kind: &'static str,
    pub name: ObjectName,
    pub errors: Vec<FieldError>,
}

/// Gathers the objects that bind the Connection. What is refused is told and counts as broken,
/// which denies: a policy that never compiled must not be as if it were not there.
pub fn lower(objects: Objects<'_>, keys: &dyn Keys) -> Lowered {
    let mut gathering = Gathering::default();
    let bearing = bearing(
        objects.connection,
        objects.class,
        objects.namespace_labels,
        objects.guardrails,
        objects.masks,
    );
    let class = gathering.class(&objects);
    let lowered = connection::lower(objects.connection, &class, objects.namespace_labels);
    let connection = gathering.keep("Connection", objects.connection, lowered);
    let mut policies = Vec::new();
    for object in bearing.guardrails {
        let lowered = guardrail::lower(object, &class.spec.approvals);
        policies.extend(gathering.keep("GuardrailPolicy", object, lowered));
    }
    let mut masks = Vec::new();
    for object in bearing.masks {
        masks.extend(gathering.keep("MaskingRule", object, masking::lower(object, keys)));
    }
    let (access, requires, facts) = match &connection {
        Some(lowered) => (
            lowered.access.clone(),
            lowered.requires.clone(),
            lowered.facts.clone(),
        ),
        None => {
            let facts = ConnectionFacts {
                namespace: objects.connection.namespace().unwrap_or_default(),
                name: objects.connection.name_any(),
                ..ConnectionFacts::default()
            };
            (AccessRule::default(), Vec::new(), facts)
        }
    };
    let parts = SnapshotParts {
        revision: bearing.revision,
        connection: facts,
        access,
        requires,
        lockdown: class.spec.lockdown,
        stale: false,
        policies,
        masks,
        broken: gathering
            .refused
            .iter()
            .map(|refused| refused.name.clone())
            .collect(),
        replicas: objects.replicas,
    };
    Lowered {
        parts,
        connection,
        refused: gathering.refused,
    }
}

/// Which policies bind a Connection, and the revision of all of it: what a proxy has loaded is told
/// by it, and what it should have.
pub fn bearing<'a>(
    connection: &Connection,
    class: Option<&ConnectionClass>,
    namespace_labels: &BTreeMap<String, String>,
    guardrails: impl IntoIterator<Item = &'a GuardrailPolicy>,
    masks: impl IntoIterator<Item = &'a MaskingRule>,
) -> Bearing<'a> {
    let namespace = connection.namespace().unwrap_or_default();
    let target = Target {
        namespace: &namespace,
        namespace_labels,
        name: &connection.name_any(),
        labels: connection.labels(),
        protocol: connection.spec.protocol,
    };
    let is_bound = |own: &ObjectMeta, references: &[_], selector: &Option<_>| {
        let namespace = own.namespace.as_deref().unwrap_or_default();
        target.is_bound_by(namespace, references, selector.as_ref())
    };
    let guardrails: Vec<_> = guardrails
        .into_iter()
        .filter(|it| is_bound(&it.metadata, &it.spec.target_refs, &it.spec.target_selector))
        .collect();
    let masks: Vec<_> = masks
        .into_iter()
        .filter(|it| is_bound(&it.metadata, &it.spec.target_refs, &it.spec.target_selector))
        .collect();
    let mut seen = vec![versioned("Connection", connection)];
    seen.extend(class.map(|class| versioned("ConnectionClass", class)));
    seen.extend(
        guardrails
            .iter()
            .map(|it| versioned("GuardrailPolicy", *it)),
    );
    seen.extend(masks.iter().map(|it| versioned("MaskingRule", *it)));
    Bearing {
        revision: revision(seen),
        guardrails,
        masks,
    }
}

fn versioned(kind: &str, object: &impl ResourceExt) -> Versioned {
    Versioned {
        kind: kind.to_owned(),
        uid: object.uid().unwrap_or_default(),
        generation: object.meta().generation.unwrap_or_default(),
    }
}

/// What has been read so far.
#[derive(Default)]
struct Gathering {
    refused: Vec<Refused>,
}

// === impl Gathering ===

impl Gathering {
    /// The Connection's class. One that is missing or refused counts as broken, and stands in with
    /// the settings of an empty one, which nobody gets to use.
    fn class(&mut self, objects: &Objects<'_>) -> ConnectionClass {
        let name = &objects.connection.spec.class_name;
        let errors = match objects.class {
            Some(class) => match class::check(class) {
                Ok(()) => return class.clone(),
                Err(errors) => errors,
            },
            None => vec![FieldError {
                field: "spec.className".to_owned(),
                reason: format!("there is no ConnectionClass {name}; write one, or name another"),
            }],
        };
        self.refuse("ConnectionClass", ObjectName::new("", name), errors);
        ConnectionClass::new(name, ConnectionClassSpec::default())
    }

    fn keep<T>(
        &mut self,
        kind: &'static str,
        object: &impl ResourceExt,
        lowered: Result<T, Vec<FieldError>>,
    ) -> Option<T> {
        let name = ObjectName::new(object.namespace().unwrap_or_default(), object.name_any());
        lowered
            .map_err(|errors| self.refuse(kind, name, errors))
            .ok()
    }

    fn refuse(&mut self, kind: &'static str, name: ObjectName, errors: Vec<FieldError>) {
        self.refused.push(Refused { kind, name, errors });
    }
}

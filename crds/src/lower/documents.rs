//! All Connections of a set of documents, each with what bears on it.

use kube::ResourceExt;
use portcullis_policy::rule::ObjectName;

use super::masking::Keys;
use super::snapshot::{Lowered, Objects, lower};
use crate::PLATFORM_NAMESPACE;
use crate::connection::Connection;
use crate::document::Documents;

/// One Connection of a set of documents.
#[derive(Debug)]
pub struct LoweredDocument<'d> {
    pub connection: &'d Connection,
    pub lowered: Lowered,
}

/// Lowers every Connection with the policies of its own namespace and of the platform's.
pub fn lower_all<'d>(
    documents: &'d Documents,
    replicas: u32,
    keys: &dyn Keys,
) -> Vec<LoweredDocument<'d>> {
    documents
        .connections
        .iter()
        .map(|connection| LoweredDocument {
            connection,
            lowered: lower_one(documents, connection, replicas, keys),
        })
        .collect()
}

fn lower_one(
    documents: &Documents,
    connection: &Connection,
    replicas: u32,
    keys: &dyn Keys,
) -> Lowered {
    let namespace = connection.namespace().unwrap_or_default();
    let bears =
        |own: Option<String>| own.is_some_and(|own| own == namespace || own == PLATFORM_NAMESPACE);
    let guardrails: Vec<_> = documents
        .guardrail_policies
        .iter()
        .filter(|policy| bears(policy.namespace()))
        .cloned()
        .collect();
    let masks: Vec<_> = documents
        .masking_rules
        .iter()
        .filter(|rule| bears(rule.namespace()))
        .cloned()
        .collect();
    let class_name = &connection.spec.class_name;
    lower(
        Objects {
            connection,
            class: documents
                .connection_classes
                .iter()
                .find(|class| class.name_any() == *class_name),
            namespace_labels: &documents.namespace_labels(&namespace),
            guardrails: &guardrails,
            masks: &masks,
            replicas,
        },
        keys,
    )
}

// === impl LoweredDocument ===

impl LoweredDocument<'_> {
    pub fn name(&self) -> ObjectName {
        ObjectName::new(
            self.connection.namespace().unwrap_or_default(),
            self.connection.name_any(),
        )
    }
}

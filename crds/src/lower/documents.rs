//! All Connections of a set of documents, each with what bears on it.

use kube::ResourceExt;
use portcullis_policy::rule::ObjectName;

use super::masking::Keys;
use super::snapshot::{Lowered, Objects, lower};
use crate::connection::Connection;
use crate::connection_class::ConnectionClass;
use crate::document::Documents;

/// One Connection of a set of documents.
#[derive(Debug)]
pub struct LoweredDocument<'d> {
    pub connection: &'d Connection,
    pub lowered: Lowered,
}

/// Lowers every Connection with all that may bear on it.
pub fn lower_all<'d>(
    documents: &'d Documents,
    replicas: u32,
    keys: &dyn Keys,
) -> Vec<LoweredDocument<'d>> {
    let lowered = documents.connections.iter().map(|connection| {
        let wanted = &connection.spec.class_name;
        let mut classes = documents.connection_classes.iter();
        let class = classes.find(|class| class.name_any() == *wanted);
        LoweredDocument {
            connection,
            lowered: lower_one(documents, connection, class, replicas, keys),
        }
    });
    lowered.collect()
}

/// Lowers one Connection with its class and all that may bear on it.
pub fn lower_one(
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
        ObjectName::new(
            self.connection.namespace().unwrap_or_default(),
            self.connection.name_any(),
        )
    }
}

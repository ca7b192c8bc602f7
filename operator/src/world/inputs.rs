//! What a Connection's objects are made of, as far as the watches tell: for who puts sidecars into
//! pods, on any replica.

use std::sync::Arc;

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use portcullis_crds::connection::DeliveryMode;
use portcullis_crds::{Connection, ConnectionClass, ConnectionClassSpec};

use super::view::View;
use super::{Key, World};
use crate::desired::objects::{Reference, references};
use crate::desired::platform::{PATHS, paths};
use crate::desired::{Inputs, name};

// === impl World ===

impl World {
    /// The inputs of a Connection; none while it or its class is not there.
    pub fn inputs(&self, key: &Key, image: &str) -> Option<Inputs> {
        let connection = self.connection(key)?;
        let class = self.class(&connection.spec.class_name)?;
        let view = self.view(&connection);
        let references = referred(&connection, Some(&class), &view);
        let copies = ObjectRef::new(&name::platform(&key.name)).within(&key.namespace);
        let copies = self.secrets.get(&copies);
        let annotation = copies.and_then(|it| it.annotations().get(PATHS).cloned());
        Some(Inputs {
            connection,
            class,
            image: image.to_owned(),
            references,
            copies: paths(&annotation.unwrap_or_default()),
            live_replicas: None,
        })
    }

    /// Connections of a namespace that are delivered into pods.
    pub fn sidecars(&self, namespace: &str) -> Vec<Arc<Connection>> {
        self.connections.state_filter(|it| {
            it.metadata.namespace.as_deref() == Some(namespace)
                && it.spec.delivery.mode == DeliveryMode::Sidecar
        })
    }
}

/// What the proxies of a Connection read. Without a class it is what the Connection itself says.
pub fn referred(
    object: &Connection,
    class: Option<&ConnectionClass>,
    view: &View,
) -> Vec<Reference> {
    let stand_in = ConnectionClass::new("", ConnectionClassSpec::default());
    references(object, class.unwrap_or(&stand_in), &view.masks)
}

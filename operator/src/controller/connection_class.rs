//! ConnectionClasses: their status.

use std::sync::Arc;
use std::time::Duration;

use kube::Api;
use kube::runtime::reflector::{ObjectRef, Store};
use portcullis_crds::{ConnectionClass, PLATFORM_NAMESPACE};

use super::{Context, Reconcile};
use crate::desired::objects::of_class;
use crate::desired::platform;
use crate::error::Failed;
use crate::metrics::Controller;
use crate::status;
use crate::world::{Change, Key, World};

/// The controller of ConnectionClasses.
#[derive(Debug)]
pub struct Classes;

// === impl Classes ===

impl Reconcile for Classes {
    type Object = ConnectionClass;

    const CONTROLLER: Controller = Controller::ConnectionClass;
    const DEBOUNCE: Duration = Duration::from_millis(20);

    fn store(world: &World) -> Store<ConnectionClass> {
        world.classes.clone()
    }

    fn objects(world: &World, change: &Change) -> Vec<ObjectRef<ConnectionClass>> {
        let refers = |key: &Key| {
            let of_platform = key.namespace == PLATFORM_NAMESPACE;
            let found = world.classes.state_filter(|class| {
                of_platform && of_class(class).iter().any(|it| it.name == key.name)
            });
            let found = found.iter();
            found.map(|it| ObjectRef::from_obj(it.as_ref())).collect()
        };
        match change {
            Change::Class(name) => vec![ObjectRef::new(name)],
            Change::Secret(key) | Change::ConfigMap(key) => refers(key),
            _ => Vec::new(),
        }
    }

    async fn reconcile(
        context: Arc<Context>,
        object: Arc<ConnectionClass>,
    ) -> Result<Option<Duration>, Failed> {
        let references = of_class(&object);
        let found = context.contents.of(&context.world, &references).await?;
        let unresolved = platform::unresolved(&references, &found);
        let status = status::class::status(&object, &unresolved, context.clock.now());
        let api: Api<ConnectionClass> = Api::all(context.client.client());
        let old = object.status.as_ref();
        context
            .write_status_by(&api, Self::CONTROLLER, object.as_ref(), old, &status)
            .await?;
        Ok(None)
    }
}

//! MaskingRule: compiled as proxies compile it, and told how far it is loaded.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::{ObjectRef, Store};
use portcullis_crds::MaskingRule;
use portcullis_crds::condition::PolicyStatus;
use portcullis_crds::connection::RequirementKind;
use portcullis_crds::lower::FieldError;
use portcullis_crds::lower::masking::{self, AnyKey};
use portcullis_crds::reference::TargetReference;

use super::policy::{self, Policy};
use super::{Context, Reconcile};
use crate::admission::advice;
use crate::error::Failed;
use crate::metrics::Controller;
use crate::world::{Change, World};

/// The controller of MaskingRule objects.
#[derive(Debug)]
pub struct Masks;

// === impl Masks ===

impl Reconcile for Masks {
    type Object = MaskingRule;

    const CONTROLLER: Controller = Controller::MaskingRule;
    const DEBOUNCE: Duration = policy::DEBOUNCE;

    fn store(world: &World) -> Store<MaskingRule> {
        world.masks.clone()
    }

    fn objects(world: &World, change: &Change) -> Vec<ObjectRef<MaskingRule>> {
        let own = |change: &Change| match change {
            Change::Mask(key) => Some(key.clone()),
            _ => None,
        };
        policy::objects(world, &world.masks, own, change)
    }

    async fn reconcile(
        context: Arc<Context>,
        object: Arc<MaskingRule>,
    ) -> Result<Option<Duration>, Failed> {
        policy::reconcile(&context, object.as_ref()).await
    }
}

impl Policy for MaskingRule {
    const KIND: RequirementKind = RequirementKind::MaskingRule;
    const CONTROLLER: Controller = Controller::MaskingRule;

    fn lowered(&self) -> Vec<FieldError> {
        // Whether its key is there is the Connection's to tell, and the proxy's.
        masking::lower(self, &AnyKey).err().unwrap_or_default()
    }

    fn advice(&self) -> Vec<String> {
        advice::of_mask(&self.spec)
    }

    fn target_refs(&self) -> &[TargetReference] {
        &self.spec.target_refs
    }

    fn status(&self) -> Option<&PolicyStatus> {
        self.status.as_ref()
    }
}

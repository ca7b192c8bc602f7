//! GuardrailPolicy: compiled as proxies compile it, and told how far it is loaded.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::{ObjectRef, Store};
use portcullis_crds::GuardrailPolicy;
use portcullis_crds::condition::PolicyStatus;
use portcullis_crds::connection::RequirementKind;
use portcullis_crds::connection_class::ApprovalDefaults;
use portcullis_crds::lower::{FieldError, guardrail};
use portcullis_crds::reference::TargetReference;

use super::policy::{self, Policy};
use super::{Context, Reconcile};
use crate::admission::advice;
use crate::error::Failed;
use crate::metrics::Controller;
use crate::world::{Change, World};

/// The controller of GuardrailPolicy objects.
#[derive(Debug)]
pub struct Guardrails;

// === impl Guardrails ===

impl Reconcile for Guardrails {
    type Object = GuardrailPolicy;

    const CONTROLLER: Controller = Controller::GuardrailPolicy;
    const DEBOUNCE: Duration = policy::DEBOUNCE;

    fn store(world: &World) -> Store<GuardrailPolicy> {
        world.guardrails.clone()
    }

    fn objects(world: &World, change: &Change) -> Vec<ObjectRef<GuardrailPolicy>> {
        let own = |change: &Change| match change {
            Change::Guardrail(key) => Some(key.clone()),
            _ => None,
        };
        policy::objects(world, &world.guardrails, own, change)
    }

    async fn reconcile(
        context: Arc<Context>,
        object: Arc<GuardrailPolicy>,
    ) -> Result<Option<Duration>, Failed> {
        policy::reconcile(&context, object.as_ref()).await
    }
}

impl Policy for GuardrailPolicy {
    const KIND: RequirementKind = RequirementKind::GuardrailPolicy;
    const CONTROLLER: Controller = Controller::GuardrailPolicy;

    fn lowered(&self) -> Vec<FieldError> {
        // What a class sets where a rule does not is valid in itself.
        let defaults = ApprovalDefaults::default();
        guardrail::lower(self, &defaults).err().unwrap_or_default()
    }

    fn advice(&self) -> Vec<String> {
        advice::of_rules(&self.spec)
    }

    fn target_refs(&self) -> &[TargetReference] {
        &self.spec.target_refs
    }

    fn status(&self) -> Option<&PolicyStatus> {
        self.status.as_ref()
    }
}

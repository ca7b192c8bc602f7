//! ApprovalRequests: decisions into the status, and what follows from them.

use std::sync::Arc;
use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::events::EventType;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, ResourceExt};
use portcullis_crds::ApprovalRequest;
use portcullis_crds::approval_request::{ApprovalRequestStatus, ApprovalState};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Context, Reconcile};
use crate::error::Failed;
use crate::metrics::Controller;
use crate::status::approval::{LOOKS_AGAIN, Step, is_final, is_recorded, step};
use crate::world::{Change, Key, World};

/// Who writes requests.
const MANAGER: &str = "portcullis-approvalrequest-controller";
/// Beyond it a deadline is looked at in between: timers are not that exact.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The controller of ApprovalRequests.
#[derive(Debug)]
pub struct Requests;

// === impl Requests ===

impl Reconcile for Requests {
    type Object = ApprovalRequest;

    const CONTROLLER: Controller = Controller::ApprovalRequest;
    // Somebody waits for it.
    const DEBOUNCE: Duration = Duration::ZERO;

    fn store(world: &World) -> Store<ApprovalRequest> {
        world.requests.clone()
    }

    fn objects(_: &World, change: &Change) -> Vec<ObjectRef<ApprovalRequest>> {
        match change {
            Change::Request(key) => vec![ObjectRef::new(&key.name).within(&key.namespace)],
            _ => Vec::new(),
        }
    }

    async fn reconcile(
        context: Arc<Context>,
        object: Arc<ApprovalRequest>,
    ) -> Result<Option<Duration>, Failed> {
        if object.metadata.deletion_timestamp.is_some() {
            return Ok(None);
        }
        let began = tokio::time::Instant::now();
        let step = step(&object, context.clock.now());
        if let Some(finished) = step.delete {
            return match is_safe(&context, &object, finished) {
                true => delete(&context, &object).await,
                false => Ok(Some(LOOKS_AGAIN)),
            };
        }
        if !step.ignored.is_empty() {
            let note = format!(
                "annotations that are no valid decisions: {}",
                step.ignored.join(", ")
            );
            context
                .tell(
                    object.as_ref(),
                    EventType::Warning,
                    "DecisionIgnored",
                    &note,
                )
                .await;
        }
        if object.status.as_ref() == Some(&step.status) {
            unstamp(&context, &object, &step).await?;
        } else {
            write(&context, &object, &step).await?;
            announce(&context, &object, &step.status, began.elapsed()).await;
            // What was written comes back by the watch, and the annotations go then: patched with
            // the version that was read, they would be refused now.
        }
        Ok(step.after.map(|wait| wait.min(LONGEST_WAIT)))
    }
}

/// Writes what the operator says of the request, if nobody wrote since it was read.
async fn write(context: &Context, object: &ApprovalRequest, step: &Step) -> Result<(), Failed> {
    let status = &step.status;
    let mut fields = Map::new();
    fields.insert(
        "observedGeneration".to_owned(),
        json!(status.observed_generation),
    );
    fields.insert("state".to_owned(), json!(status.state));
    fields.insert("approvals".to_owned(), json!(status.approvals));
    fields.insert("decisions".to_owned(), json!(status.decisions));
    fields.insert("conditions".to_owned(), json!(status.conditions));
    if let Some(grant) = &status.grant {
        fields.insert("grant".to_owned(), json!(grant));
    }
    let patch = json!({
        "metadata": { "resourceVersion": object.resource_version(), "uid": object.uid() },
        "status": fields,
    });
    let parameters = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    api(context, object)
        .patch_status(&object.name_any(), &parameters, &Patch::Merge(&patch))
        .await
        .map_err(Failed::api("write the status of a request"))?;
    let labels = [Controller::ApprovalRequest.name()];
    context.metrics.statuses.with_label_values(&labels).inc();
    Ok(())
}

/// Removes the annotations whose decisions the status that was read already holds.
async fn unstamp(context: &Context, object: &ApprovalRequest, step: &Step) -> Result<(), Failed> {
    if step.moved.is_empty() {
        return Ok(());
    }
    let gone: Map<String, Value> = step
        .moved
        .iter()
        .map(|key| (key.clone(), Value::Null))
        .collect();
    let patch = json!({
        "metadata": { "resourceVersion": object.resource_version(), "annotations": gone },
    });
    let parameters = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    api(context, object)
        .patch_metadata(&object.name_any(), &parameters, &Patch::Merge(&patch))
        .await
        .map(drop)
        .map_err(Failed::api("remove the annotations of a request"))
}

/// Whether what proxies recorded of it is in the store. Without its Connection there are none.
fn is_safe(context: &Context, object: &ApprovalRequest, finished: Duration) -> bool {
    let namespace = object.namespace().unwrap_or_default();
    let key = Key::new(namespace, &object.spec.connection_ref.name);
    let connection = context.world.connection(&key);
    connection.is_none_or(|connection| {
        let now = Instant::now();
        is_recorded(
            finished,
            &context.world.proxies(&connection, true, now),
            now,
        )
    })
}

/// Deletes a request that has been finished for long enough, and no other under its name.
async fn delete(context: &Context, object: &ApprovalRequest) -> Result<Option<Duration>, Failed> {
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: object.uid(),
            resource_version: object.resource_version(),
        }),
        ..DeleteParams::background()
    };
    match api(context, object)
        .delete(&object.name_any(), &parameters)
        .await
    {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(Failed::api("delete a finished request")(error)),
    }
}

/// An Event and a count where the state is another.
async fn announce(
    context: &Context,
    object: &ApprovalRequest,
    new: &ApprovalRequestStatus,
    took: Duration,
) {
    let before = object.status.as_ref().map(|old| old.state);
    if before.unwrap_or_default() == new.state {
        return;
    }
    let state = new.state.word();
    context.metrics.approvals.with_label_values(&[state]).inc();
    let seconds = took.as_secs_f64();
    let labels = [state];
    context
        .metrics
        .decision_seconds
        .with_label_values(&labels)
        .observe(seconds);
    let message = new.conditions.last().map(|it| it.message.clone());
    let kind = match new.state {
        ApprovalState::Denied | ApprovalState::Revoked | ApprovalState::Expired => {
            EventType::Warning
        }
        _ => EventType::Normal,
    };
    let note = message.unwrap_or_default();
    context.tell(object, kind, state, &note).await;
    if is_final(new.state) {
        tracing::info!(request = %object.name_any(), state, "a request is finished");
    }
}

fn api(context: &Context, object: &ApprovalRequest) -> Api<ApprovalRequest> {
    let namespace = object.namespace().unwrap_or_default();
    Api::namespaced(context.client.client(), &namespace)
}

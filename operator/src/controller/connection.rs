//! Connections: their objects and their status.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::events::EventType;
use kube::runtime::reflector::{ObjectRef, Store};
use portcullis_crds::condition::{ACCEPTED, READY, reason};
use portcullis_crds::connection::{BoundPolicy, ConnectionStatus, DeliveryMode, RequirementKind};
use portcullis_crds::lower::connection::LoweredConnection;
use portcullis_crds::lower::{FieldError, class, connection};
use portcullis_crds::{Connection, ConnectionClass, ConnectionClassSpec};
use tokio::time::Instant;

use super::{Context, Reconcile, token};
use crate::desired::objects::Source;
use crate::desired::platform::{self, Unresolved};
use crate::desired::{Desired, Inputs, Kind, name, secret};
use crate::error::{Class, Failed};
use crate::metrics::Controller;
use crate::pki::Leaf;
use crate::status;
use crate::status::connection::{Facts, SETTLES};
use crate::world::inputs::referred;
use crate::world::owned::Object;
use crate::world::view::View;
use crate::world::{Change, Key, World};

/// How long a Connection goes without a look although nothing changed.
const RESYNC: Duration = Duration::from_secs(600);
/// The shortest wait for a report that is about to count no more.
const SOON: Duration = Duration::from_secs(1);

/// The controller of Connections.
#[derive(Debug)]
pub struct Connections;

/// A Connection with what its lowering says.
struct Lowered {
    class: Option<Arc<ConnectionClass>>,
    errors: Vec<FieldError>,
    connection: Option<LoweredConnection>,
}

// === impl Connections ===

impl Reconcile for Connections {
    type Object = Connection;

    const CONTROLLER: Controller = Controller::Connection;
    const DEBOUNCE: Duration = Duration::from_millis(20);

    fn store(world: &World) -> Store<Connection> {
        world.connections.clone()
    }

    fn objects(world: &World, change: &Change) -> Vec<ObjectRef<Connection>> {
        let found = match change {
            Change::Connection(key) | Change::Owned(key) | Change::Report(key) => {
                return vec![ObjectRef::new(&key.name).within(&key.namespace)];
            }
            Change::Class(name) => world
                .connections
                .state_filter(|it| it.spec.class_name == *name),
            Change::Guardrail(key) => bound(world, RequirementKind::GuardrailPolicy, key),
            Change::Mask(key) => bound(world, RequirementKind::MaskingRule, key),
            Change::Namespace(namespace) => world
                .connections
                .state_filter(|it| it.metadata.namespace.as_ref() == Some(namespace)),
            Change::Secret(key) => referring(world, Source::Secret, key),
            Change::ConfigMap(key) => referring(world, Source::ConfigMap, key),
            Change::Request(_) | Change::Everything => Vec::new(),
        };
        let found = found.iter();
        found.map(|it| ObjectRef::from_obj(it.as_ref())).collect()
    }

    async fn reconcile(
        context: Arc<Context>,
        object: Arc<Connection>,
    ) -> Result<Option<Duration>, Failed> {
        let namespace = object.namespace().unwrap_or_default();
        if object.metadata.deletion_timestamp.is_some() || context.world.is_leaving(&namespace) {
            // What it owns goes with it, or with its namespace.
            return Ok(None);
        }
        let view = context.world.view(&object);
        let lowered = lower(&context.world, &object, &view);
        let references = referred(&object, lowered.class.as_deref(), &view);
        let found = context.contents.of(&context.world, &references).await?;
        let mut unresolved = platform::unresolved(&references, &found);
        if let Some(connection) = &lowered.connection {
            unresolved.extend(platform::not_served(&object, connection, &found));
        }
        let made = match (&lowered.class, lowered.errors.is_empty()) {
            (Some(class), true) => {
                let copies = platform::copies(&references, &namespace, &found);
                let inputs = Inputs {
                    connection: Arc::clone(&object),
                    class: Arc::clone(class),
                    image: context.proxy_image.clone(),
                    live_replicas: context.world.live_replicas(&object),
                    references,
                    copies: copies.paths.clone(),
                };
                make(&context, &inputs, &copies).await
            }
            // Refused: what is there stays, and proxies deny by themselves.
            _ => Ok(()),
        };
        let wait = tell(&context, &object, &view, &lowered, &unresolved, &made).await?;
        made.map(|()| Some(wait))
    }
}

/// Applies all that the Connection owns, and removes what it no longer should.
async fn make(context: &Context, inputs: &Inputs, copies: &platform::Copies) -> Result<(), Failed> {
    let mut all = inputs.objects();
    if !copies.data.is_empty() {
        all.push(platform::secret(inputs, copies));
    }
    let mut kept: BTreeSet<Object> = BTreeSet::new();
    if inputs.connection.spec.delivery.mode == DeliveryMode::Gateway {
        all.extend(certificate(context, inputs).await?);
    }
    // Secrets before the workload that mounts them, accounts before all.
    all.sort_by_key(|desired| match desired.kind {
        Kind::ServiceAccount | Kind::Role | Kind::RoleBinding => 0,
        Kind::Deployment | Kind::StatefulSet => 2,
        Kind::HorizontalPodAutoscaler => 3,
        _ => 1,
    });
    for desired in &all {
        context.applier.apply(desired).await?;
        kept.insert(object(desired));
    }
    if inputs.connection.spec.delivery.mode == DeliveryMode::Sidecar {
        kept.extend(token::renew(context, inputs).await?);
    }
    context
        .applier
        .prune(&inputs.connection, |object| kept.contains(object))
        .await
}

/// The certificate that callers see, and what vouches for it; nothing where one is named.
async fn certificate(context: &Context, inputs: &Inputs) -> Result<Vec<Desired>, Failed> {
    let gateway = inputs.connection.spec.delivery.gateway.as_ref();
    if gateway.is_some_and(|gateway| gateway.certificate_secret_ref.is_some()) {
        return Ok(Vec::new());
    }
    let authority = context.authority.borrow().clone();
    let authority = authority.ok_or(Failed::Waiting("the CA of the platform"))?;
    let key = Key::new(inputs.namespace(), name::certificate(&inputs.name()));
    let names = secret::host_names(inputs);
    let now = context.clock.now();
    let there = context
        .contents
        .one(&context.world, Source::Secret, &key)
        .await?;
    let there = there.filter(|data| authority.keeps(data, &names, now));
    let leaf = match there.as_deref().and_then(Leaf::from_data) {
        Some(leaf) => leaf,
        // The watch may be behind what was made a moment ago.
        None => context.leaves.get_or_make(&inputs.connection, |known| {
            match known.filter(|leaf| authority.keeps(&leaf.to_data(), &names, now)) {
                Some(leaf) => Ok(leaf),
                None => authority.issue(&names, now),
            }
        })?,
    };
    Ok(vec![
        secret::certificate(inputs, &leaf),
        secret::authority(inputs, &leaf.authorities),
    ])
}

/// Writes the status, and tells when to look again.
async fn tell(
    context: &Context,
    object: &Connection,
    view: &View,
    lowered: &Lowered,
    unresolved: &[Unresolved],
    made: &Result<(), Failed>,
) -> Result<Duration, Failed> {
    let proxies = context
        .world
        .proxies(object, lowered.errors.is_empty(), Instant::now());
    let failed = made.as_ref().err().map(|error| {
        let passes = error.class() != Class::Terminal;
        (error.to_string(), passes)
    });
    let facts = Facts {
        object,
        class: lowered.class.as_deref(),
        errors: &lowered.errors,
        unresolved,
        view,
        workload: context.world.workload(object),
        proxies: &proxies,
        failed,
        now: context.clock.now(),
    };
    let status = status::connection::status(&facts);
    let old = object.status.as_ref();
    context
        .write_status(Controller::Connection, object, old, &status)
        .await?;
    announce(context, object, old, &status).await;
    // Ready while proxies load is looked at again when they had their time.
    let loading = status
        .conditions
        .iter()
        .any(|it| it.reason == reason::PROXIES_LOADING);
    let settled = loading.then_some(SETTLES);
    let wait = proxies.silent.into_iter().chain(settled).min();
    Ok(wait.unwrap_or(RESYNC).max(SOON).min(RESYNC))
}

/// Events where a condition flipped.
async fn announce(
    context: &Context,
    object: &Connection,
    old: Option<&ConnectionStatus>,
    new: &ConnectionStatus,
) {
    for kind in [ACCEPTED, READY] {
        let find = |status: &ConnectionStatus| {
            let mut all = status.conditions.iter().filter(|it| it.type_ == kind);
            all.next().cloned()
        };
        let Some(after) = find(new) else { continue };
        let before = old.and_then(find);
        let flipped = match &before {
            None => kind == ACCEPTED && after.status == "False",
            Some(before) => before.status != after.status,
        };
        if flipped {
            let kind = match after.status.as_str() {
                "True" => EventType::Normal,
                _ => EventType::Warning,
            };
            context
                .tell(object, kind, &after.reason, &after.message)
                .await;
        }
    }
}

fn lower(world: &World, object: &Connection, view: &View) -> Lowered {
    let name = &object.spec.class_name;
    let class = world.class(name);
    let mut errors = Vec::new();
    if let Some(reason) = name::refusal(&object.name_any()) {
        errors.push(FieldError {
            field: "metadata.name".to_owned(),
            reason,
        });
    }
    let checked = match &class {
        None => Err(vec![FieldError {
            field: "spec.className".to_owned(),
            reason: format!("there is no ConnectionClass {name}; write one, or name another"),
        }]),
        Some(class) => class::check(class).map_err(|found| {
            let field = |error: FieldError| FieldError {
                field: "spec.className".to_owned(),
                reason: format!("ConnectionClass {name} is refused: {error}"),
            };
            found.into_iter().map(field).collect()
        }),
    };
    errors.extend(checked.err().into_iter().flatten());
    let stand_in = ConnectionClass::new(name, ConnectionClassSpec::default());
    let under = class.as_deref().unwrap_or(&stand_in);
    let connection = match connection::lower(object, under, &view.namespace_labels) {
        Ok(connection) => Some(connection),
        Err(found) => {
            errors.extend(found);
            None
        }
    };
    Lowered {
        class,
        errors,
        connection,
    }
}

/// Connections that a policy binds, or bound when their status was written.
fn bound(world: &World, kind: RequirementKind, key: &Key) -> Vec<Arc<Connection>> {
    let is_it = |policy: &BoundPolicy| {
        policy.kind == kind && policy.namespace == key.namespace && policy.name == key.name
    };
    let within = world.within_reach(&key.namespace).into_iter();
    within
        .filter(|connection| {
            world.view(connection).policies.iter().any(is_it)
                || connection.status.as_ref().is_none_or(|status| {
                    let listed = i64::try_from(status.policies.len()).ok();
                    // A list that is cut short tells nothing of the rest.
                    status.policies.iter().any(is_it) || status.policy_count != listed
                })
        })
        .collect()
}

/// Connections that read an object.
fn referring(world: &World, source: Source, key: &Key) -> Vec<Arc<Connection>> {
    let within = world.within_reach(&key.namespace).into_iter();
    within
        .filter(|it| {
            let class = world.class(&it.spec.class_name);
            let view = world.view(it);
            let mut all = referred(it, class.as_deref(), &view).into_iter();
            all.any(|reference| {
                reference.source == source
                    && reference.namespace == key.namespace
                    && reference.name == key.name
            })
        })
        .collect()
}

fn object(desired: &Desired) -> Object {
    Object {
        kind: desired.kind,
        key: Key::new(desired.namespace(), desired.name()),
    }
}

//! What the controllers of both kinds of policies share.

use std::sync::Arc;
use std::time::Duration;

use kube::core::NamespaceResourceScope;
use kube::runtime::events::EventType;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};
use portcullis_crds::condition::{ACCEPTED, PolicyStatus};
use portcullis_crds::connection::RequirementKind;
use portcullis_crds::lower::FieldError;
use portcullis_crds::reference::TargetReference;
use portcullis_crds::{Connection, PLATFORM_NAMESPACE};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Context;
use crate::error::Failed;
use crate::metrics::Controller;
use crate::status::holds;
use crate::status::policy::{Bound, Facts, Loaded, status};
use crate::world::proxies::Proxies;
use crate::world::{Change, Key, World};

/// How long changes of one policy are gathered.
pub(super) const DEBOUNCE: Duration = Duration::from_millis(20);

/// A policy, whatever its kind.
pub(super) trait Policy:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    const KIND: RequirementKind;
    const CONTROLLER: Controller;

    fn lowered(&self) -> Vec<FieldError>;
    /// What is valid and probably not meant.
    fn advice(&self) -> Vec<String>;
    fn target_refs(&self) -> &[TargetReference];
    fn status(&self) -> Option<&PolicyStatus>;
}

/// The policies of one kind that a change sets off.
pub(super) fn objects<P: Policy>(
    world: &World,
    store: &Store<P>,
    own: impl Fn(&Change) -> Option<Key>,
    change: &Change,
) -> Vec<ObjectRef<P>> {
    if let Some(key) = own(change) {
        return vec![ObjectRef::new(&key.name).within(&key.namespace)];
    }
    let key = match change {
        // How many proxies there should be is told by what the Connection owns.
        Change::Connection(key) | Change::Report(key) | Change::Owned(key) => key,
        // Which Connections a platform's policy binds may have changed.
        Change::Namespace(_) => {
            let platform = |it: &P| it.meta().namespace.as_deref() == Some(PLATFORM_NAMESPACE);
            return references(store.state_filter(platform));
        }
        _ => return Vec::new(),
    };
    let Some(connection) = world.connection(key) else {
        // It is gone, and was bound or named by any of these.
        return references(store.state_filter(|it| may_bind(it, key)));
    };
    let view = world.view(&connection);
    references(store.state_filter(|it| {
        let (namespace, name) = (it.namespace().unwrap_or_default(), it.name_any());
        let bound = view.policies.iter().any(|policy| {
            policy.kind == P::KIND && policy.namespace == namespace && policy.name == name
        });
        bound || lists(it, key) || was_bound(it, key)
    }))
}

/// Looks at one policy.
pub(super) async fn reconcile<P: Policy>(
    context: &Context,
    object: &P,
) -> Result<Option<Duration>, Failed> {
    let namespace = object.namespace().unwrap_or_default();
    let within = context.world.within_reach(&namespace);
    let errors = object.lowered();
    let mut bound: Vec<Bound> = within
        .iter()
        .filter_map(|connection| bind(context, object, connection))
        .collect();
    bound.sort_by(|a, b| a.connection.cmp(&b.connection));
    let named = object.target_refs().iter();
    let missing = named
        .map(|reference| Key::new(&namespace, &reference.name))
        .filter(|key| context.world.connection(key).is_none())
        .collect();
    let binds_nothing = bound.is_empty();
    let facts = Facts {
        meta: object.meta(),
        old: object.status(),
        errors: &errors,
        bound,
        missing,
        now: context.clock.now(),
    };
    let new = status(&facts);
    let wrote = context
        .write_status(P::CONTROLLER, object, object.status(), &new)
        .await?;
    let was_accepted = object
        .status()
        .is_none_or(|old| old.conditions.is_empty() || holds(&old.conditions, ACCEPTED));
    let refusal = new.conditions.iter().find(|it| it.type_ == ACCEPTED);
    if let Some(refusal) = refusal.filter(|it| wrote && was_accepted && it.status == "False") {
        context
            .tell(
                object,
                EventType::Warning,
                &refusal.reason,
                &refusal.message,
            )
            .await;
    } else if wrote {
        advise(context, object, binds_nothing).await;
    }
    Ok(None)
}

/// Who applies by a robot sees no warnings of admission, and what a policy binds may change without
/// an edit of it.
async fn advise<P: Policy>(context: &Context, object: &P, binds_nothing: bool) {
    let old = object.status();
    let generation = object.meta().generation;
    let is_edited = old.is_none_or(|old| Some(old.observed_generation) != generation);
    let advice = if is_edited {
        object.advice()
    } else {
        Vec::new()
    };
    if !advice.is_empty() {
        let note = advice.join("; ");
        context
            .tell(object, EventType::Warning, "ProbablyNotMeant", &note)
            .await;
    }
    let bound_before = old.is_some_and(|old| !old.ancestors.is_empty());
    if binds_nothing && (is_edited || bound_before) {
        let note = "it binds no Connection now";
        context
            .tell(object, EventType::Warning, "BindsNothing", note)
            .await;
    }
}

/// How a policy stands with a Connection, if it binds it.
fn bind<P: Policy>(context: &Context, object: &P, connection: &Connection) -> Option<Bound> {
    let view = context.world.view(connection);
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    view.policies.iter().find(|policy| {
        policy.kind == P::KIND && policy.namespace == namespace && policy.name == name
    })?;
    let key = Key::of(connection);
    let accepted = is_accepted(connection);
    let proxies = context.world.proxies(connection, accepted, Instant::now());
    Some(Bound {
        loaded: loaded::<P>(&proxies, &view.revision, (&namespace, &name)),
        connection: key,
    })
}

fn loaded<P: Policy>(proxies: &Proxies, revision: &str, (namespace, name): (&str, &str)) -> Loaded {
    let kind = P::kind(&());
    let mut refused = proxies.reports.iter().flat_map(|report| &report.refused);
    let refused =
        refused.find(|it| it.kind == kind && it.namespace == namespace && it.name == name);
    if let Some(refused) = refused {
        return Loaded::Refused(format!("{}: {}", refused.field, refused.reason));
    }
    match (proxies.total, proxies.current(revision)) {
        (0, _) => Loaded::ByNone,
        (total, current) if current >= total => Loaded::ByAll,
        (total, current) => Loaded::BySome(current, total),
    }
}

/// One that nobody has looked at may come to be.
fn is_accepted(connection: &Connection) -> bool {
    let status = connection.status.as_ref();
    status.is_none_or(|status| status.conditions.is_empty() || holds(&status.conditions, ACCEPTED))
}

fn may_bind<P: Policy>(object: &P, key: &Key) -> bool {
    let namespace = object.meta().namespace.as_deref();
    namespace == Some(PLATFORM_NAMESPACE) || namespace == Some(&key.namespace)
}

fn lists<P: Policy>(object: &P, key: &Key) -> bool {
    let mut named = object.target_refs().iter();
    object.meta().namespace.as_ref() == Some(&key.namespace) && named.any(|it| it.name == key.name)
}

/// An edit of the Connection may have taken it out of what a selector selects.
fn was_bound<P: Policy>(object: &P, key: &Key) -> bool {
    let mut ancestors = object.status().into_iter().flat_map(|it| &it.ancestors);
    ancestors.any(|it| {
        let reference = &it.ancestor_ref;
        reference.name == key.name
            && reference.namespace.as_deref().unwrap_or_default() == key.namespace
    })
}

fn references<P: Policy>(objects: Vec<Arc<P>>) -> Vec<ObjectRef<P>> {
    let objects = objects.iter();
    objects.map(|it| ObjectRef::from_obj(it.as_ref())).collect()
}

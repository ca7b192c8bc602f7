//! What bears on each Connection, worked out once for each change: who asks which policies bind a
//! Connection, and what revision that makes, asks for every policy and every Connection.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};

use portcullis_crds::connection::{BoundPolicy, RequirementKind};
use portcullis_crds::lower::snapshot::bearing;
use portcullis_crds::{Connection, MaskingRule, PLATFORM_NAMESPACE};

use super::{Change, Key, World};

/// What bears on one Connection.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// What its proxies should have loaded.
    pub revision: String,
    /// Sorted by kind, namespace and name.
    pub policies: Vec<BoundPolicy>,
    pub masks: Vec<Arc<MaskingRule>>,
    pub namespace_labels: BTreeMap<String, String>,
}

/// Views as far as nothing has changed since.
#[derive(Debug, Default)]
pub struct Views {
    /// Counts changes that bear on every Connection.
    everywhere: u64,
    /// Counts changes that bear on those of one namespace.
    namespaces: HashMap<String, u64>,
    kept: HashMap<Key, Kept>,
}

#[derive(Debug)]
struct Kept {
    everywhere: u64,
    namespace: u64,
    view: Arc<View>,
}

// === impl Views ===

impl Views {
    /// A change makes views old.
    pub(super) fn outdate(&mut self, change: &Change) {
        let namespace = match change {
            Change::Connection(key) => {
                self.kept.remove(key);
                return;
            }
            Change::Guardrail(key) | Change::Mask(key) => &key.namespace,
            Change::Namespace(namespace) => namespace,
            Change::Class(_) | Change::Everything => PLATFORM_NAMESPACE,
            Change::Request(_)
            | Change::Secret(_)
            | Change::ConfigMap(_)
            | Change::Owned(_)
            | Change::Report(_) => return,
        };
        if namespace == PLATFORM_NAMESPACE {
            self.everywhere += 1;
        }
        *self.namespaces.entry(namespace.to_owned()).or_default() += 1;
    }

    fn version(&self, namespace: &str) -> (u64, u64) {
        let own = self.namespaces.get(namespace).copied();
        (self.everywhere, own.unwrap_or_default())
    }
}

// === impl World ===

impl World {
    /// What bears on a Connection now.
    pub fn view(&self, connection: &Connection) -> Arc<View> {
        let key = Key::of(connection);
        let lock = || self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let version = {
            let views = lock();
            let version = views.version(&key.namespace);
            let kept = views.kept.get(&key);
            if let Some(kept) = kept.filter(|it| (it.everywhere, it.namespace) == version) {
                return Arc::clone(&kept.view);
            }
            version
        };
        let view = Arc::new(self.work_out(connection));
        let kept = Kept {
            // From before it was worked out: a change meanwhile makes it old.
            everywhere: version.0,
            namespace: version.1,
            view: Arc::clone(&view),
        };
        lock().kept.insert(key, kept);
        view
    }

    fn work_out(&self, connection: &Connection) -> View {
        let namespace = connection.metadata.namespace.as_deref().unwrap_or_default();
        let bears = |own: Option<&str>| own == Some(namespace) || own == Some(PLATFORM_NAMESPACE);
        let guardrails = self
            .guardrails
            .state_filter(|it| bears(it.metadata.namespace.as_deref()));
        let masks = self
            .masks
            .state_filter(|it| bears(it.metadata.namespace.as_deref()));
        let class = self.class(&connection.spec.class_name);
        let namespace_labels = self.namespace_labels(namespace);
        let bearing = bearing(
            connection,
            class.as_deref(),
            &namespace_labels,
            guardrails.iter().map(Arc::as_ref),
            masks.iter().map(Arc::as_ref),
        );
        let bound = |kind: RequirementKind, key: Key| BoundPolicy {
            kind,
            namespace: key.namespace,
            name: key.name,
        };
        let of_guardrails = bearing
            .guardrails
            .iter()
            .map(|it| bound(RequirementKind::GuardrailPolicy, Key::of(*it)));
        let of_masks = bearing
            .masks
            .iter()
            .map(|it| bound(RequirementKind::MaskingRule, Key::of(*it)));
        let mut policies: Vec<BoundPolicy> = of_guardrails.chain(of_masks).collect();
        policies.sort_by(|a, b| order(a).cmp(&order(b)));
        let binds = |mask: &MaskingRule| {
            let mut bound = bearing.masks.iter();
            bound.any(|it| it.metadata.uid == mask.metadata.uid)
        };
        let bound_masks = masks.iter().filter(|it| binds(it)).cloned().collect();
        View {
            revision: bearing.revision,
            policies,
            masks: bound_masks,
            namespace_labels,
        }
    }
}

fn order(policy: &BoundPolicy) -> (bool, &str, &str) {
    let mask = policy.kind == RequirementKind::MaskingRule;
    (mask, &policy.namespace, &policy.name)
}

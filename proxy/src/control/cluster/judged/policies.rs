//! The policies that bear on a Connection, each in its newest good version.

use std::collections::BTreeMap;

use kube::Resource;
use portcullis_crds::lower::target::Target;
use portcullis_crds::lower::{FieldError, guardrail, masking};
use portcullis_crds::{ConnectionClass, GuardrailPolicy, MaskingRule};
use portcullis_policy::rule::ObjectName;
use portcullis_policy::{Snapshot, SnapshotParts};

use super::{LastGood, Refused, empty, name_of, retain, same, unreadable};
use crate::control::cluster::world::{Found, Seen, Shelf};
use crate::control::compile::Name;
use crate::control::objects::Objects;

/// What is handed on, and what denies.
pub(super) struct Policies {
    pub(super) guardrails: Vec<GuardrailPolicy>,
    pub(super) masks: Vec<MaskingRule>,
    /// Those that apply and of which no version ever was good.
    pub(super) never_good: Vec<ObjectName>,
}

type All<'a, K> = BTreeMap<Name, &'a Found<K>>;

/// Chooses, and tells of those that apply what is wrong with them.
pub(super) fn choose(
    seen: &Seen,
    good: &mut LastGood,
    (class, objects): (&ConnectionClass, &Objects),
    (target, refused): (&Target<'_>, &mut Refused),
) -> Policies {
    let guardrails = both(&seen.guardrails, &seen.platform_guardrails);
    let (guardrails, mut never_good) = keep(
        ("GuardrailPolicy", &guardrails, &mut good.guardrails),
        |policy| {
            let lowered = guardrail::lower(policy, &class.spec.approvals)?;
            alone(SnapshotParts {
                policies: vec![lowered],
                ..empty()
            })
        },
        |policy| {
            let (namespace, _) = name_of(policy);
            let selector = policy.spec.target_selector.as_ref();
            target.is_bound_by(&namespace, &policy.spec.target_refs, selector)
        },
        refused,
    );
    let masks = both(&seen.masks, &seen.platform_masks);
    let (masks, more) = keep(
        ("MaskingRule", &masks, &mut good.masks),
        |mask| {
            let lowered = masking::lower(mask, objects)?;
            alone(SnapshotParts {
                masks: vec![lowered],
                ..empty()
            })
        },
        |mask| {
            let (namespace, _) = name_of(mask);
            let selector = mask.spec.target_selector.as_ref();
            target.is_bound_by(&namespace, &mask.spec.target_refs, selector)
        },
        refused,
    );
    never_good.extend(more);
    Policies {
        guardrails,
        masks,
        never_good,
    }
}

/// The newest good version of each policy. Of those that never were good and apply here the names
/// come beside; what can be read of them is handed on, for the revision counts them.
fn keep<K: Resource + Clone>(
    (kind, found, good): (&'static str, &All<'_, K>, &mut BTreeMap<Name, K>),
    check: impl Fn(&K) -> Result<(), Vec<FieldError>>,
    binds: impl Fn(&K) -> bool,
    refused: &mut Refused,
) -> (Vec<K>, Vec<ObjectName>) {
    let (mut kept, mut never_good) = (Vec::new(), Vec::new());
    retain(|name| found.get(name).map(|found| found.metadata()), good);
    for (name, found) in found {
        let (object, errors) = match found {
            Found::Readable(object) if good.get(name).is_some_and(|last| same(last, object)) => {
                kept.push(object.clone());
                continue;
            }
            Found::Readable(object) => (Some(object), check(object).err()),
            Found::Unreadable { error, .. } => (None, Some(unreadable(error))),
        };
        let Some(errors) = errors else {
            good.extend(object.map(|object| (name.clone(), object.clone())));
            kept.extend(object.cloned());
            continue;
        };
        let last = good.get(name);
        // Of what applies elsewhere, others tell.
        if object.is_none_or(&binds) || last.is_some_and(&binds) {
            refused.add(kind, name.clone(), errors);
        }
        kept.extend(last.or(object).cloned());
        if last.is_none() && object.is_none_or(&binds) {
            never_good.push(ObjectName::new(&name.0, &name.1));
        }
    }
    (kept, never_good)
}

fn both<'a, K>(own: &'a Shelf<K>, platform: &'a Shelf<K>) -> All<'a, K> {
    let all = own.objects.iter().chain(&platform.objects);
    all.map(|(name, found)| (name.clone(), found)).collect()
}

/// What only a snapshot notices, so that it is one object's error and not everybody's.
fn alone(parts: SnapshotParts) -> Result<(), Vec<FieldError>> {
    let compiled = Snapshot::compile(parts);
    compiled.map(drop).map_err(|errors| {
        let told = |reason: String| FieldError {
            field: "spec".to_owned(),
            reason,
        };
        errors.iter().map(|error| told(error.to_string())).collect()
    })
}

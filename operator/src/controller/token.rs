//! The token that sidecars of a Connection act by. Each day a new Secret of type service-account
//! token is made, which Kubernetes fills; its token is copied into the one Secret that pods mount;
//! the old one is removed only after every mount had time to follow. No right to mint tokens is
//! needed.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::PartialObjectMeta;

use super::Context;
use crate::desired::objects::Source;
use crate::desired::{Inputs, Kind, name, secret};
use crate::error::Failed;
use crate::world::Key;
use crate::world::owned::{Object, owner};

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// How long an old token stays good: a kubelet follows a Secret within some two minutes.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

/// Makes and copies tokens as the day asks; returns what is to be kept.
pub(super) async fn renew(context: &Context, inputs: &Inputs) -> Result<Vec<Object>, Failed> {
    let now = context.clock.now();
    let today = source_name(inputs, now);
    let made = secret::token_source(inputs, &today);
    context.applier.apply(&made).await?;
    let mut sources = sources(context, inputs);
    sources.sort_by_key(|it| std::cmp::Reverse(it.creation_timestamp()));
    let newest = sources.iter().find(|it| it.name_any() == today);
    let settled = newest
        .and_then(|it| it.creation_timestamp())
        .is_some_and(|made| made.0.checked_add(OVERLAP).is_ok_and(|until| until <= now));
    let mut kept = vec![
        object(inputs, today.clone()),
        object(inputs, name::token(&inputs.name())),
        object(inputs, name::platform(&inputs.name())),
    ];
    if !settled {
        kept.extend(sources.iter().map(|it| object(inputs, it.name_any())));
    }
    for source in &sources {
        let key = Key::new(inputs.namespace(), source.name_any());
        let data = context
            .contents
            .one(&context.world, Source::Secret, &key)
            .await?;
        if let Some(data) = data.filter(|data| data.contains_key("token")) {
            let copied = secret::token(inputs, &data);
            context.applier.apply(&copied).await?;
            return Ok(kept);
        }
    }
    Err(Failed::Waiting("a token of the sidecars' service account"))
}

/// One name a day, so that a reconcile that runs twice makes one Secret.
fn source_name(inputs: &Inputs, now: Timestamp) -> String {
    let day = now.as_second().div_euclid(DAY_SECONDS);
    name::of(&inputs.name(), &format!("portcullis-token-{day}"))
}

fn sources(context: &Context, inputs: &Inputs) -> Vec<Arc<PartialObjectMeta<Secret>>> {
    let (namespace, uid) = (inputs.namespace(), inputs.connection.uid());
    context.world.secrets.state_filter(|it| {
        it.metadata.namespace.as_ref() == Some(&namespace)
            && it.labels().contains_key(secret::TOKEN_SOURCE)
            && owner(&it.metadata) == uid
    })
}

fn object(inputs: &Inputs, name: String) -> Object {
    Object {
        kind: Kind::Secret,
        key: Key::new(inputs.namespace(), name),
    }
}

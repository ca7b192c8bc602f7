//! From changes to reconciles: each controller has a queue of its own, and each object is in it
//! once.

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::stream::{self, Stream, StreamExt};
use kube::runtime::controller::{Error, applier};
use kube::runtime::reflector::ObjectRef;
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Context, Reconcile, all, counted, on_error, schedule};
use crate::world::{Change, Key};

/// Runs one controller until it is dropped: first every object, then what changes.
pub async fn run<R: Reconcile>(context: Arc<Context>, concurrency: u16) {
    let most = &context.metrics.runtime.most;
    most.with_label_values(&[R::CONTROLLER.name()])
        .set(i64::from(concurrency));
    let store = R::store(&context.world);
    let queue = queue::<R>(Arc::clone(&context));
    let known = Arc::clone(&context);
    let applied = applier(
        |object, context| Box::pin(counted::<R>(object, context)),
        |object, error, context| on_error::<R>(&object, error, &context),
        context,
        store,
        queue,
        schedule::<R>(concurrency),
    );
    // Every result has been counted and told. One that is gone meanwhile, as all that failed and went
    // are in the end, is remembered no longer.
    applied
        .for_each(|result| {
            if let Err(Error::ObjectNotFound(gone)) = result {
                let key = Key::new(gone.namespace.clone().unwrap_or_default(), &gone.name);
                known.forget(R::CONTROLLER, key.clone());
                known.metrics.runtime.queues.dropped(R::CONTROLLER, key);
            }
            std::future::ready(())
        })
        .await;
}

fn queue<R: Reconcile>(
    context: Arc<Context>,
) -> impl Stream<Item = Result<ObjectRef<R::Object>, Infallible>> {
    let changes = context.world.changes();
    let first = all(&R::store(&context.world));
    let metrics = Arc::clone(&context.metrics);
    let later = stream::unfold((changes, context), |(mut changes, context)| async {
        let change = next(&mut changes).await?;
        let objects = match change {
            Change::Everything => all(&R::store(&context.world)),
            change => R::objects(&context.world, &change),
        };
        Some((stream::iter(objects), (changes, context)))
    });
    stream::iter(first)
        .chain(later.flatten())
        .map(move |object| {
            let key = Key::new(object.namespace.clone().unwrap_or_default(), &object.name);
            metrics.runtime.queues.added(R::CONTROLLER, key);
            Ok(object)
        })
}

/// The next change; who fell behind looks at everything.
async fn next(changes: &mut broadcast::Receiver<Change>) -> Option<Change> {
    match changes.recv().await {
        Ok(change) => Some(change),
        Err(RecvError::Lagged(_)) => Some(Change::Everything),
        Err(RecvError::Closed) => None,
    }
}

//! What all proxies may read beyond their namespace: two bindings, written whole.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};

use super::Context;
use crate::desired::{Kind, name, rbac};
use crate::world::owned::Object;
use crate::world::{Change, Key};

/// How long changes are gathered.
const GATHER: Duration = Duration::from_millis(200);
/// How long they go without a look although nothing changed.
const LOOK: Duration = Duration::from_secs(60);

/// Keeps the bindings, until it is dropped.
pub async fn run(context: Arc<Context>) {
    let mut changes = context.world.changes();
    loop {
        let bound = bound(&context);
        for desired in rbac::proxies(&bound) {
            if let Err(error) = context.applier.apply(&desired).await {
                tracing::warn!(%error, "the bindings of all proxies cannot be written");
            }
        }
        let wait = async {
            loop {
                match changes.recv().await {
                    Ok(Change::Connection(_) | Change::Owned(_) | Change::Everything) => return,
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                    Ok(_) => {}
                }
            }
        };
        // An early look does no harm.
        let _ = timeout(LOOK, wait).await;
        sleep(GATHER).await;
        changes = changes.resubscribe();
    }
}

/// Connections that have a service account: those that were ever accepted.
fn bound(context: &Context) -> Vec<(String, String)> {
    let all = context.world.connections.state();
    let owned = context.world.owned();
    all.iter()
        .filter(|it| it.metadata.deletion_timestamp.is_none())
        .map(|it| (it.namespace().unwrap_or_default(), it.name_any()))
        .filter(|(namespace, connection)| {
            owned.knows(&Object {
                kind: Kind::ServiceAccount,
                key: Key::new(namespace, name::own(connection)),
            })
        })
        .collect()
}

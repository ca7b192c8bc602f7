//! The CA of the platform: a Secret in its namespace, made where there is none and moved on as time
//! asks. Writes carry the version that was read; nothing replaces a CA that cannot be read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use portcullis_crds::PLATFORM_NAMESPACE;
use tokio::sync::{broadcast, watch};
use tokio::time::{sleep, timeout};

use crate::api_server::ApiServer;
use crate::clock::Clock;
use crate::desired::name;
use crate::desired::platform::Data;
use crate::error::Failed;
use crate::metrics::Metrics;
use crate::pki::Authority;
use crate::world::{Change, World};

/// The Secret's name.
pub const NAME: &str = "portcullis-ca";
/// How long the CA goes without a look although nothing changed.
const LOOK: Duration = Duration::from_secs(3600);
/// How long to wait after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps the CA, until it is dropped.
#[derive(Debug)]
pub struct Keeper {
    pub client: ApiServer,
    pub world: Arc<World>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub authority: watch::Sender<Option<Arc<Authority>>>,
}

// === impl Keeper ===

impl Keeper {
    pub async fn run(self) {
        let mut changes = self.world.changes();
        loop {
            match self.look().await {
                Ok(authority) => {
                    self.publish(authority);
                    // An early look does no harm.
                    let _ = timeout(LOOK, touched(&mut changes)).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the CA of the platform cannot be kept");
                    sleep(RETRY).await;
                }
            }
        }
    }

    fn publish(&self, authority: Authority) {
        let end = authority.end().map(|end| end.as_second());
        self.metrics.authority_end.set(end.unwrap_or_default());
        let changed = self.authority.send_if_modified(|known| {
            let same = known.as_deref() == Some(&authority);
            if !same {
                *known = Some(Arc::new(authority));
            }
            !same
        });
        if changed {
            self.world.everything_changed();
        }
    }

    /// The CA as it should be now, written where it was not.
    async fn look(&self) -> Result<Authority, Failed> {
        let api: Api<Secret> = Api::namespaced(self.client.client(), PLATFORM_NAMESPACE);
        let now = self.clock.now();
        let found = api.get_opt(NAME).await;
        let found = found.map_err(Failed::api("read the CA of the platform"))?;
        let Some(mut secret) = found else {
            let authority = Authority::new(now)?;
            let secret = Secret {
                metadata: ObjectMeta {
                    name: Some(NAME.to_owned()),
                    labels: Some(BTreeMap::from([(
                        "app.kubernetes.io/part-of".to_owned(),
                        name::MANAGER.to_owned(),
                    )])),
                    ..ObjectMeta::default()
                },
                data: Some(bytes(&authority)),
                ..Secret::default()
            };
            let made = api.create(&PostParams::default(), &secret).await;
            made.map_err(Failed::api("make the CA of the platform"))?;
            tracing::info!("a CA was made");
            return Ok(authority);
        };
        let data = secret.data.take().unwrap_or_default();
        let data: Data = data.into_iter().map(|(key, it)| (key, it.0)).collect();
        let authority = Authority::from_data(&data)?;
        let Some(next) = authority.advanced(now)? else {
            return Ok(authority);
        };
        secret.data = Some(bytes(&next));
        let written = api.replace(NAME, &PostParams::default(), &secret).await;
        written.map_err(Failed::api("write the CA of the platform"))?;
        tracing::info!("the CA moved on");
        Ok(next)
    }
}

/// Returns when the Secret, or anything, may have changed.
async fn touched(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Secret(key)) if key.name == NAME && key.namespace == PLATFORM_NAMESPACE => {
                return;
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

fn bytes(authority: &Authority) -> BTreeMap<String, ByteString> {
    let data = authority.to_data().into_iter();
    data.map(|(key, value)| (key, ByteString(value))).collect()
}

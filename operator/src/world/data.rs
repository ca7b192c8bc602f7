//! Contents of Secrets and ConfigMaps, read one by one where the metadata that is watched says that
//! they changed. No Secret is listed with its content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};

use super::{Key, World};
use crate::api_server::ApiServer;
use crate::desired::objects::{Reference, Source};
use crate::desired::platform::{Data, Objects};
use crate::error::Failed;

/// The most contents that are kept; past it all are read anew as they are needed.
const MAX_KEPT: usize = 4096;

/// Reads contents, and keeps them until they change.
#[derive(Debug)]
pub struct Contents {
    client: ApiServer,
    kept: Mutex<HashMap<(Source, Key), Kept>>,
}

#[derive(Clone)]
struct Kept {
    version: String,
    data: Arc<Data>,
}

/// The contents that some references name.
#[derive(Default)]
pub struct Found(HashMap<(Source, Key), Arc<Data>>);

// === impl Contents ===

impl Contents {
    pub fn new(client: ApiServer) -> Self {
        Self {
            client,
            kept: Mutex::default(),
        }
    }

    /// The contents of all that is referred to and there.
    pub async fn of(&self, world: &World, references: &[Reference]) -> Result<Found, Failed> {
        let mut found = Found::default();
        for reference in references {
            let key = Key::new(&reference.namespace, &reference.name);
            if let Some(data) = self.one(world, reference.source, &key).await? {
                found.0.insert((reference.source, key), data);
            }
        }
        Ok(found)
    }

    /// The content of one object.
    pub async fn one(
        &self,
        world: &World,
        source: Source,
        key: &Key,
    ) -> Result<Option<Arc<Data>>, Failed> {
        let Some(version) = watched(world, source, key) else {
            return Ok(None);
        };
        let at = (source, key.clone());
        let kept = self.lock().get(&at).cloned();
        if let Some(kept) = kept.filter(|kept| kept.version == version) {
            return Ok(Some(kept.data));
        }
        let Some((version, data)) = self.read(source, key).await? else {
            return Ok(None);
        };
        let data = Arc::new(data);
        let mut all = self.lock();
        if all.len() >= MAX_KEPT {
            all.clear();
        }
        let kept = Kept {
            version,
            data: Arc::clone(&data),
        };
        all.insert(at, kept);
        Ok(Some(data))
    }

    async fn read(&self, source: Source, key: &Key) -> Result<Option<(String, Data)>, Failed> {
        let failed = Failed::api("read a Secret or ConfigMap");
        let client = self.client.client();
        match source {
            Source::Secret => {
                let api: Api<Secret> = Api::namespaced(client, &key.namespace);
                let found = api.get_opt(&key.name).await.map_err(failed)?;
                Ok(found.map(|secret| {
                    let version = secret.resource_version().unwrap_or_default();
                    let data = secret.data.unwrap_or_default();
                    (
                        version,
                        data.into_iter().map(|(key, it)| (key, it.0)).collect(),
                    )
                }))
            }
            Source::ConfigMap => {
                let api: Api<ConfigMap> = Api::namespaced(client, &key.namespace);
                let found = api.get_opt(&key.name).await.map_err(failed)?;
                Ok(found.map(|map| {
                    let version = map.resource_version().unwrap_or_default();
                    let text = map.data.unwrap_or_default().into_iter();
                    let bytes = map.binary_data.unwrap_or_default().into_iter();
                    let all = text.map(|(key, it)| (key, it.into_bytes()));
                    (
                        version,
                        all.chain(bytes.map(|(key, it)| (key, it.0))).collect(),
                    )
                }))
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Source, Key), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Found ===

impl Objects for Found {
    fn data(&self, source: Source, namespace: &str, name: &str) -> Option<&Data> {
        let key = (source, Key::new(namespace, name));
        self.0.get(&key).map(Arc::as_ref)
    }
}

impl std::fmt::Debug for Found {
    /// Names alone: values are secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

// === impl Kept ===

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Kept").field(&self.version).finish()
    }
}

/// The version of an object that the watch has seen.
fn watched(world: &World, source: Source, key: &Key) -> Option<String> {
    let version = match source {
        Source::Secret => {
            let at = ObjectRef::new(&key.name).within(&key.namespace);
            world.secrets.get(&at)?.resource_version()
        }
        Source::ConfigMap => {
            let at = ObjectRef::new(&key.name).within(&key.namespace);
            world.config_maps.get(&at)?.resource_version()
        }
    };
    Some(version.unwrap_or_default())
}

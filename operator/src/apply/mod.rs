//! Server-side apply of what should be, and nothing where it already is.
//!
//! A first apply looks whether somebody else has an object under the name: what is not the
//! Connection's own is left alone, and told. Fields that others write, such as a scaler's or a
//! mesh's annotations, stay theirs; fields of ours that others changed become ours again.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use kube::Api;
use kube::api::{
    DeleteParams, DynamicObject, Patch, PatchParams, Preconditions, ValidationDirective,
};
use portcullis_crds::Connection;

use crate::api_server::ApiServer;
use crate::desired::{Desired, Kind};
use crate::error::Failed;
use crate::metrics::Metrics;
use crate::world::owned::{self, Object};
use crate::world::{Key, World};

/// Who writes owned objects.
pub const MANAGER: &str = "portcullis-connection-controller";

/// Applies objects.
#[derive(Debug, Clone)]
pub struct Applier {
    client: ApiServer,
    world: Arc<World>,
    metrics: Arc<Metrics>,
}

// === impl Applier ===

impl Applier {
    pub fn new(client: ApiServer, world: Arc<World>, metrics: Arc<Metrics>) -> Self {
        Self {
            client,
            world,
            metrics,
        }
    }

    /// Makes an object be as it should. True where the API server was asked to.
    pub async fn apply(&self, desired: &Desired) -> Result<bool, Failed> {
        let object = Object {
            kind: desired.kind,
            key: Key::new(desired.namespace(), desired.name()),
        };
        let hash = hash(desired);
        let (needs, knows) = {
            let owned = self.world.owned();
            (owned.needs(&object, &hash), owned.knows(&object))
        };
        if !needs {
            return Ok(false);
        }
        let api = self.api(&object);
        if !knows && desired.kind != Kind::ClusterRoleBinding {
            self.is_free(&api, desired, &object).await?;
        }
        let parameters = PatchParams {
            force: true,
            field_manager: Some(MANAGER.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::default()
        };
        let patch = Patch::Apply(&desired.value);
        let answer = api
            .patch(&object.key.name, &parameters, &patch)
            .await
            .map_err(Failed::api("apply an object"))?;
        self.count(desired.kind, "applied");
        self.world.owned().record(object, hash, &answer.metadata);
        Ok(true)
    }

    /// Deletes what a Connection owns and no longer should. Only the very object that was seen.
    pub async fn prune(
        &self,
        connection: &Connection,
        keeps: impl Fn(&Object) -> bool,
    ) -> Result<(), Failed> {
        let owned = self.world.owned().of(connection);
        for (object, uid) in owned {
            if !keeps(&object) {
                self.delete(&object, uid).await?;
            }
        }
        Ok(())
    }

    /// Deletes the very object that was seen.
    pub async fn delete(&self, object: &Object, uid: Option<String>) -> Result<(), Failed> {
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid,
                resource_version: None,
            }),
            ..DeleteParams::background()
        };
        match self.api(object).delete(&object.key.name, &parameters).await {
            Ok(_) => self.count(object.kind, "deleted"),
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(Failed::api("delete an object")(error)),
        }
        self.world.owned().forget(object);
        Ok(())
    }

    /// Whether nobody has an object of this name, or the same owner has.
    async fn is_free(
        &self,
        api: &Api<DynamicObject>,
        desired: &Desired,
        object: &Object,
    ) -> Result<(), Failed> {
        let found = api
            .get_metadata_opt(&object.key.name)
            .await
            .map_err(Failed::api("look for an object"))?;
        let wanted = desired.value.pointer("/metadata/ownerReferences/0/uid");
        let wanted = wanted.and_then(serde_json::Value::as_str);
        match found {
            // What belongs to no Connection is the platform's.
            Some(found)
                if wanted.is_some() && owned::owner(&found.metadata).as_deref() != wanted =>
            {
                Err(Failed::Taken(format!(
                    "{} {} is there and not this Connection's; rename one of them, or remove it",
                    object.kind.name(),
                    object.key.name
                )))
            }
            _ => Ok(()),
        }
    }

    fn api(&self, object: &Object) -> Api<DynamicObject> {
        let resource = object.kind.resource();
        match object.key.namespace.as_str() {
            "" => Api::all_with(self.client.client(), &resource),
            namespace => Api::namespaced_with(self.client.client(), namespace, &resource),
        }
    }

    fn count(&self, kind: Kind, result: &str) {
        let labels = [kind.name(), result];
        self.metrics.applied.with_label_values(&labels).inc();
    }
}

/// Keys of JSON objects are sorted, so what is the same has the same hash.
fn hash(desired: &Desired) -> [u8; 32] {
    let text = desired.value.to_string();
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

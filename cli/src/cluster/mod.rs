//! A cluster: its resources, read and written as the user of a kubeconfig.
//!
//! Which cluster is meant is found as kubectl finds it, and only where no `--state`, `--config` or
//! `--store` names something else. A kubeconfig that is named and cannot be read is an error, and
//! never a reason to look for another one. What the API server says no to is told in its own words.

pub(crate) mod approvals;
pub(crate) mod explain;
mod port;
pub(crate) mod sessions;
pub(crate) mod status;
mod words;

use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::Failed;
use crate::args::InCluster;
use words::Refusal;

/// How long the API server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many objects are asked for at a time.
const PAGE: u32 = 500;

/// The most objects of one kind that are read; more are an error, for an answer about a part of
/// them would be a wrong one.
pub(crate) const MAX_OBJECTS: usize = 20_000;

/// Where the kubeconfig lies that nobody named.
const KUBECONFIG: &str = ".kube/config";

/// What the kubelet tells each container of where the API server is.
const IN_A_POD: &str = "KUBERNETES_SERVICE_HOST";

const NOWHERE: &str = "which proxies? --state DIR, or --config DIR of explain, names one that runs \
                       without a cluster; for a cluster there is no kubeconfig (--kubeconfig FILE, KUBECONFIG, \
                       ~/.kube/config), and this is no pod of one";

/// A cluster, and where in it.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    config: Config,
    /// The one that was named, or the context's.
    pub(crate) namespace: String,
}

// === impl Cluster ===

impl Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    pub(crate) async fn connect(at: &InCluster) -> Result<Self, Failed> {
        let config = match kubeconfig(at)? {
            Some(kubeconfig) => {
                let options = KubeConfigOptions {
                    context: at.context.clone(),
                    ..KubeConfigOptions::default()
                };
                let read = Config::from_custom_kubeconfig(kubeconfig, &options).await;
                read.map_err(|error| format!("the kubeconfig: {}", words::chain(&error)))?
            }
            None if at.context.is_some() => return Err("--context: there is no kubeconfig".into()),
            None if std::env::var_os(IN_A_POD).is_some() => Config::incluster()
                .map_err(|error| format!("as a pod of a cluster: {}", words::chain(&error)))?,
            None => return Err(NOWHERE.into()),
        };
        let client = Client::try_from(config.clone())
            .map_err(|error| format!("the kubeconfig: {}", words::chain(&error)))?;
        let namespace = at.namespace.clone();
        Ok(Self {
            namespace: namespace.unwrap_or_else(|| config.default_namespace.clone()),
            client,
            config,
        })
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// All objects of a kind, of one namespace or of all, by namespace and name.
    async fn list<K>(&self, namespace: Option<&str>, params: ListParams) -> Result<Vec<K>, Refusal>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let resource = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let mut params = params.limit(PAGE);
        let mut objects = Vec::new();
        loop {
            let page = in_time(api.list(&params)).await?;
            for object in page.items {
                objects.push(read(&resource.kind, object)?);
            }
            if objects.len() > MAX_OBJECTS {
                let plural = &resource.plural;
                let words = format!("there are more than {MAX_OBJECTS} {plural}");
                return Err(Refusal::local(words));
            }
            match page.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => params = params.continue_token(&next),
                None => break,
            }
        }
        objects.sort_by_key(|object: &K| (object.meta().namespace.clone(), object.name_any()));
        Ok(objects)
    }
}

/// An object in the shape that this program knows; one that says more is an error, not a smaller
/// object.
fn read<K: DeserializeOwned>(kind: &str, object: DynamicObject) -> Result<K, Refusal> {
    let namespace = object.namespace().unwrap_or_default();
    let name = format!("{kind} {namespace}/{}", object.name_any());
    let value = serde_json::to_value(object).map_err(|error| Refusal::local(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| {
        Refusal::local(format!(
            "{name} cannot be read by this version of portcullis: {error}"
        ))
    })
}

/// What the API server answers, unless it takes too long.
async fn in_time<T>(asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Refusal> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(Refusal::from),
        Err(_) => Err(Refusal::local("the API server does not answer".to_owned())),
    }
}

/// The kubeconfig that is named, or that lies where kubectl looks.
fn kubeconfig(at: &InCluster) -> Result<Option<Kubeconfig>, Failed> {
    let at_path = |path: PathBuf| {
        Kubeconfig::read_from(&path)
            .map_err(|error| format!("{}: {}", path.display(), words::chain(&error)))
    };
    if let Some(path) = &at.kubeconfig {
        return Ok(Some(at_path(path.clone())?));
    }
    let named = Kubeconfig::from_env();
    if let Some(named) = named.map_err(|error| format!("KUBECONFIG: {}", words::chain(&error)))? {
        return Ok(Some(named));
    }
    let path = std::env::home_dir().map(|home| home.join(KUBECONFIG));
    match path.filter(|path| path.is_file()) {
        Some(path) => Ok(Some(at_path(path)?)),
        None => Ok(None),
    }
}

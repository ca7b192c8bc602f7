//! The webhooks' certificate.
//!
//! One CA in one Secret is shared by all replicas; each signs a certificate of its own with it, so no
//! private key of a server is ever stored. What vouches for them is written into the two webhook
//! configurations, the next CA long before it signs: the API server believes every replica at each
//! moment of a rotation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind, ObjectMeta};
use portcullis_crds::PLATFORM_NAMESPACE;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::desired::name;
use crate::pki::{Authority, InvalidAuthority, Leaf};

/// Names the Secret with the CA, and the Service of the webhooks.
pub const SERVICE: &str = "portcullis-webhook";
/// Names both webhook configurations.
pub const CONFIGURATION: &str = "portcullis";
/// How often time, Secret and configurations are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The same while something is wrong.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What a listener serves with; none before the first certificate is there.
pub type Serving = Option<Arc<ServerConfig>>;

/// Why there is no certificate, or nobody who would believe it.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the API server: {0}")]
    Api(#[from] kube::Error),
    #[error("Secret {SERVICE}: {0}")]
    Authority(#[from] InvalidAuthority),
    #[error("the certificate cannot be served: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("the certificate cannot be read: {0}")]
    Unreadable(#[from] rustls_pki_types::pem::Error),
}

/// Keeps a certificate that the API server believes, until `shutdown`.
pub async fn keep(
    client: Client,
    clock: Arc<dyn Clock>,
    serving: watch::Sender<Serving>,
    shutdown: CancellationToken,
) {
    let mut keeper = Keeper {
        client,
        clock,
        serving,
        leaf: None,
    };
    loop {
        let pause = match keeper.look().await {
            Ok(()) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, "the webhooks' certificate cannot be kept");
                LOOK_AGAIN
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

struct Keeper {
    client: Client,
    clock: Arc<dyn Clock>,
    serving: watch::Sender<Serving>,
    leaf: Option<Leaf>,
}

// === impl Keeper ===

impl Keeper {
    async fn look(&mut self) -> Result<(), CertificateError> {
        let now = self.clock.now();
        let authority = self.authority(now).await?;
        // Believed first: nothing is served that is not in the configurations yet.
        let bundle = STANDARD.encode(authority.authorities());
        for kind in [
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
        ] {
            self.tell(kind, &bundle).await?;
        }
        let kept = self
            .leaf
            .as_ref()
            .is_some_and(|leaf| authority.keeps(&leaf.to_data(), &names(), now));
        if !kept {
            let leaf = authority.issue(&names(), now)?;
            self.serving.send_replace(Some(server_config(&leaf)?));
            self.leaf = Some(leaf);
            tracing::info!("the webhooks have a new certificate");
        }
        Ok(())
    }

    /// The CA as it is in its Secret, made or moved on where it is time.
    async fn authority(&self, now: Timestamp) -> Result<Authority, CertificateError> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), PLATFORM_NAMESPACE);
        let Some(mut secret) = secrets.get_opt(SERVICE).await? else {
            let authority = Authority::new(now)?;
            // Where another replica was first, the next look reads what it made.
            secrets
                .create(&PostParams::default(), &new_secret(&authority))
                .await?;
            return Ok(authority);
        };
        let data = secret.data.take().unwrap_or_default();
        let data = data
            .into_iter()
            .map(|(key, value)| (key, value.0))
            .collect();
        let authority = Authority::from_data(&data)?;
        let Some(advanced) = authority.advanced(now)? else {
            return Ok(authority);
        };
        // With the resource version that was read: of two replicas one writes.
        secret.data = Some(to_data(&advanced));
        secrets
            .replace(SERVICE, &PostParams::default(), &secret)
            .await?;
        tracing::info!("the webhooks' CA moved on");
        Ok(advanced)
    }

    /// Writes what vouches for the certificate into one webhook configuration.
    async fn tell(&self, kind: &str, bundle: &str) -> Result<(), CertificateError> {
        let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
        let resource = ApiResource::from_gvk(&kind);
        let all: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let found = all.get(CONFIGURATION).await?;
        let names = stale(&found.data, bundle);
        if names.is_empty() {
            return Ok(());
        }
        // Of each webhook the one field that is ours; the rest is the chart's.
        let webhooks: Vec<Value> = names
            .iter()
            .map(|name| json!({ "name": name, "clientConfig": { "caBundle": bundle } }))
            .collect();
        let own = json!({
            "apiVersion": kind.api_version(),
            "kind": kind.kind,
            "metadata": { "name": CONFIGURATION },
            "webhooks": webhooks,
        });
        let parameters = PatchParams::apply(SERVICE).force();
        all.patch(CONFIGURATION, &parameters, &Patch::Apply(&own))
            .await?;
        tracing::info!(kind = kind.kind, "a webhook configuration has the CA");
        Ok(())
    }
}

/// The names of all webhooks, where one of them is told another CA.
fn stale(configuration: &Value, bundle: &str) -> Vec<String> {
    let webhooks = configuration.get("webhooks").and_then(Value::as_array);
    let webhooks: Vec<&Value> = webhooks.into_iter().flatten().collect();
    let told = |webhook: &&Value| {
        let found = webhook.pointer("/clientConfig/caBundle");
        found.and_then(Value::as_str) == Some(bundle)
    };
    if webhooks.iter().all(told) {
        return Vec::new();
    }
    // All of them: what an apply leaves out, it takes away.
    let name = |webhook: &Value| Some(webhook.get("name")?.as_str()?.to_owned());
    webhooks.into_iter().filter_map(name).collect()
}

/// The names by which the API server dials the Service.
fn names() -> Vec<String> {
    vec![
        format!("{SERVICE}.{PLATFORM_NAMESPACE}.svc"),
        format!("{SERVICE}.{PLATFORM_NAMESPACE}.svc.cluster.local"),
    ]
}

fn new_secret(authority: &Authority) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(SERVICE.to_owned()),
            namespace: Some(PLATFORM_NAMESPACE.to_owned()),
            labels: Some([(name::MANAGED_BY.to_owned(), name::MANAGER.to_owned())].into()),
            ..ObjectMeta::default()
        },
        data: Some(to_data(authority)),
        ..Secret::default()
    }
}

fn to_data(authority: &Authority) -> BTreeMap<String, ByteString> {
    let data = authority.to_data().into_iter();
    data.map(|(key, value)| (key, ByteString(value))).collect()
}

/// What a listener does with new connections.
pub(super) fn server_config(leaf: &Leaf) -> Result<Arc<ServerConfig>, CertificateError> {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(leaf.certificate.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;

//! Asking an issuer for its keys, by https or on this machine.

use std::sync::{Arc, OnceLock};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::ACCEPT;
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use super::super::config::{KeySource, KeysFrom, OidcIssuer};
use super::super::mtls;
use super::keys::KeySet;

/// Largest document that is read from an issuer.
pub(super) const MAX_DOCUMENT: usize = 256 * 1024;

/// Hosts that plain http is spoken to.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Where the keys of an issuer are.
#[derive(Debug)]
pub(super) struct Source {
    issuer: String,
    /// None: told by the issuer's discovery document.
    uri: Option<String>,
    /// Asked instead of any address.
    from: Option<KeysFrom>,
    ca: Option<Vec<u8>>,
    client: OnceLock<HttpClient>,
}

// === impl Source ===

impl Source {
    /// None where the keys are written down.
    pub(super) fn new(config: &OidcIssuer) -> Option<Self> {
        let (uri, from) = match &config.keys {
            KeySource::Discovery => (None, None),
            KeySource::Uri(uri) => (Some(uri.clone()), None),
            KeySource::From(from) => (None, Some(from.clone())),
            KeySource::Inline(_) => return None,
        };
        Some(Self {
            issuer: config.issuer.clone(),
            uri,
            from,
            ca: config.ca.clone(),
            client: OnceLock::new(),
        })
    }

    pub(super) async fn fetch(&self) -> Result<KeySet, String> {
        let document = match (&self.from, &self.uri) {
            (Some(from), _) => from.0.keys().await?,
            (None, Some(uri)) => self.document(uri).await?,
            (None, None) => self.document(&self.discover().await?).await?,
        };
        let set = KeySet::parse(&document)?;
        for (index, reason) in &set.skipped {
            tracing::debug!(issuer = %self.issuer, index, reason, "a key of the issuer is not used");
        }
        Ok(set)
    }

    /// What the issuer says of where its keys are.
    async fn discover(&self) -> Result<String, String> {
        let base = self.issuer.trim_end_matches('/');
        let document = self
            .document(&format!("{base}/.well-known/openid-configuration"))
            .await?;
        let text = |member: &str| document.get(member).and_then(Value::as_str);
        if text("issuer") != Some(&self.issuer) {
            return Err("the discovery document is another issuer's".to_owned());
        }
        let uri = text("jwks_uri").ok_or("the discovery document has no jwks_uri")?;
        // An issuer out there may not make us ask around on this machine.
        if is_https(&self.issuer) && !is_https(uri) {
            return Err("the discovery document leads away from https".to_owned());
        }
        Ok(uri.to_owned())
    }

    async fn document(&self, uri: &str) -> Result<Value, String> {
        let uri = check_address(uri)?;
        let request = Request::get(&uri)
            .header(ACCEPT, "application/json")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let answer = self
            .client()?
            .request(request)
            .await
            .map_err(|error| format!("{uri}: {}", whole(&error)))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("{uri}: status {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), MAX_DOCUMENT)
            .collect()
            .await
            .map_err(|error| format!("{uri}: {error}"))?
            .to_bytes();
        serde_json::from_slice(&body).map_err(|_| format!("{uri}: the answer is no JSON"))
    }

    fn client(&self) -> Result<&HttpClient, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = client(self.ca.as_deref())?;
        Ok(self.client.get_or_init(|| made))
    }
}

/// An address that keys may be fetched from.
pub(super) fn check_address(address: &str) -> Result<Uri, String> {
    let uri: Uri = address
        .parse()
        .map_err(|_| format!("{address:?} is no URL"))?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = uri.host().unwrap_or_default();
    let trusted = match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => LOOPBACK.contains(&host),
        _ => false,
    };
    if trusted && !authority.contains('@') {
        Ok(uri)
    } else {
        Err(format!(
            "{address:?} is neither https nor http on this machine"
        ))
    }
}

fn is_https(address: &str) -> bool {
    address
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}

fn client(ca: Option<&[u8]>) -> Result<HttpClient, String> {
    let roots = match ca {
        Some(pem) => mtls::roots(pem)?,
        None => system_roots(),
    };
    let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build();
    // Asked every ten minutes: no connection is worth keeping.
    Ok(Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector))
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// An error with all that it came from.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

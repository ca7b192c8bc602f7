//! The admin port of a proxy, by a port-forward to its pod: HTTP with a bearer token, which the
//! proxy shows the API server.
//!
//! The token goes to the proxy whole, and whoever controls that pod could use it. So it is shown to
//! pods alone that carry the labels which admission reserves for the operator's own, and never where
//! the kubeconfig means another user than the token does.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::{Portforwarder, PostParams};
use kube::client::{Body, ConfigExt};
use kube::{Api, ResourceExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use super::words::chain;
use super::{Cluster, PATIENCE, in_time};
use crate::Failed;
use crate::output::line;
use crate::socket::Lines;

/// The admin port of a gateway's pods.
const ADMIN_PORT: u16 = 9090;

/// The longest answer that is read.
pub(crate) const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// How long a token of a service account is good; the API server gives none for less.
const TOKEN_SECONDS: i64 = 600;

/// How much of what is told waits to be read here.
const WAITING: usize = 64 * 1024;

const SILENT: &str = "the proxy does not answer";

const NO_TOKEN: &str = "your kubeconfig proves you by no token, and a proxy can have nothing else \
                        checked; --service-account NAME has the API server make one";

const IMPERSONATES: &str = "your kubeconfig impersonates somebody, and a proxy would take you for \
                            who you are; --service-account NAME names whom it shall see";

/// What a proxy is shown.
#[derive(Clone)]
pub(super) struct Bearer(HeaderValue);

/// What is asked of it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<Value>,
}

// === impl Cluster ===

impl Cluster {
    /// A token that proxies can have checked: of this service account, or the kubeconfig's own.
    pub(super) async fn bearer(&self, service_account: Option<&str>) -> Result<Bearer, Failed> {
        if let Some(name) = service_account {
            let api: Api<ServiceAccount> = self.api(&self.namespace);
            let request = TokenRequest {
                spec: Some(TokenRequestSpec {
                    expiration_seconds: Some(TOKEN_SECONDS),
                    ..TokenRequestSpec::default()
                }),
                ..TokenRequest::default()
            };
            let params = PostParams::default();
            let made = api.create_token_request(name, &params, &request);
            let status = in_time(made).await?.status;
            let token = status.and_then(|status| status.token);
            return Bearer::new(&format!("Bearer {}", token.ok_or("no token was made")?));
        }
        let auth = &self.config.auth_info;
        let groups = auth.impersonate_groups.as_ref();
        if auth.impersonate.is_some() || groups.is_some_and(|groups| !groups.is_empty()) {
            return Err(IMPERSONATES.into());
        }
        // The client's own way to a token, whatever that is: it writes it into a request.
        let layer = self.config.auth_layer().map_err(|error| chain(&error))?;
        let layer = layer.ok_or(NO_TOKEN)?;
        let reader = service_fn(async |request: Request<Body>| {
            let mut read = Response::new(());
            read.headers_mut().clone_from(request.headers());
            Ok::<_, BoxError>(read)
        });
        let written = layer
            .layer(reader)
            .oneshot(Request::new(Body::empty()))
            .await;
        let written = written.map_err(|error| chain(&*error))?;
        let token = written.headers().get(AUTHORIZATION);
        Bearer::new(token.map_or(Ok(""), HeaderValue::to_str)?)
    }

    /// Asks the proxy of a pod.
    pub(super) async fn ask(
        &self,
        pod: &Pod,
        bearer: &Bearer,
        asked: Asked<'_>,
    ) -> Result<Value, Failed> {
        let (forwarder, stream) = self.reach(pod).await?;
        let answer = timeout(PATIENCE, exchange(stream, bearer, asked)).await;
        forwarder.abort();
        answer.map_err(|_| SILENT)?
    }

    /// Has the proxy of a pod tell lines, for as long as it does and they are read.
    pub(super) async fn lines(
        &self,
        pod: &Pod,
        bearer: &Bearer,
        asked: Asked<'_>,
    ) -> Result<Lines<DuplexStream>, Failed> {
        let (forwarder, stream) = self.reach(pod).await?;
        let answer = timeout(PATIENCE, send(stream, bearer, asked)).await;
        let (head, mut body) = answer.map_err(|_| SILENT)??.into_parts();
        if !head.status.is_success() {
            let body = timeout(PATIENCE, whole(body)).await.map_err(|_| SILENT)?;
            return Err(refused(head.status, &body?));
        }
        let (told, mut telling) = duplex(WAITING);
        tokio::spawn(async move {
            while let Some(Ok(frame)) = body.frame().await {
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                if telling.write_all(&data).await.is_err() {
                    break;
                }
            }
            forwarder.abort();
        });
        Ok(Lines::new(told))
    }

    async fn reach(
        &self,
        pod: &Pod,
    ) -> Result<
        (
            Portforwarder,
            impl AsyncRead + AsyncWrite + Unpin + Send + use<>,
        ),
        Failed,
    > {
        let api: Api<Pod> = self.api(&self.namespace);
        let name = pod.name_any();
        let mut forwarder = in_time(api.portforward(&name, &[ADMIN_PORT])).await?;
        let stream = forwarder.take_stream(ADMIN_PORT);
        let stream = stream.ok_or("the port was not forwarded")?;
        Ok((forwarder, stream))
    }
}

// === impl Bearer ===

impl Bearer {
    fn new(written: &str) -> Result<Self, Failed> {
        if !written.starts_with("Bearer ") {
            return Err(NO_TOKEN.into());
        }
        let mut value = HeaderValue::from_str(written)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

/// One request, one answer; what is no success is an error in the proxy's own words.
async fn exchange<S>(stream: S, bearer: &Bearer, asked: Asked<'_>) -> Result<Value, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (head, body) = send(stream, bearer, asked).await?.into_parts();
    let body = whole(body).await?;
    match head.status.is_success() {
        true => Ok(serde_json::from_slice(&body)
            .map_err(|error| format!("the proxy's answer cannot be read: {error}"))?),
        false => Err(refused(head.status, &body)),
    }
}

async fn send<S>(stream: S, bearer: &Bearer, asked: Asked<'_>) -> Result<Response<Incoming>, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the stream, or when nobody reads the answer any more.
    tokio::spawn(connection);
    let body = asked.body.map(|body| body.to_string()).unwrap_or_default();
    let request = Request::builder()
        .method(asked.method)
        .uri(asked.path)
        .header(HOST, "localhost")
        .header(AUTHORIZATION, bearer.0.clone())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    Ok(sender.send_request(request).await?)
}

async fn whole(body: Incoming) -> Result<Bytes, Failed> {
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| chain(&*error))?.to_bytes())
}

/// RFC 9457.
fn refused(status: StatusCode, body: &[u8]) -> Failed {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = body.get("detail").and_then(Value::as_str);
    line(detail.unwrap_or(status.as_str()), 1024).into()
}

#[cfg(test)]
mod tests {
    use kube::config::AuthInfo;
    use kube::{Client, Config};
    use serde_json::json;
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn answered(answer: &'static str) -> (String, Result<Value, Failed>) {
        let (ours, mut proxys) = duplex(4096);
        let proxy = tokio::spawn(async move {
            let mut heard = vec![0; 4096];
            let length = proxys.read(&mut heard).await.unwrap();
            proxys.write_all(answer.as_bytes()).await.unwrap();
            heard.truncate(length);
            String::from_utf8(heard).unwrap()
        });
        let bearer = Bearer::new("Bearer secret-token").unwrap();
        let asked = Asked {
            method: Method::DELETE,
            path: "/sessions/7",
            body: Some(json!({ "reason": "why" })),
        };
        let answer = exchange(ours, &bearer, asked).await;
        (proxy.await.unwrap(), answer)
    }

    #[tokio::test]
    async fn a_proxy_is_shown_the_token_and_told_why() {
        let (heard, answer) = answered("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        assert!(
            heard.starts_with("DELETE /sessions/7 HTTP/1.1\r\n"),
            "{heard}"
        );
        assert!(
            heard.contains("authorization: Bearer secret-token\r\n"),
            "{heard}"
        );
        assert!(heard.ends_with("{\"reason\":\"why\"}"), "{heard}");
        assert_eq!(answer.unwrap(), json!({}));
    }

    #[tokio::test]
    async fn what_a_proxy_refuses_is_told_in_its_words() {
        let refused =
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 25\r\n\r\n{\"detail\": \"you may not\"}";
        let (_, answer) = answered(refused).await;
        assert_eq!(answer.unwrap_err().to_string(), "you may not");
        let (_, answer) = answered("HTTP/1.1 503 Oh\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(answer.unwrap_err().to_string(), "503");
    }

    fn known_by(write: impl FnOnce(&mut AuthInfo)) -> Cluster {
        let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
        write(&mut config.auth_info);
        let client = Client::try_from(config.clone()).unwrap();
        Cluster {
            client,
            config,
            namespace: "shop".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_proxy_is_shown_the_token_of_the_kubeconfig_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "of-a-file").unwrap();
        let shown = async |cluster: Cluster| cluster.bearer(None).await.map(|bearer| bearer.0);
        let token = known_by(|auth| auth.token = Some("of-alice".to_owned().into()));
        assert_eq!(shown(token).await.unwrap(), "Bearer of-alice");
        let path = file.to_str().unwrap().to_owned();
        let token = known_by(|auth| auth.token_file = Some(path));
        assert_eq!(shown(token).await.unwrap(), "Bearer of-a-file");
        // A password is no token, and a certificate cannot be shown at all.
        let password = known_by(|auth| {
            auth.username = Some("alice".to_owned());
            auth.password = Some("secret".to_owned().into());
        });
        for cluster in [known_by(|_| {}), password] {
            let refused = shown(cluster).await.unwrap_err().to_string();
            assert!(refused.contains("--service-account"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[tokio::test]
    async fn who_impersonates_shows_no_token_of_their_own() {
        let user: fn(&mut AuthInfo) = |auth| auth.impersonate = Some("bob".to_owned());
        let group: fn(&mut AuthInfo) =
            |auth| auth.impersonate_groups = Some(vec!["admins".to_owned()]);
        for write in [user, group] {
            let cluster = known_by(|auth| {
                auth.token = Some("of-alice".to_owned().into());
                write(auth);
            });
            let refused = cluster.bearer(None).await.map(drop).unwrap_err();
            assert!(refused.to_string().contains("impersonates"), "{refused}");
        }
    }

    #[test]
    fn what_is_no_token_is_shown_to_nobody() {
        for written in ["", "Basic dXNlcg==", "bearer"] {
            assert!(Bearer::new(written).is_err(), "{written}");
        }
    }
}

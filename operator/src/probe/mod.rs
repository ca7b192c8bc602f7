//! The port of probes and metrics. It tells nothing of what is in the cluster but counts.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::metrics::Metrics;

/// How many clients may be connected at the same time; more wait.
pub const MAX_CONNECTED: usize = 32;
/// The most bytes of a request's head.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long a client may take to send a head, and to stay idle between two.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a client may stay connected.
const CONNECTED_TIME: Duration = Duration::from_secs(120);
/// How long to wait when the process has no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What probes are answered from.
#[derive(Debug, Clone)]
pub struct Health {
    pub metrics: Arc<Metrics>,
    /// Every list of what is watched is complete.
    pub ready: Arc<AtomicBool>,
    /// The API server believes the webhooks of this replica.
    pub serving: Arc<AtomicBool>,
}

/// The port, taken.
#[derive(Debug)]
pub struct Port(TcpListener);

// === impl Port ===

impl Port {
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers until this is dropped.
    pub async fn serve(self, health: Health) {
        let room = Arc::new(Semaphore::new(MAX_CONNECTED));
        while let Ok(place) = Arc::clone(&room).acquire_owned().await {
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let health = health.clone();
                    tokio::spawn(async move {
                        let _ = timeout(CONNECTED_TIME, health.converse(stream)).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the port of probes cannot accept");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

// === impl Health ===

impl Health {
    async fn converse(&self, stream: TcpStream) {
        let service =
            service_fn(|request| async move { Ok::<_, Infallible>(self.answer(&request)) });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, "a probe ended early");
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, text) = match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, path) => self.page(path),
            _ => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
        };
        let mut answer = Response::new(Full::new(Bytes::from(text)));
        *answer.status_mut() = status;
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        answer
    }

    fn readiness(&self) -> (StatusCode, String) {
        let missing = match (
            self.ready.load(Ordering::Acquire),
            self.serving.load(Ordering::Acquire),
        ) {
            (true, true) => return (StatusCode::OK, "ok\n".to_owned()),
            (false, _) => "the first lists are not complete\n",
            (true, false) => "the webhooks have no certificate\n",
        };
        (StatusCode::SERVICE_UNAVAILABLE, missing.to_owned())
    }

    fn page(&self, path: &str) -> (StatusCode, String) {
        match path {
            "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => self.readiness(),
            "/metrics" => (StatusCode::OK, self.metrics.text()),
            _ => (StatusCode::NOT_FOUND, "not found\n".to_owned()),
        }
    }
}

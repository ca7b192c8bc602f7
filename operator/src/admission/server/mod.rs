//! The listener of the webhooks: TLS, HTTP/1.1, bounded in size, count and time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use kube::Client;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::certificate::{self, Serving};
use super::inject::{self, Sidecars, guard};
use super::lookup::Lookup;
use super::review::{Answer, Request, Review};
use super::{stamp, validate};
use crate::clock::Clock;

/// The largest question: an object of the API server's size, its old form, and who writes it.
const MAX_BODY: usize = 8 * 1024 * 1024;
/// Connections at the same time. An API server keeps a few.
const MAX_CONNECTIONS: usize = 256;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(120);
/// How long a question may take, to come and to be answered. The API server gives up after five
/// seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// How long questions may finish when the process ends.
const DRAIN: Duration = Duration::from_secs(5);

/// The port of the webhooks, taken.
#[derive(Debug)]
pub struct Webhooks {
    listener: TcpListener,
    serving: Arc<AtomicBool>,
}

/// What answers are made of.
#[derive(Clone)]
struct Answers {
    lookup: Lookup,
    sidecars: Arc<dyn Sidecars>,
}

// === impl Webhooks ===

impl Webhooks {
    /// `serving` is set once the API server believes this replica.
    pub async fn bind(address: SocketAddr, serving: Arc<AtomicBool>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, serving })
    }

    /// Answers until `shutdown`.
    pub async fn serve(
        self,
        client: Client,
        clock: Arc<dyn Clock>,
        sidecars: Arc<dyn Sidecars>,
        shutdown: CancellationToken,
    ) {
        let (sender, certificate) = watch::channel(None);
        let keeper = certificate::keep(client.clone(), clock, sender, shutdown.clone());
        let answers = Answers {
            lookup: Lookup::new(client),
            sidecars,
        };
        let ready = announce(certificate.clone(), self.serving, shutdown.clone());
        let accepting = accept(self.listener, certificate, answers, shutdown);
        tokio::join!(keeper, ready, accepting);
    }
}

/// Ready from the first certificate until the end.
async fn announce(
    mut certificate: watch::Receiver<Serving>,
    serving: Arc<AtomicBool>,
    shutdown: CancellationToken,
) {
    tokio::select! {
        () = shutdown.cancelled() => return,
        found = certificate.wait_for(Option::is_some) => {
            serving.store(found.is_ok(), Ordering::Release);
        }
    }
    shutdown.cancelled().await;
    serving.store(false, Ordering::Release);
}

async fn accept(
    listener: TcpListener,
    certificate: watch::Receiver<Serving>,
    answers: Answers,
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection to the webhooks was not accepted");
                // Out of file descriptors: some end in a moment.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let config = certificate.borrow().clone();
        let (Some(config), Ok(permit)) = (config, Arc::clone(&room).try_acquire_owned()) else {
            continue;
        };
        let (answers, watcher) = (answers.clone(), open.watcher());
        tokio::spawn(async move {
            converse(stream, TlsAcceptor::from(config), answers, watcher).await;
            drop(permit);
        });
    }
    if timeout(DRAIN, open.shutdown()).await.is_err() {
        tracing::warn!("questions were left without an answer");
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    answers: Answers,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let stream = match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "no TLS with a client of the webhooks");
            return;
        }
        Err(_) => return,
    };
    let service = service_fn(|request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(respond(request, &answers).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection to the webhooks broke");
    }
}

async fn respond(request: hyper::Request<Incoming>, answers: &Answers) -> Response<Full<Bytes>> {
    match timeout(ANSWER_WITHIN, answer(request, answers)).await {
        Ok(Ok(body)) => {
            let mut response = Response::new(Full::from(body));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            response
        }
        Ok(Err((status, reason))) => failure(status, &reason),
        Err(_) => failure(StatusCode::GATEWAY_TIMEOUT, "no answer in time"),
    }
}

type Failure = (StatusCode, String);

async fn answer(request: hyper::Request<Incoming>, answers: &Answers) -> Result<String, Failure> {
    let wrong = |status: StatusCode, reason: &str| (status, reason.to_owned());
    if request.method() != Method::POST {
        return Err(wrong(StatusCode::METHOD_NOT_ALLOWED, "only POST"));
    }
    let path = request.uri().path().to_owned();
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|error| {
        let status = match error.is::<LengthLimitError>() {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            false => StatusCode::BAD_REQUEST,
        };
        (status, error.to_string())
    })?;
    let review =
        Review::parse(&body.to_bytes()).map_err(|error| (StatusCode::BAD_REQUEST, error))?;
    let found = answers.of(&path, &review.request).await;
    let found = found.ok_or_else(|| wrong(StatusCode::NOT_FOUND, "no such webhook"))?;
    if let Some(reason) = found.reason() {
        tracing::info!(path, reason, "a write was refused");
    }
    Ok(found.to_review(&review.request.uid).to_string())
}

fn failure(status: StatusCode, reason: &str) -> Response<Full<Bytes>> {
    tracing::warn!(status = status.as_u16(), reason, "a webhook gave no answer");
    let mut response = Response::new(Full::from(reason.to_owned()));
    *response.status_mut() = status;
    response
}

// === impl Answers ===

impl Answers {
    async fn of(&self, path: &str, request: &Request) -> Option<Answer> {
        match path {
            "/validate" => Some(validate::validate(&self.lookup, request).await),
            "/stamp" => Some(stamp::stamp(request)),
            "/inject" => Some(inject::inject(self.sidecars.as_ref(), request)),
            "/guard" => Some(guard::guard(self.sidecars.as_ref(), request)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;

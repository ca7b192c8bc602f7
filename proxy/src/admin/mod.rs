//! The admin port: probes, metrics and status for whoever reaches it; all else asks for a bearer
//! token of somebody in `ConnectionClass.spec.admin.groups`.
//!
//! ```text
//! GET /healthz /readyz /metrics /status        open
//! GET /sessions                                the open sessions
//! DELETE /sessions/{id}                        ends one; recorded with who did, and why, as the body
//!                                              says: {"reason": TEXT}
//! POST /sessions/{id}/tail                     follows one; recorded likewise. See `tail`
//! ```

mod bearer;
mod status;
mod tail;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::control::approvals::socket::told_of;
use crate::control::caretaker::{Caretaker, Ward};
use crate::control::doors::Standing;
use crate::session::ports::House;
pub use bearer::Reception;

/// How many clients may be connected at the same time; more wait.
pub const MAX_CONNECTED: usize = 64;
/// The most bytes of a request's head.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The most headers of a request.
pub const MAX_HEADERS: usize = 64;
/// The most bytes of a request's body.
pub const MAX_BODY_BYTES: usize = 8 * 1024;
/// How long a client may take to send a head, or a body, and to stay idle between two.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a client may stay connected.
const CONNECTED_TIME: Duration = Duration::from_secs(120);
/// How long to wait when the process has no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

type Answer = Response<Body>;

/// What the port answers from.
#[derive(Debug, Clone)]
pub struct Office {
    pub standing: Arc<ArcSwap<Standing>>,
    /// Built once it is known how to record; until then nothing is ready, and nobody is let in.
    pub house: Arc<OnceLock<Arc<House>>>,
    /// Who may look after sessions.
    pub reception: Reception,
}

/// The port, taken.
#[derive(Debug)]
pub struct AdminPort(TcpListener);

// === impl AdminPort ===

impl AdminPort {
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers until this is dropped.
    pub async fn serve(self, office: Office) {
        let room = Arc::new(Semaphore::new(MAX_CONNECTED));
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let office = office.clone();
                    tokio::spawn(async move {
                        let follows = Arc::new(AtomicBool::new(false));
                        tokio::select! {
                            () = office.converse(stream, &follows) => {}
                            () = time_is_up(&follows) => {}
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin port cannot accept");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

// === impl Office ===

impl Office {
    async fn converse(&self, stream: TcpStream, follows: &Arc<AtomicBool>) {
        let service = service_fn(|request| self.answer(request, follows));
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), service)
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, "an admin connection ended early");
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        follows: &Arc<AtomicBool>,
    ) -> Result<Answer, Infallible> {
        let path = request.uri().path();
        let open = match path {
            "/healthz" => Some(text(StatusCode::OK, "ok\n")),
            "/readyz" => Some(self.ready()),
            "/metrics" => Some(self.metrics()),
            "/status" => Some(json_answer(StatusCode::OK, &status::status(self))),
            _ => None,
        };
        Ok(match open {
            Some(answer) if is_read(request.method()) => answer,
            Some(_) => not_allowed("GET, HEAD"),
            None => self.let_in(request, follows).await,
        })
    }

    async fn let_in(&self, request: Request<Incoming>, follows: &Arc<AtomicBool>) -> Answer {
        let Some(ward) = self.ward() else {
            return problem(StatusCode::SERVICE_UNAVAILABLE, "there is no session yet");
        };
        let (head, body) = request.into_parts();
        match self.who(&ward, &head).await {
            Ok(who) => self.administer(ward, head, body, &who, follows).await,
            Err(answer) => *answer,
        }
    }

    async fn administer(
        &self,
        ward: Ward,
        head: Parts,
        body: Incoming,
        who: &Caretaker,
        follows: &Arc<AtomicBool>,
    ) -> Answer {
        let path = head.uri.path().to_owned();
        let Some(session) = path.strip_prefix("/sessions/") else {
            return match (path.as_str(), &head.method) {
                ("/sessions", &Method::GET) => list(&ward, who),
                ("/sessions", _) => not_allowed("GET"),
                _ => problem(StatusCode::NOT_FOUND, "there is nothing here"),
            };
        };
        let (wanted, allowed) = match session.strip_suffix("/tail") {
            Some(_) => (Method::POST, "POST"),
            None => (Method::DELETE, "DELETE"),
        };
        if head.method != wanted {
            return not_allowed(allowed);
        }
        let reason = match reason(body).await {
            Ok(reason) => reason,
            Err(wrong) => return problem(StatusCode::BAD_REQUEST, wrong),
        };
        if let Some(session) = session.strip_suffix("/tail") {
            return tail::start(self, ward, head, who, (session, &reason), follows);
        }
        match ward.kill(who, session, &reason) {
            Ok(()) => json_answer(StatusCode::OK, &json!({})),
            Err(error) => problem(StatusCode::NOT_FOUND, &error),
        }
    }

    fn ward(&self) -> Option<Ward> {
        let house = Arc::clone(self.house.get()?);
        Some(Ward {
            standing: Arc::clone(&self.standing),
            house,
        })
    }

    fn ready(&self) -> Answer {
        let standing = self.standing.load();
        let Some(house) = self.house.get() else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "no configuration yet\n");
        };
        let stopped = house.writer.status().stopped.is_some();
        let why = if standing.closed {
            "the Connection is not served\n"
        } else if standing.revision.is_empty() {
            "no configuration yet\n"
        } else if house.shutdown.drain.is_cancelled() {
            "draining\n"
        } else if stopped {
            "recording has stopped\n"
        } else {
            return text(StatusCode::OK, "ok\n");
        };
        text(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    fn metrics(&self) -> Answer {
        let Some(house) = self.house.get() else {
            return problem(StatusCode::SERVICE_UNAVAILABLE, "nothing is counted yet");
        };
        match house.metrics.text() {
            Ok(metrics) => answer(
                StatusCode::OK,
                "text/plain; version=0.0.4; charset=utf-8",
                whole(metrics),
            ),
            Err(error) => {
                tracing::error!(%error, "metrics cannot be written");
                problem(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "metrics cannot be written",
                )
            }
        }
    }
}

/// Ends when a client was connected for long enough. One that follows a session stays.
async fn time_is_up(follows: &AtomicBool) {
    loop {
        sleep(CONNECTED_TIME).await;
        if !follows.load(Ordering::Relaxed) {
            return;
        }
    }
}

fn list(ward: &Ward, who: &Caretaker) -> Answer {
    match ward.list(who) {
        Ok(listed) => {
            let listed: Vec<Value> = listed.iter().map(told_of).collect();
            json_answer(StatusCode::OK, &json!({ "sessions": listed }))
        }
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error),
    }
}

/// Why, as the body says; one without a body does not say.
async fn reason(body: Incoming) -> Result<String, &'static str> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Why {
        reason: String,
    }
    let body = Limited::new(body, MAX_BODY_BYTES).collect();
    let Ok(Ok(body)) = timeout(HEAD_TIME, body).await else {
        return Err("the body is cut short, too slow or too long");
    };
    let body = body.to_bytes();
    if body.is_empty() {
        return Ok("by the admin port".to_owned());
    }
    let why: Result<Why, _> = serde_json::from_slice(&body);
    why.map(|why| why.reason)
        .map_err(|_| "write {\"reason\": \"why\"}")
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn answer(status: StatusCode, kind: &'static str, body: Body) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn whole(body: impl Into<Bytes>) -> Body {
    let body = Full::new(body.into());
    body.map_err(|never| match never {}).boxed_unsync()
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    answer(status, "text/plain; charset=utf-8", whole(body))
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    answer(status, "application/json", whole(body.to_string()))
}

/// RFC 9457.
fn problem(status: StatusCode, detail: &str) -> Answer {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
    });
    answer(status, "application/problem+json", whole(body.to_string()))
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut response = problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "this method is not for here",
    );
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(methods));
    response
}

fn unauthorized(detail: &str) -> Answer {
    let mut response = problem(StatusCode::UNAUTHORIZED, detail);
    let headers = response.headers_mut();
    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

//! As much of an API server as requests need: versions, conflicts, a watch, and failures on demand.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::super::super::Cluster;

const REQUESTS: &str = "/apis/portcullis.dev/v1alpha1/namespaces/shop/approvalrequests";

type Body = BoxBody<Bytes, Infallible>;

/// What becomes of the next write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is done, and nobody is told.
    DoneUntold,
    /// Somebody else writes first.
    Overtaken,
    /// It is not done.
    Unavailable,
}

#[derive(Debug, Clone)]
pub(super) struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    objects: Mutex<Objects>,
    faults: Mutex<VecDeque<Fault>>,
    away: Mutex<bool>,
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Objects {
    current: BTreeMap<String, Value>,
    events: Vec<(u64, &'static str, Value)>,
}

impl Api {
    /// Serves on loopback, and how to reach it.
    pub(super) async fn start() -> (Self, Cluster) {
        let api = Self(Arc::new(Inner {
            objects: Mutex::default(),
            faults: Mutex::default(),
            away: Mutex::new(false),
            version: watch::Sender::new(1),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = api.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let api = served.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| {
                        let api = api.clone();
                        async move { api.answer(request).await.ok_or("the connection is cut") }
                    });
                    let io = TokioIo::new(stream);
                    let _ = http1::Builder::new().serve_connection(io, service).await;
                });
            }
        });
        let uri = format!("http://{address}").parse().unwrap();
        (api, Cluster::by(kube::Config::new(uri)).unwrap())
    }

    pub(super) fn fail(&self, fault: Fault) {
        self.0.faults.lock().unwrap().push_back(fault);
    }

    pub(super) fn go_away(&self, away: bool) {
        *self.0.away.lock().unwrap() = away;
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0
            .objects
            .lock()
            .unwrap()
            .current
            .keys()
            .cloned()
            .collect()
    }

    pub(super) fn get(&self, name: &str) -> Value {
        self.0.objects.lock().unwrap().current[name].clone()
    }

    /// Writes as somebody else would.
    pub(super) fn edit(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        let mut object = self.get(name);
        edit(&mut object);
        self.put(name, "MODIFIED", object);
    }

    pub(super) fn remove(&self, name: &str) {
        let object = self.get(name);
        self.put(name, "DELETED", object);
        self.0.objects.lock().unwrap().current.remove(name);
    }

    fn put(&self, name: &str, event: &'static str, mut object: Value) -> Value {
        let mut objects = self.0.objects.lock().unwrap();
        let version = *self.0.version.borrow() + 1;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        objects.current.insert(name.to_owned(), object.clone());
        objects.events.push((version, event, object.clone()));
        drop(objects);
        self.0.version.send_replace(version);
        object
    }

    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Body>> {
        if *self.0.away.lock().unwrap() {
            return None;
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let query = uri.query().unwrap_or_default();
        let rest = uri.path().strip_prefix(REQUESTS).unwrap();
        let name = rest.trim_start_matches('/').trim_end_matches("/status");
        Some(match (method, name) {
            (Method::GET, "") if query.contains("watch=true") => self.watch(query),
            (Method::GET, "") => self.list(),
            (Method::GET, name) => match self.0.objects.lock().unwrap().current.get(name) {
                Some(object) => told(StatusCode::OK, object),
                None => refused(StatusCode::NOT_FOUND),
            },
            (Method::POST, _) => self.create(&body),
            (Method::PATCH, name) => return self.patch(name, &body),
            other => panic!("{other:?}"),
        })
    }

    fn list(&self) -> Response<Body> {
        let objects = self.0.objects.lock().unwrap();
        let items: Vec<&Value> = objects.current.values().collect();
        let version = self.0.version.borrow().to_string();
        told(
            StatusCode::OK,
            &json!({
                "kind": "ApprovalRequestList", "apiVersion": "portcullis.dev/v1alpha1",
                "metadata": { "resourceVersion": version }, "items": items,
            }),
        )
    }

    fn watch(&self, query: &str) -> Response<Body> {
        let from = query.split("resourceVersion=").nth(1).unwrap();
        let from: u64 = from.split('&').next().unwrap().parse().unwrap();
        let (inner, version) = (Arc::clone(&self.0), self.0.version.subscribe());
        let events = stream::unfold(
            (inner, version, from),
            |(inner, mut version, from)| async move {
                loop {
                    version.borrow_and_update();
                    let next = {
                        let objects = inner.objects.lock().unwrap();
                        let later = objects.events.iter().find(|(version, ..)| *version > from);
                        later.cloned()
                    };
                    if let Some((at, kind, object)) = next {
                        let line = format!("{}\n", json!({ "type": kind, "object": object }));
                        let frame = Ok::<_, Infallible>(Frame::data(Bytes::from(line)));
                        return Some((frame, (inner, version, at)));
                    }
                    version.changed().await.ok()?;
                }
            },
        );
        Response::new(BodyExt::boxed(StreamBody::new(Box::pin(events))))
    }

    fn create(&self, body: &[u8]) -> Response<Body> {
        let mut object: Value = serde_json::from_slice(body).unwrap();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        if self.names().contains(&name) {
            return refused(StatusCode::CONFLICT);
        }
        if self.0.faults.lock().unwrap().pop_front() == Some(Fault::Unavailable) {
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
        object["metadata"]["uid"] = json!(format!("uid-of-{name}"));
        object["status"] = json!({ "observedGeneration": -1, "state": "Pending", "decisions": [] });
        told(StatusCode::CREATED, &self.put(&name, "ADDED", object))
    }

    fn patch(&self, name: &str, body: &[u8]) -> Option<Response<Body>> {
        let patch: Vec<Value> = serde_json::from_slice(body).unwrap();
        let fault = self.0.faults.lock().unwrap().pop_front();
        match fault {
            Some(Fault::Unavailable) => return Some(refused(StatusCode::SERVICE_UNAVAILABLE)),
            Some(Fault::Overtaken) => self.edit(name, |object| {
                object["metadata"]["annotations"]["note"] = json!("written in between");
            }),
            _ => {}
        }
        // From the check to the write nothing comes between, as in the real one.
        let mut objects = self.0.objects.lock().unwrap();
        let mut object = objects.current[name].clone();
        assert_eq!(patch[0]["op"], "test");
        if patch[0]["value"] != object["metadata"]["resourceVersion"] {
            return Some(refused(StatusCode::UNPROCESSABLE_ENTITY));
        }
        assert_eq!(patch[1]["path"], "/status/usage");
        object["status"]["usage"] = patch[1]["value"].clone();
        let version = *self.0.version.borrow() + 1;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        objects.current.insert(name.to_owned(), object.clone());
        objects.events.push((version, "MODIFIED", object.clone()));
        drop(objects);
        self.0.version.send_replace(version);
        (fault != Some(Fault::DoneUntold)).then(|| told(StatusCode::OK, &object))
    }
}

fn told(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())).boxed());
    *response.status_mut() = status;
    response
}

fn refused(status: StatusCode) -> Response<Body> {
    let code = status.as_u16();
    let reason = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "no", "reason": "no", "code": code,
    });
    told(status, &reason)
}

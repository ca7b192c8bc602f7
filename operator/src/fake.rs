//! An API server in memory, as much of one as tests of controllers need: it keeps objects, counts
//! versions and generations, and remembers what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

/// How a patch says that it is one of server-side apply.
const APPLY: &str = "application/apply-patch+yaml";

/// What it keeps and was asked.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) objects: BTreeMap<String, Value>,
    /// Method and path of each request that was no watch.
    pub(crate) asked: Vec<String>,
    /// It answers nothing but that it cannot.
    pub(crate) refuses: bool,
    version: u64,
}

/// Handle of the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<Kept>>);

// === impl Fake ===

impl Fake {
    pub(crate) fn client(&self) -> Client {
        let kept = Arc::clone(&self.0);
        let service = service_fn(move |request: Request<Body>| {
            let kept = Arc::clone(&kept);
            async move {
                let (head, body) = request.into_parts();
                let bytes = body.collect().await.unwrap().to_bytes();
                let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                let kind = head.headers.get(CONTENT_TYPE);
                let path = head.uri.path();
                if kind.is_some_and(|kind| kind == APPLY) && path.ends_with("/status") {
                    kept.lock().unwrap().forget_status(path);
                }
                let (status, value) = kept.lock().unwrap().answer(&head.method, path, body);
                let text = Body::from(value.to_string().into_bytes());
                let answer = Response::builder().status(status).body(text);
                Ok::<_, Infallible>(answer.unwrap())
            }
        });
        Client::new(service, "default")
    }

    pub(crate) fn kept<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

// === impl Kept ===

impl Kept {
    pub(crate) fn put(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let uid = object["metadata"]["uid"].as_str().map(str::to_owned);
        object["metadata"]["uid"] = json!(uid.unwrap_or_else(|| format!("uid-{path}")));
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    /// What is applied is whole: fields that are not in it any more go.
    fn forget_status(&mut self, path: &str) {
        let object = self.objects.get_mut(path.trim_end_matches("/status"));
        let fields = object.and_then(Value::as_object_mut);
        if let (Some(fields), false) = (fields, self.refuses) {
            fields.remove("status");
        }
    }

    fn answer(&mut self, method: &Method, path: &str, body: Value) -> (StatusCode, Value) {
        self.asked.push(format!("{method} {path}"));
        if self.refuses {
            return refusal(StatusCode::SERVICE_UNAVAILABLE);
        }
        let at = path.trim_end_matches("/status").to_owned();
        let found = self.objects.get(&at).cloned();
        let wanted = body.pointer("/metadata/resourceVersion").cloned();
        let current = found
            .as_ref()
            .map(|it| it["metadata"]["resourceVersion"].clone());
        match (method, found) {
            (&Method::POST, _) => {
                let name = body["metadata"]["name"].as_str().unwrap_or_default();
                let path = format!("{path}/{name}");
                match self.objects.contains_key(&path) {
                    true => refusal(StatusCode::CONFLICT),
                    false => (StatusCode::CREATED, self.put(&path, body)),
                }
            }
            (&Method::GET, Some(found)) => (StatusCode::OK, found),
            (&Method::PUT | &Method::PATCH, _)
                if wanted.is_some() && wanted != Some(Value::Null) && wanted != current =>
            {
                refusal(StatusCode::CONFLICT)
            }
            (&Method::PUT, Some(_)) => (StatusCode::OK, self.put(&at, body)),
            (&Method::PATCH, found) => {
                let mut object = found.unwrap_or_else(|| json!({}));
                merge(&mut object, body);
                (StatusCode::OK, self.put(&at, object))
            }
            (&Method::DELETE, Some(found)) => {
                self.objects.remove(&at);
                (StatusCode::OK, found)
            }
            _ => refusal(StatusCode::NOT_FOUND),
        }
    }
}

fn refusal(status: StatusCode) -> (StatusCode, Value) {
    let reason = match status {
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        _ => "ServiceUnavailable",
    };
    let value = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": status.to_string(), "reason": reason, "code": status.as_u16(),
    });
    (status, value)
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                match value {
                    Value::Null => drop(into.remove(&key)),
                    value => merge(into.entry(key).or_insert(Value::Null), value),
                }
            }
        }
        (into, more) => *into = more,
    }
}

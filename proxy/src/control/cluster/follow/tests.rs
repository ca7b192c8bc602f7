use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::control::cluster::Cluster;

/// What is asked (all of these words are in the request), the status, and the answer.
type Exchange = (&'static [&'static str], u16, String);

/// Answers as it is written down, and then not at all. What was asked otherwise fails the test.
async fn scripted(script: Vec<Exchange>) -> Api<DeserializeGuard<Namespace>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let script: Arc<Mutex<VecDeque<Exchange>>> = Arc::new(Mutex::new(script.into()));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let script = Arc::clone(&script);
            let service = service_fn(move |request: Request<Incoming>| {
                let next = script.lock().unwrap().pop_front();
                async move {
                    let Some((words, status, body)) = next else {
                        return pending::<Result<_, Infallible>>().await;
                    };
                    let asked = request.uri().to_string();
                    let said = words.iter().all(|word| asked.contains(word));
                    let (status, body) = match said {
                        true => (status, body),
                        false => (418, format!("{asked} and not {words:?}")),
                    };
                    let mut response = Response::new(Full::new(Bytes::from(body)));
                    *response.status_mut() = StatusCode::from_u16(status).unwrap();
                    Ok(response)
                }
            });
            let io = TokioIo::new(stream);
            tokio::spawn(http1::Builder::new().serve_connection(io, service));
        }
    });
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    Api::all(Cluster::by(config).unwrap().client)
}

/// What is told, in short: `all a b`, `put a`, `gone a`; unreadable ones in brackets.
fn told(
    api: Api<DeserializeGuard<Namespace>>,
    sight: &Sight,
) -> (tokio::task::JoinHandle<()>, mpsc::Receiver<String>) {
    let (tell, hear) = mpsc::channel(64);
    let name = |object: &DeserializeGuard<Namespace>| match &object.0 {
        Ok(_) => object.name_any(),
        Err(_) => format!("({})", object.name_any()),
    };
    let tell = move |change: Change<Namespace>| {
        let word = match &change {
            Change::All(objects) => {
                let names: Vec<String> = objects.iter().map(name).collect();
                format!("all {}", names.join(" "))
            }
            Change::Put(object) => format!("put {}", name(object)),
            Change::Gone(object) => format!("gone {}", name(object)),
        };
        tell.try_send(word).unwrap();
    };
    let selected = Selected {
        what: "namespaces",
        fields: Some("metadata.name=shop".to_owned()),
        labels: None,
    };
    let following = follow(api, selected, sight.clone(), tell);
    (tokio::spawn(following), hear)
}

async fn hears(hear: &mut mpsc::Receiver<String>, expected: &[&str]) {
    for word in expected {
        let heard = timeout(Duration::from_secs(20), hear.recv()).await;
        assert_eq!(heard.unwrap().unwrap(), *word);
    }
}

fn object(name: &str, version: u64) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": name, "resourceVersion": version.to_string() },
    })
}

fn page(names: &[&str], version: u64, next: &str) -> String {
    let items: Vec<Value> = names.iter().map(|name| object(name, 1)).collect();
    json!({
        "apiVersion": "v1", "kind": "NamespaceList", "items": items,
        "metadata": { "resourceVersion": version.to_string(), "continue": next },
    })
    .to_string()
}

fn events(events: &[(&str, Value)]) -> String {
    let line =
        |(kind, object): &(&str, Value)| format!("{}\n", json!({ "type": kind, "object": object }));
    events.iter().map(line).collect()
}

fn status(code: u16) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": "no", "reason": "no", "code": code,
    })
}

#[tokio::test]
async fn pages_are_one_list_and_a_watch_that_ends_goes_on_from_where_it_was() {
    let mut bookmark = object("", 9);
    bookmark["metadata"]["annotations"] = json!({});
    let api = scripted(vec![
        (
            &["limit=500", "fieldSelector=metadata.name%3Dshop"],
            200,
            page(&["a"], 5, "more"),
        ),
        (&["continue=more"], 200, page(&["b"], 5, "")),
        (
            &[
                "watch=true",
                "resourceVersion=5",
                "allowWatchBookmarks=true",
            ],
            200,
            events(&[
                ("MODIFIED", object("a", 6)),
                ("DELETED", object("b", 7)),
                ("BOOKMARK", bookmark),
            ]),
        ),
        (
            &["watch=true", "resourceVersion=9"],
            200,
            events(&[("ADDED", object("c", 10))]),
        ),
        (&["watch=true", "resourceVersion=10"], 200, String::new()),
    ])
    .await;
    let (following, mut hear) = told(api, &Sight::new());
    hears(&mut hear, &["all a b", "put a", "gone b", "put c"]).await;
    following.abort();
}

#[tokio::test]
async fn what_cannot_be_read_is_told_among_the_rest() {
    let mut wrong = object("b", 6);
    wrong["spec"] = json!("no object");
    let api = scripted(vec![
        (&[], 200, page(&["a"], 5, "")),
        (
            &["watch=true"],
            200,
            events(&[("MODIFIED", wrong), ("MODIFIED", object("c", 7))]),
        ),
    ])
    .await;
    let (following, mut hear) = told(api, &Sight::new());
    hears(&mut hear, &["all a", "put (b)", "put c"]).await;
    following.abort();
}

#[tokio::test]
async fn a_version_that_is_too_old_is_cured_by_a_list() {
    for (watch_status, body) in [
        (200, events(&[("ERROR", status(410))])),
        (410, status(410).to_string()),
        (200, events(&[("ERROR", status(500))])),
    ] {
        let api = scripted(vec![
            (&[], 200, page(&["a"], 5, "")),
            (&["watch=true"], watch_status, body),
            (&["limit=500"], 200, page(&["b"], 8, "")),
            (&["watch=true", "resourceVersion=8"], 200, String::new()),
        ])
        .await;
        let (following, mut hear) = told(api, &Sight::new());
        hears(&mut hear, &["all a", "all b"]).await;
        following.abort();
    }
}

#[tokio::test]
async fn sight_is_lost_while_a_watch_cannot_be_had_and_nothing_is_forgotten_meanwhile() {
    let refused = || {
        (
            &["watch=true", "resourceVersion=5"][..],
            403,
            status(403).to_string(),
        )
    };
    let api = scripted(vec![
        (&[], 200, page(&["a"], 5, "")),
        refused(),
        refused(),
        refused(),
        (
            &["watch=true", "resourceVersion=5"],
            200,
            events(&[("ADDED", object("b", 6))]),
        ),
    ])
    .await;
    let sight = Sight::new();
    let (following, mut hear) = told(api, &sight);
    hears(&mut hear, &["all a"]).await;
    timeout(Duration::from_secs(20), async {
        // Three pauses of at least a tenth of a second.
        while sight.blind_for() < Duration::from_millis(200) {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    hears(&mut hear, &["put b"]).await;
    assert!(sight.blind_for() < Duration::from_secs(10));
    following.abort();
}

#[tokio::test]
async fn more_objects_than_are_taken_are_no_list() {
    let names = |count: usize| vec!["x"; count];
    let most = scripted(vec![
        (&[], 200, page(&names(MAX_OBJECTS), 5, "")),
        (&["watch=true"], 200, String::new()),
    ])
    .await;
    let (following, mut hear) = told(most, &Sight::new());
    let all = timeout(Duration::from_secs(20), hear.recv()).await;
    assert_eq!(all.unwrap().unwrap().split(' ').count(), MAX_OBJECTS + 1);
    following.abort();

    let api = scripted(vec![(&[], 200, page(&names(MAX_OBJECTS + 1), 5, ""))]).await;
    let (following, mut hear) = told(api, &Sight::new());
    timeout(Duration::from_secs(1), hear.recv())
        .await
        .unwrap_err();
    following.abort();
}

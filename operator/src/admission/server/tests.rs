use k8s_openapi::jiff::Timestamp;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::admission::certificate::server_config;
use crate::admission::inject::Undelivered;
use crate::desired::Inputs;
use crate::pki::Authority;

const NAME: &str = "portcullis-webhook.portcullis-system.svc";

#[derive(Debug)]
struct NoSidecars;

impl Sidecars for NoSidecars {
    fn of(&self, _: &str) -> Option<Vec<Result<Inputs, Undelivered>>> {
        Some(Vec::new())
    }
}

struct Bed {
    address: SocketAddr,
    certificate: watch::Sender<Serving>,
    authority: Authority,
    shutdown: CancellationToken,
    accepting: JoinHandle<()>,
}

/// A listener whose client of the API server leads nowhere.
async fn bed() -> Bed {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let nowhere = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let answers = Answers {
        lookup: Lookup::new(Client::try_from(nowhere).unwrap()),
        sidecars: Arc::new(NoSidecars),
    };
    let (certificate, receiver) = watch::channel(None);
    let shutdown = CancellationToken::new();
    Bed {
        address,
        certificate,
        authority: Authority::new(Timestamp::now()).unwrap(),
        shutdown: shutdown.clone(),
        accepting: tokio::spawn(accept(listener, receiver, answers, shutdown)),
    }
}

impl Bed {
    /// Gives the listener a new certificate.
    fn certify(&self) {
        let leaf = self
            .authority
            .issue(&[NAME.to_owned()], Timestamp::now())
            .unwrap();
        self.certificate
            .send_replace(Some(server_config(&leaf).unwrap()));
    }

    async fn connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let authorities = self.authority.authorities();
        for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from(NAME).unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }

    /// Status and body of the answer to one request.
    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let mut stream = self.connect().await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Who refuses a body need not read it.
        let _unread = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _cut = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
        (status.unwrap_or_default(), body.to_owned())
    }
}

fn question(annotation: &str) -> Vec<u8> {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": "UPDATE", "userInfo": {"username": "bob"},
            "object": {"metadata": {"annotations": {annotation: "why"}}},
        },
    });
    review.to_string().into_bytes()
}

#[tokio::test]
async fn a_question_is_answered() {
    let bed = bed().await;
    bed.certify();
    let (status, body) = bed
        .ask(
            "POST",
            "/stamp?timeout=5s",
            &question("portcullis.dev/deny"),
        )
        .await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &answer["response"]["allowed"]),
        (200, &json!(true))
    );
    assert_eq!(answer["response"]["patchType"], "JSONPatch");
    let (status, body) = bed.ask("POST", "/inject", &question("a")).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &answer["response"]),
        (200, &json!({"uid": "1", "allowed": true}))
    );
}

#[tokio::test]
async fn what_is_no_question_gets_no_answer() {
    let bed = bed().await;
    bed.certify();
    let good = question("portcullis.dev/deny");
    assert_eq!(bed.ask("GET", "/stamp", b"").await.0, 405);
    assert_eq!(bed.ask("POST", "/", &good).await.0, 404);
    assert_eq!(bed.ask("POST", "/stamp", b"{").await.0, 400);
    let largest = [good.clone(), vec![b' '; MAX_BODY - good.len()]].concat();
    assert_eq!(bed.ask("POST", "/stamp", &largest).await.0, 200);
    let larger = [largest, vec![b' ']].concat();
    assert_eq!(bed.ask("POST", "/stamp", &larger).await.0, 413);
}

#[tokio::test]
async fn what_cannot_be_judged_is_refused() {
    let bed = bed().await;
    bed.certify();
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": "CREATE", "namespace": "shop",
            "resource": {"group": "portcullis.dev", "resource": "connections"},
            "object": {
                "apiVersion": "portcullis.dev/v1alpha1", "kind": "Connection",
                "metadata": {"name": "orders", "namespace": "shop"},
                "spec": {
                    "protocol": "PostgreSQL", "upstream": {"host": "db", "database": "orders"},
                    "credentials": {"secretRef": {"name": "orders"}},
                },
            },
        },
    });
    let (status, body) = bed
        .ask("POST", "/validate", review.to_string().as_bytes())
        .await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &answer["response"]["allowed"]),
        (200, &json!(false))
    );
    let message = answer["response"]["status"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("the operator cannot ask the API server"),
        "{message}"
    );
}

#[tokio::test]
async fn nothing_is_served_without_a_certificate_and_a_new_one_reaches_new_connections() {
    let bed = bed().await;
    assert!(bed.connect().await.is_err());
    bed.certify();
    let served =
        |stream: &TlsStream<TcpStream>| stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let first = served(&bed.connect().await.unwrap());
    bed.certify();
    let second = served(&bed.connect().await.unwrap());
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_shutdown_ends_the_listener_and_idle_connections() {
    let bed = bed().await;
    bed.certify();
    let mut idle = bed.connect().await.unwrap();
    bed.shutdown.cancel();
    bed.accepting.await.unwrap();
    let mut rest = Vec::new();
    let _ended = idle.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}

//! Keys that are fetched: an issuer on this machine.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jsonwebtoken::Algorithm;
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

const UNAVAILABLE: &str =
    "the keys of the token's issuer cannot be had at this moment: try again in a little while";
const UNKNOWN: &str = "the token is signed by a key that its issuer does not publish: if the key \
                       is new, try again in a little while";

/// What the issuer answers, and what it was asked.
#[derive(Default)]
struct Desk {
    discovery: Option<Value>,
    keys: Option<String>,
    asked: Vec<String>,
}

struct Idp {
    url: String,
    desk: Arc<Mutex<Desk>>,
}

impl Idp {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let desk = Arc::new(Mutex::new(Desk::default()));
        let uri = format!("{url}/keys");
        desk.lock().unwrap().discovery = Some(json!({"issuer": url, "jwks_uri": uri}));
        let answers = Arc::clone(&desk);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let desk = Arc::clone(&answers);
                let service = service_fn(move |request| {
                    let desk = Arc::clone(&desk);
                    async move { Ok::<_, Infallible>(answer(&desk, &request)) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
            }
        });
        Self { url, desk }
    }

    fn publishes(&self, signers: &[&Signer]) {
        let keys: Vec<&Value> = signers.iter().map(|signer| &signer.jwk).collect();
        self.desk.lock().unwrap().keys = Some(json!({"keys": keys}).to_string());
    }

    fn answers(&self, keys: Option<String>) {
        self.desk.lock().unwrap().keys = keys;
    }

    fn asked(&self) -> usize {
        let desk = self.desk.lock().unwrap();
        desk.asked.iter().filter(|path| *path == "/keys").count()
    }

    fn config(&self) -> OidcIssuer {
        OidcIssuer {
            issuer: self.url.clone(),
            keys: KeySource::Discovery,
            ..issuer(&[])
        }
    }

    fn token(&self, signer: &Signer) -> Secret {
        signer.token(&claims(&json!({"iss": self.url, "exp": NOW + 1_000_000})))
    }
}

fn answer(desk: &Mutex<Desk>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let mut desk = desk.lock().unwrap();
    let path = request.uri().path().to_owned();
    let body = match path.as_str() {
        "/.well-known/openid-configuration" => desk.discovery.as_ref().map(Value::to_string),
        "/keys" => desk.keys.clone(),
        _ => None,
    };
    desk.asked.push(path);
    let status = if body.is_some() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = Response::new(Full::from(body.unwrap_or_default()));
    *response.status_mut() = status;
    response
}

async fn at(all: &Identities, token: &Secret, seconds: u64) -> String {
    let then = now() + Duration::from_secs(seconds);
    match all.prove(Presented::Bearer(token), purpose(), then).await {
        Ok(proven) => proven.subject.username.clone(),
        Err(unproven) => unproven.told,
    }
}

#[tokio::test]
async fn keys_are_discovered_once_and_again_when_they_are_old() {
    let (idp, signer) = (Idp::start().await, Signer::new(Algorithm::RS256, "one"));
    idp.publishes(&[&signer]);
    let all = identities(vec![idp.config()]);
    let token = idp.token(&signer);
    for _ in 0..5 {
        assert_eq!(at(&all, &token, 0).await, "oidc:alice");
    }
    assert_eq!(idp.asked(), 1);
    assert_eq!(at(&all, &token, 599).await, "oidc:alice");
    assert_eq!(idp.asked(), 1);
    assert_eq!(at(&all, &token, 600).await, "oidc:alice");
    assert_eq!(idp.asked(), 2);
}

#[tokio::test]
async fn a_crowd_at_the_start_makes_one_fetch() {
    let (idp, signer) = (Idp::start().await, Signer::new(Algorithm::ES256, "one"));
    idp.publishes(&[&signer]);
    let all = Arc::new(identities(vec![idp.config()]));
    let token = Arc::new(idp.token(&signer));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (all, token) = (Arc::clone(&all), Arc::clone(&token));
        tasks.spawn(async move { at(&all, &token, 0).await });
    }
    assert!(
        tasks
            .join_all()
            .await
            .iter()
            .all(|told| told == "oidc:alice")
    );
    assert_eq!(idp.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_a_withdrawn_one_is_lost() {
    let (old, new) = (
        Signer::new(Algorithm::ES256, "old"),
        Signer::new(Algorithm::ES256, "new"),
    );
    let idp = Idp::start().await;
    idp.publishes(&[&old]);
    let all = identities(vec![idp.config()]);
    assert_eq!(at(&all, &idp.token(&old), 0).await, "oidc:alice");
    idp.publishes(&[&new]);
    // Within the pause after the fetch before, and then past it.
    assert_eq!(at(&all, &idp.token(&new), 9).await, UNKNOWN);
    assert_eq!(at(&all, &idp.token(&new), 10).await, "oidc:alice");
    assert_eq!(at(&all, &idp.token(&old), 11).await, UNKNOWN);
    assert_eq!(idp.asked(), 2);
}

#[tokio::test]
async fn made_up_key_names_do_not_hammer_the_issuer() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let idp = Idp::start().await;
    idp.publishes(&[&signer]);
    let all = identities(vec![idp.config()]);
    for n in 0..600 {
        let name = json!({"kid": format!("made-up-{n}")});
        let token = signer.with_header(&name, &claims(&json!({"iss": idp.url})));
        // Ten in a second, for a minute.
        assert_eq!(at(&all, &token, n / 10).await, UNKNOWN);
    }
    assert_eq!(idp.asked(), 6);
    assert_eq!(at(&all, &idp.token(&signer), 60).await, "oidc:alice");
}

#[tokio::test]
async fn the_last_good_keys_serve_for_a_day_while_the_issuer_is_away() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let idp = Idp::start().await;
    let all = identities(vec![idp.config()]);
    let token = idp.token(&signer);
    assert_eq!(at(&all, &token, 0).await, UNAVAILABLE);
    // No second try within the pause, though it is back.
    idp.publishes(&[&signer]);
    assert_eq!(at(&all, &token, 9).await, UNAVAILABLE);
    assert_eq!(at(&all, &token, 10).await, "oidc:alice");
    idp.answers(None);
    let before = idp.asked();
    let day = 24 * 3600;
    for second in (600..900).chain([day + 9]) {
        assert_eq!(at(&all, &token, second).await, "oidc:alice", "{second}");
    }
    // At 600, 610, 630, 670, 750 and 870, for the pause doubles up to two minutes; and the day after.
    assert_eq!(idp.asked() - before, 7);
    assert_eq!(at(&all, &token, day + 10).await, UNAVAILABLE);
    idp.publishes(&[&signer]);
    assert_eq!(at(&all, &token, day + 129).await, "oidc:alice");
}

#[tokio::test]
async fn answers_that_are_no_keys_are_refused() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let good = json!({"keys": [signer.jwk]}).to_string();
    let padded = |size: usize| format!("{good}{}", " ".repeat(size - good.len()));
    let many: Vec<&Value> = std::iter::repeat_n(&signer.jwk, 65).collect();
    for (keys, expected) in [
        (good.clone(), "oidc:alice"),
        (padded(256 * 1024), "oidc:alice"),
        (padded(256 * 1024 + 1), UNAVAILABLE),
        (json!({"keys": many[1..]}).to_string(), "oidc:alice"),
        (json!({"keys": many}).to_string(), UNAVAILABLE),
        (
            json!({"keys": [{"kty": "other"}, 7, signer.jwk]}).to_string(),
            "oidc:alice",
        ),
        (json!({"keys": {}}).to_string(), UNAVAILABLE),
        ("[]".to_owned(), UNAVAILABLE),
        ("<html>".to_owned(), UNAVAILABLE),
    ] {
        let idp = Idp::start().await;
        idp.answers(Some(keys));
        let all = identities(vec![idp.config()]);
        assert_eq!(at(&all, &idp.token(&signer), 0).await, expected);
    }
}

#[tokio::test]
async fn discovery_is_the_issuers_own() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let idp = Idp::start().await;
    idp.publishes(&[&signer]);
    let keys = format!("{}/keys", idp.url);
    for (document, expected) in [
        (json!({"issuer": idp.url, "jwks_uri": keys}), "oidc:alice"),
        (
            json!({"issuer": format!("{}/", idp.url), "jwks_uri": keys}),
            UNAVAILABLE,
        ),
        (
            json!({"issuer": "https://idp.example", "jwks_uri": keys}),
            UNAVAILABLE,
        ),
        (json!({"jwks_uri": keys}), UNAVAILABLE),
        (json!({"issuer": idp.url}), UNAVAILABLE),
        (
            json!({"issuer": idp.url, "jwks_uri": "http://idp.example/keys"}),
            UNAVAILABLE,
        ),
        (
            json!({"issuer": idp.url, "jwks_uri": "file:///etc/passwd"}),
            UNAVAILABLE,
        ),
    ] {
        idp.desk.lock().unwrap().discovery = Some(document.clone());
        let all = identities(vec![idp.config()]);
        assert_eq!(
            at(&all, &idp.token(&signer), 0).await,
            expected,
            "{document}"
        );
    }
}

#[tokio::test]
async fn a_reload_keeps_the_keys_of_an_unchanged_issuer() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let idp = Idp::start().await;
    idp.publishes(&[&signer]);
    let before = identities(vec![idp.config()]);
    let token = idp.token(&signer);
    assert_eq!(at(&before, &token, 0).await, "oidc:alice");
    let config = |oidc| IdentityConfig {
        oidc: vec![oidc],
        ..IdentityConfig::default()
    };
    let renamed = OidcIssuer {
        username_prefix: "idp:".to_owned(),
        ..idp.config()
    };
    let after = Identities::new(config(renamed), Some(&before));
    assert_eq!(at(&after, &token, 1).await, "idp:alice");
    assert_eq!(idp.asked(), 1);
    let uri = KeySource::Uri(format!("{}/keys", idp.url));
    let moved = Identities::new(
        config(OidcIssuer {
            keys: uri,
            ..idp.config()
        }),
        Some(&after),
    );
    assert_eq!(at(&moved, &token, 1).await, "oidc:alice");
    assert_eq!(idp.asked(), 2);
}

#[tokio::test]
async fn a_session_ends_with_what_its_token_needs() {
    let (one, two) = (
        Signer::new(Algorithm::ES256, "same"),
        Signer::new(Algorithm::ES256, "same"),
    );
    let all = identities(vec![issuer(&[&one, &two])]);
    let token = one.token(&claims(&json!({"groups": ["a"], "tenant": "acme"})));
    let proven = prove(&all, &token).await.unwrap();
    let holds = |issuer: OidcIssuer| {
        let all = identities(vec![issuer]);
        all.still_holds(&proven, purpose(), now()).is_ok()
    };
    let base = || issuer(&[&one]);
    let required = |value: &str| BTreeMap::from([("tenant".to_owned(), value.to_owned())]);
    assert!(holds(base()));
    assert!(holds(OidcIssuer {
        required_claims: required("acme"),
        ..base()
    }));
    assert!(!holds(OidcIssuer {
        required_claims: required("other"),
        ..base()
    }));
    assert!(!holds(OidcIssuer {
        audiences: vec!["gate".to_owned()],
        ..base()
    }));
    assert!(!holds(OidcIssuer {
        groups_claim: None,
        ..base()
    }));
    assert!(!holds(OidcIssuer {
        username_prefix: "x:".to_owned(),
        ..base()
    }));
    assert!(!holds(OidcIssuer {
        issuer: "https://other.example".to_owned(),
        ..base()
    }));
    // The key was taken out, though another has its name.
    assert!(!holds(issuer(&[&two])));
    let asking = Purpose {
        audience: Some("orders"),
        ..purpose()
    };
    assert!(all.still_holds(&proven, asking, now()).is_err());
    let later = now() + Duration::from_secs(330);
    assert!(all.still_holds(&proven, purpose(), later).is_err());
}

#[test]
fn keys_are_not_fetched_in_the_clear() {
    for (address, fine) in [
        ("https://idp.example/keys", true),
        ("http://localhost:1/keys", true),
        ("http://127.0.0.1/keys", true),
        ("http://[::1]:1/keys", true),
        ("http://idp.example/keys", false),
        ("http://localhost.example/keys", false),
        ("http://127.0.0.1.example/keys", false),
        ("http://127.0.0.1@idp.example/keys", false),
        ("https://user@idp.example/keys", false),
        ("ftp://localhost/keys", false),
        ("/keys", false),
        ("idp.example", false),
        ("", false),
    ] {
        let keys = KeySource::Uri(address.to_owned());
        let all = identities(vec![OidcIssuer {
            keys,
            ..issuer(&[])
        }]);
        assert_eq!(all.unusable().is_empty(), fine, "{address}");
        let discovered = OidcIssuer {
            issuer: address.to_owned(),
            keys: KeySource::Discovery,
            ..issuer(&[])
        };
        assert_eq!(
            identities(vec![discovered]).unusable().is_empty(),
            fine,
            "{address}"
        );
    }
}

//! Tokens of an identity provider that others wrote, from its discovery document to our login.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use portcullis_proxy::identity::config::{KeySource, OidcIssuer};
use portcullis_recording::event::Body;
use serde_json::Value;

use crate::bed::Terms;
use crate::house::House;
use crate::peers;
use crate::run::free_port;

/// What a client reads whose token is signed by a key that was not fetched.
const UNKNOWN_KEY: &str = "the token is signed by a key that its issuer does not publish: if the \
     key is new, try again in a little while";

struct Provider {
    child: Child,
    port: u16,
}

impl Provider {
    fn start() -> Self {
        Self::start_at(free_port())
    }

    fn start_at(port: u16) -> Self {
        let mut command = peers::node("provider.mjs", "oidc-provider");
        command.arg(port.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let output = child.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { child, port }
    }

    /// The same issuer with other keys.
    fn restart(self) -> Self {
        let port = self.port;
        drop(self);
        Self::start_at(port)
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A token by the grant for programs, for this audience and that many seconds.
    fn token(&self, audience: &str, algorithm: &str, seconds: u32) -> String {
        let resource = format!("urn%3A{audience}%3A{algorithm}%3A{seconds}");
        let form = format!(
            "grant_type=client_credentials&client_id=agent-7&client_secret=of-agent-7&resource={resource}"
        );
        let request = format!(
            "POST /token HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.port,
            form.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let body: Value = serde_json::from_str(body).unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A house that trusts this provider, at the time of now.
async fn trusting(provider: &Provider) -> Option<House> {
    let house = House::open(Vec::new()).await?;
    house.bed.clock.set_to_now();
    house.edit_terms(Terms {
        oidc: vec![OidcIssuer {
            issuer: provider.issuer(),
            audiences: vec!["portcullis".into()],
            username_claim: "sub".into(),
            username_prefix: "oidc:".into(),
            groups_claim: Some("groups".into()),
            groups_prefix: None,
            keys: KeySource::Discovery,
            ca: None,
            required_claims: [("client_id".into(), "agent-7".into())].into(),
        }],
        ..Terms::default()
    });
    Some(house)
}

/// What psql says with this token as its password.
async fn with_password(house: &House, token: &str) -> String {
    let (out, error) = house.psql_with("SELECT 7;", &[("PGPASSWORD", token)]).await;
    match error.split_once("FATAL:  ") {
        Some((_, why)) => why.to_owned(),
        None => format!("{out}{error}"),
    }
}

/// What libpq 18 says that sends it by OAUTHBEARER.
async fn with_oauth(house: &House, provider: &Provider, token: &str) -> String {
    let mut command = peers::python("oauth.py");
    command.args([&house.address.port().to_string(), &provider.issuer(), token]);
    peers::said(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_certified_provider_let_in_whoever_they_name() {
    let provider = Provider::start();
    let Some(house) = trusting(&provider).await else {
        return;
    };
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let token = provider.token("portcullis", algorithm, 3600);
        assert_eq!(with_password(&house, &token).await, "7", "{algorithm}");
    }
    let token = provider.token("portcullis", "ES256", 3600);
    let asked = format!(
        "from {}/.well-known/openid-configuration\n",
        provider.issuer()
    );
    assert_eq!(
        with_oauth(&house, &provider, &token).await,
        format!("{asked}in 7\n")
    );
    let started = house
        .bed
        .record()
        .into_iter()
        .filter_map(|body| match body {
            Body::SessionStarted(started) => Some(started),
            _ => None,
        });
    let started: Vec<_> = started.collect();
    assert_eq!(started.len(), 5);
    for session in started {
        assert_eq!(session.subject, "oidc:agent-7");
        assert_eq!(session.groups, ["oidc:analysts"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_others_or_of_others_or_too_old_is_refused() {
    let (provider, stranger) = (Provider::start(), Provider::start());
    let Some(house) = trusting(&provider).await else {
        return;
    };
    let elsewhere = provider.token("elsewhere", "RS256", 3600);
    let why = "the token is for somebody else (aud): ask its issuer for one for `portcullis`";
    assert_eq!(with_password(&house, &elsewhere).await, why);
    let refused = with_oauth(&house, &provider, &elsewhere).await;
    assert!(refused.contains("\nout "), "{refused}");
    assert!(
        refused.contains("the token is for somebody else"),
        "{refused}"
    );

    let foreign = stranger.token("portcullis", "RS256", 3600);
    let why = format!(
        "tokens of the issuer {:?} are not accepted here",
        stranger.issuer()
    );
    assert_eq!(with_password(&house, &foreign).await, why);

    // The provider's own words under another's signature.
    let good = provider.token("portcullis", "RS256", 3600);
    let (said, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{said}.{}", foreign.rsplit_once('.').unwrap().1);
    assert_eq!(with_password(&house, &good).await, "7");
    assert_eq!(
        with_password(&house, &forged).await,
        "the token's signature is wrong"
    );

    // A minute, and the half of one by which clocks may differ.
    let short = provider.token("portcullis", "EdDSA", 60);
    house.bed.clock.advance(Duration::from_secs(70));
    assert_eq!(with_password(&house, &short).await, "7");
    house.bed.clock.advance(Duration::from_secs(20));
    let refused = with_password(&house, &short).await;
    assert!(refused.starts_with("the token expired "), "{refused}");
    let refused = with_oauth(&house, &provider, &short).await;
    assert!(refused.contains("\nout "), "{refused}");
    assert!(refused.contains("the token expired"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_follow_the_provider_and_serve_while_it_is_away() {
    let provider = Provider::start();
    let Some(house) = trusting(&provider).await else {
        return;
    };
    let old = provider.token("portcullis", "RS256", 172_800);
    assert_eq!(with_password(&house, &old).await, "7");

    // New keys. The old ones hold until a token names a key that is not known.
    let provider = provider.restart();
    let new = provider.token("portcullis", "RS256", 172_800);
    assert_eq!(with_password(&house, &old).await, "7");
    // Keys are fetched once in ten seconds at most.
    assert_eq!(with_password(&house, &new).await, UNKNOWN_KEY);
    house.bed.clock.advance(Duration::from_secs(10));
    assert_eq!(with_password(&house, &new).await, "7");
    assert_eq!(with_password(&house, &old).await, UNKNOWN_KEY);
    let refused = with_oauth(&house, &provider, &old).await;
    assert!(refused.contains("\nout "), "{refused}");

    // Away: the last keys serve for a day, and no longer.
    drop(provider);
    house.bed.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(with_password(&house, &new).await, "7");
    house.bed.clock.advance(Duration::from_secs(23 * 60 * 60));
    let refused = with_password(&house, &new).await;
    let why =
        "the keys of the token's issuer cannot be had at this moment: try again in a little while";
    assert_eq!(refused, why);
}

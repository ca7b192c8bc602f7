//! Tokens of an identity provider that others wrote, from its discovery document to our login.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use portcullis_dialect::postgres::wire::write;
use portcullis_proxy::identity::config::{KeySource, OidcIssuer};
use portcullis_recording::event::Body;
use serde_json::Value;

use crate::bed::Terms;
use crate::house::House;
use crate::peers;
use crate::run::free_port;
use crate::wire::{Client, told};

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
async fn trusting(provider: &Provider) -> House {
    let house = House::open(Vec::new()).await;
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
            reviewer: None,
        }],
        ..Terms::default()
    });
    house
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
    let house = trusting(&provider).await;
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
    let house = trusting(&provider).await;
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

/// Starts by OAUTHBEARER and sends this as the first message; tells what is said to it.
async fn bearer(house: &House, message: &str) -> (Client, String) {
    let mut packet = Vec::new();
    let options: [(&[u8], &[u8]); 2] = [
        (b"user", b"anybody"),
        (b"options", b"-c portcullis.auth=oauth"),
    ];
    write::startup(&mut packet, 3 << 16, options);
    let mut client = Client::connect(house.address).await;
    client.send(&packet).await;
    let (_, body) = client.next().await.unwrap();
    assert_eq!(body[..], *b"\0\0\0\x0aOAUTHBEARER\0\0");
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let initial = [b"OAUTHBEARER\0", &length[..], message.as_bytes()].concat();
    let mut out = Vec::new();
    write::password(&mut out, &initial);
    client.send(&out).await;
    let (tag, body) = client.next().await.unwrap();
    let told = match (tag, body.split_first_chunk()) {
        (b'R', Some(([0, 0, 0, 11], json))) => String::from_utf8(json.to_vec()).unwrap(),
        _ => told(tag, &body),
    };
    (client, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn oauthbearer_is_answered_message_by_message() {
    let provider = Provider::start();
    let house = trusting(&provider).await;
    let token = provider.token("portcullis", "ES256", 3600);
    let (mut client, told) = bearer(&house, &format!("n,,\x01auth=Bearer {token}\x01\x01")).await;
    assert_eq!(told, r"R(\x00\x00\x00\x00)");
    let ready = client.line(&["= 1", "Q SELECT 3", "= 1"]).await;
    assert!(
        ready.ends_with("Z(I) T(?column?) D(3) C(SELECT 1) Z(I)"),
        "{ready}"
    );

    let good = format!("{token}x");
    let where_from = format!("{}/.well-known/openid-configuration", provider.issuer());
    for (auth, why) in [
        (format!("Bearer {good}"), "the token's signature is wrong"),
        (String::new(), "a bearer token is needed"),
    ] {
        let (mut client, told) = bearer(&house, &format!("n,,\x01auth={auth}\x01\x01")).await;
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["status"], "invalid_token");
        assert_eq!(told["openid-configuration"], where_from);
        // Nothing more is said until the client took note.
        let soon = Duration::from_millis(400);
        assert!(tokio::time::timeout(soon, client.next()).await.is_err());
        let mut out = Vec::new();
        write::password(&mut out, b"\x01");
        client.send(&out).await;
        let refused = client.line(&["."]).await;
        assert_eq!(refused, format!("E(28P01: {why}) closed"));
    }
    let (mut client, told) = bearer(&house, "n,a=root,\x01auth=Bearer x\x01\x01").await;
    assert_eq!(told, "E(08P01: an authorization identity may not be given)");
    assert_eq!(client.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_follow_the_provider_and_serve_while_it_is_away() {
    let provider = Provider::start();
    let house = trusting(&provider).await;
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

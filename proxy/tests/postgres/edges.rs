//! Before and beside the session: encryption, versions, certificates, and cancelling what waits.

use std::sync::Arc;
use std::time::Duration;

use portcullis_dialect::postgres::wire::write;
use portcullis_policy::{Action, ApprovalTerms, DefaultAction, Effect, Grant, Wait};
use portcullis_proxy::session::ports::Standing;
use portcullis_recording::event::Body;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::bed::{policy, rule};
use crate::house::{House, PASSWORD};
use crate::run::{self, Run};
use crate::wire::{self, Client};

fn open_run() -> Run {
    Run::start("carol", &run::policy("[]"))
}

/// A start-up packet of any version with any options, then what the server says to it first.
async fn started(house: &House, version: u32, options: &[(&str, &str)]) -> (Client, String) {
    let mut packet = Vec::new();
    let own = [("user", "anybody"), ("database", "postgres")];
    let all = own.iter().chain(options);
    let all: Vec<_> = all.map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    write::startup(&mut packet, version, all);
    let mut client = Client::connect(house.address).await;
    client.send(&packet).await;
    let (tag, body) = client.next().await.unwrap();
    let told = match tag {
        b'v' => format!("v {}", body.escape_ascii()),
        _ => wire::told(tag, &body),
    };
    (client, told)
}

/// Logs in where a password was asked for; tells the length of the key to cancel with.
async fn key_length(mut client: Client, mut told: String) -> usize {
    if told.starts_with('v') {
        let (tag, body) = client.next().await.unwrap();
        told = wire::told(tag, &body);
    }
    assert_eq!(told, r"R(\x00\x00\x00\x03)");
    let mut answer = Vec::new();
    write::password(&mut answer, &[PASSWORD.as_bytes(), b"\0"].concat());
    client.send(&answer).await;
    let mut length = 0;
    loop {
        match client.next().await.unwrap() {
            (b'K', body) => length = body.len() - 4,
            (b'Z', _) => break,
            (tag, body) => assert_ne!(tag, b'E', "{}", wire::told(tag, &body)),
        }
    }
    assert_eq!(
        client.line(&["Q SELECT 5", "= 1"]).await,
        "T(?column?) D(5) C(SELECT 1) Z(I)"
    );
    length
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_options_are_agreed_on() {
    let house = House::open(vec![crate::bed::open_policy()]).await;
    let version = |major: u32, minor: u32| major << 16 | minor;
    let unknown: &[(&str, &str)] = &[("_pq_.x", "1"), ("_pq_.yy", "")];
    let asks = r"R(\x00\x00\x00\x03)";
    for (asked, options, told, key) in [
        (version(3, 0), &[][..], asks, 4),
        (version(3, 2), &[], asks, 32),
        (
            version(3, 3),
            &[],
            r"v \x00\x03\x00\x02\x00\x00\x00\x00",
            32,
        ),
        (
            version(3, 9999),
            &[],
            r"v \x00\x03\x00\x02\x00\x00\x00\x00",
            32,
        ),
        (
            version(3, 0),
            unknown,
            r"v \x00\x03\x00\x00\x00\x00\x00\x02_pq_.x\x00_pq_.yy\x00",
            4,
        ),
        (
            version(3, 2),
            unknown,
            r"v \x00\x03\x00\x02\x00\x00\x00\x02_pq_.x\x00_pq_.yy\x00",
            32,
        ),
    ] {
        let (client, said) = started(&house, asked, options).await;
        assert_eq!(said, told, "{asked:#x}");
        assert_eq!(key_length(client, said).await, key, "{asked:#x}");
    }
    for (asked, number) in [(version(2, 0), "2.0"), (version(4, 0), "4.0")] {
        let (mut client, said) = started(&house, asked, &[]).await;
        let why = format!("unsupported frontend protocol {number}: server supports 3.0 to 3.2");
        assert_eq!(said, format!("E(0A000: {why})"));
        assert_eq!(client.next().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gss_is_answered_no_once_and_tls_may_follow() {
    let run = open_run();
    const GSS: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];
    let mut tls = Vec::new();
    write::ssl_request(&mut tls);
    let mut stream = TcpStream::connect(run.address()).await.unwrap();
    stream.write_all(&GSS).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'N');
    stream.write_all(&tls).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'S');
    let stream = handshake(&run, stream, &[]).await.unwrap();
    assert!(stream.get_ref().1.alpn_protocol().is_none());

    // Twice is once too often.
    let mut stream = TcpStream::connect(run.address()).await.unwrap();
    stream.write_all(&GSS).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'N');
    stream.write_all(&GSS).await.unwrap();
    assert!(stream.read_u8().await.is_err());
}

type Tls = tokio_rustls::client::TlsStream<TcpStream>;

async fn handshake(run: &Run, stream: TcpStream, alpn: &[&[u8]]) -> std::io::Result<Tls> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(run.folder.path().join("state/ca.crt")).unwrap();
    roots.add(ca).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// The first byte that comes after a start-up packet under TLS; none where nothing comes.
async fn answers(mut tls: Tls) -> Option<u8> {
    let mut packet = Vec::new();
    let parameters: [(&[u8], &[u8]); 1] = [(b"user", b"anybody")];
    write::startup(&mut packet, 3 << 16, parameters);
    tls.write_all(&packet).await.ok()?;
    tls.flush().await.ok()?;
    tls.read_u8().await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_tls_needs_the_name_of_the_protocol() {
    let run = open_run();
    let connect = || TcpStream::connect(run.address());
    let named: &[&[u8]] = &[b"postgresql"];
    let tls = handshake(&run, connect().await.unwrap(), named)
        .await
        .unwrap();
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"postgresql"[..]));
    assert_eq!(answers(tls).await, Some(b'R'));
    // Without a name the handshake may end well, and nothing is said under it.
    if let Ok(tls) = handshake(&run, connect().await.unwrap(), &[]).await {
        assert_eq!(answers(tls).await, None);
    }
    let other = handshake(&run, connect().await.unwrap(), &[b"h2"]).await;
    assert!(other.is_err(), "another protocol is no name of this one");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_below_1_2_is_refused() {
    let run = open_run();
    // Groups, point formats, signatures: all that TLS 1.2 asks for.
    const EXTENSIONS: &[u8] = &[
        0, 24, // their length
        0, 10, 0, 4, 0, 2, 0, 0x1d, // x25519
        0, 11, 0, 2, 1, 0, // uncompressed
        0, 13, 0, 6, 0, 4, 4, 3, 8, 4, // ECDSA and RSA-PSS, with SHA-256
    ];
    for (minor, expected) in [
        (0x00, &[2, 70][..]), // SSL 3: a fatal alert, of the version
        (0x01, &[2, 70]),
        (0x02, &[2, 70]),
        (0x03, &[2]), // ServerHello
    ] {
        // ClientHello: version, random, no session, two suites, no compression.
        let mut hello = vec![0x03, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
        hello.extend(EXTENSIONS);
        let length = u8::try_from(hello.len()).unwrap();
        let mut record = vec![0x16, 0x03, minor, 0, length + 4, 1, 0, 0, length];
        record.extend(hello);
        let mut request = Vec::new();
        write::ssl_request(&mut request);
        let mut stream = TcpStream::connect(run.address()).await.unwrap();
        stream.write_all(&request).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'S');
        stream.write_all(&record).await.unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.unwrap();
        let refused = expected.len() == 2;
        assert_eq!(head[0], if refused { 0x15 } else { 0x16 }, "{minor}");
        let mut body = vec![0; expected.len()];
        stream.read_exact(&mut body).await.unwrap();
        assert_eq!(body, expected, "{minor}");
    }
}

struct Callers {
    ca: String,
    /// PEM: a certificate for this name and its key, by a CA of that number.
    own: (String, String),
    strange: (String, String),
}

fn callers() -> Callers {
    let authority = || {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ca, other) = (authority(), authority());
    let leaf = |ca: &CertifiedIssuer<'_, KeyPair>| {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "batch-7");
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, ca).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    Callers {
        ca: ca.pem(),
        own: leaf(&ca),
        strange: leaf(&other),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_says_who_it_is() {
    let callers = callers();
    let ca = callers.ca.replace('\n', "\n    ");
    let rules = format!(
        "{}---\napiVersion: v1\nkind: ConfigMap\n\
         metadata: {{name: callers-ca, namespace: portcullis-system}}\ndata:\n  ca.crt: |\n    {ca}\n",
        run::policy("[]")
    );
    let with_mtls = |documents: String| {
        let mtls = "identity:\n    mtls: {caRef: {name: callers-ca}, usernamePrefix: \"cert:\"}";
        documents.replace("identity:", mtls)
    };
    let run = Run::start_changed(with_mtls, "carol", &rules);
    let told = |name: &str, (certificate, key): &(String, String), password: &str| {
        let file = |end: &str| run.folder.path().join(format!("{name}.{end}"));
        std::fs::write(file("crt"), certificate).unwrap();
        std::fs::write(file("key"), key).unwrap();
        let chmod = std::process::Command::new("chmod")
            .arg("0600")
            .arg(file("key"))
            .status();
        assert!(chmod.unwrap().success());
        let place = format!(
            "host=127.0.0.1 port={} dbname=postgres user=anybody sslmode=require sslcert={} sslkey={}",
            run.address().port(),
            file("crt").display(),
            file("key").display()
        );
        let mut command = std::process::Command::new("psql");
        command.args(["-XAtqw", "-d", &place, "-c", "SELECT 9"]);
        let output = command.env("PGPASSWORD", password).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).unwrap().trim().to_owned()
    };
    // No password at all is asked for.
    assert_eq!(told("own", &callers.own, "wrong"), "9");
    // One that nobody vouches for lets nobody in, also beside a good password.
    for password in ["", PASSWORD] {
        let error = told("strange", &callers.strange, password);
        assert!(!error.ends_with('9') && !error.is_empty(), "{error}");
    }
    let events = run.events().await.into_iter();
    let subjects = events.filter_map(|event| match event.body {
        Body::SessionStarted(started) => Some(started.subject),
        _ => None,
    });
    assert_eq!(subjects.collect::<Vec<_>>(), ["cert:batch-7"]);
}

async fn holding(table: &str) -> House {
    let terms = ApprovalTerms {
        required: 1,
        grant: Grant::OneShot,
        wait: Wait::Hold {
            hold_for: Duration::from_secs(300),
        },
        expires_after: Duration::from_secs(600),
    };
    let hold = rule("writes", &[Effect::Write], Action::RequireApproval(terms));
    let house = House::open(vec![policy("holds", DefaultAction::Allow, vec![hold])]).await;
    let text = format!("CREATE TABLE {table} AS SELECT 1 AS a");
    house.server.sql("postgres", &text);
    house
}

/// Sends a write that is held, and tells the name in the notice about it.
async fn held(client: &mut Client, text: &str) -> String {
    let mut out = Vec::new();
    write::query(&mut out, text.as_bytes());
    client.send(&out).await;
    let (tag, body) = client.next().await.unwrap();
    let told = wire::told(tag, &body);
    let name = told.strip_prefix("N(00000: the operation waits for approval: ");
    let name = name.unwrap_or_else(|| panic!("{told}"));
    name.trim_end_matches(')').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_withdraws_what_is_held_and_the_session_goes_on() {
    let house = holding("held_cancel").await;
    let mut client = Client::log_in(house.address).await;
    let name = held(&mut client, "DELETE FROM held_cancel").await;
    assert_eq!(house.bed.approvals.standing(&name), Standing::Pending);
    let (pid, key) = client.key.clone().unwrap();
    for (key, standing) in [(vec![0; 4], Standing::Pending), (key, Standing::Withdrawn)] {
        let mut packet = Vec::new();
        write::cancel(&mut packet, pid, &key);
        let mut aside = Client::connect(house.address).await;
        aside.send(&packet).await;
        assert_eq!(aside.next().await, None);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(house.bed.approvals.standing(&name), standing);
    }
    let script = ["= 1", "Q SELECT count(*) FROM held_cancel", "= 1"];
    let error = format!("E(57014: the operation was cancelled, and {name} withdrawn)");
    let expected = format!("{error} Z(I) T(count) D(1) C(SELECT 1) Z(I)");
    assert_eq!(client.line(&script).await, expected);
}

// One thread: its time is put forward while nothing is under way.
#[tokio::test]
async fn whoever_waits_hears_so_every_half_minute() {
    let house = holding("held_long").await;
    let mut client = Client::log_in(house.address).await;
    let name = held(&mut client, "DELETE FROM held_long").await;
    for _ in 0..3 {
        assert!(!is_told(&mut client).await, "before its time");
        skip(Duration::from_secs(28)).await;
        assert!(!is_told(&mut client).await, "before its time");
        skip(Duration::from_secs(2)).await;
        let (tag, body) = client.next().await.unwrap();
        let expected = format!("N(00000: the operation still waits for approval: {name})");
        assert_eq!(wire::told(tag, &body), expected);
    }
    house.bed.approvals.approve(&name);
    assert_eq!(client.line(&["= 1"]).await, "C(DELETE 1) Z(I)");
}

async fn skip(time: Duration) {
    // Whatever was asked for must wait for this time, not for the next.
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

async fn is_told(client: &mut Client) -> bool {
    let soon = Duration::from_millis(200);
    tokio::time::timeout(soon, client.next()).await.is_ok()
}

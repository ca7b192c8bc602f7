#![allow(clippy::disallowed_methods, reason = "certificates are made for now")]

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::tls::ServerCertificate;
use super::tls::generated::{Generated, NotGenerated};
use super::{Accepted, CurrentTls, Listener};
use crate::io::{ALPN_POSTGRESQL, ReadBuffer, Refused, Stream, within};
use crate::shutdown::Shutdown;

const DAY: Duration = Duration::from_secs(86_400);

struct Ca {
    key: rcgen::KeyPair,
    params: rcgen::CertificateParams,
    der: CertificateDer<'static>,
}

impl Ca {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { key, params, der }
    }

    fn client(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["agent.example".to_owned()]).unwrap();
        let issuer = rcgen::Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], key)
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        Arc::new(roots)
    }
}

fn client_config(
    generated: &Generated,
    versions: &[&'static SupportedProtocolVersion],
    certificate: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    protocols: &[&[u8]],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let pem = fs::read_to_string(generated.ca_path()).unwrap();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match certificate {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

/// Both ends of TLS over a real socket: what the server says of it, and what the client reads.
async fn talk(
    server: Arc<rustls::ServerConfig>,
    client: Arc<ClientConfig>,
    name: &str,
) -> (Result<Stream, Refused>, io::Result<String>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let clients = async {
        let tcp = Stream::plain(TcpStream::connect(address).await.unwrap());
        let mut stream = match tcp.connect_tls([], name, client).await {
            Ok(stream) => stream,
            Err(refused) => return Err(io::Error::other(refused)),
        };
        stream.send(b"ping").await?;
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).await?;
        Ok(String::from_utf8_lossy(&heard).into_owned())
    };
    let servers = async {
        let (tcp, _) = listener.tcp.accept().await.unwrap();
        let mut stream = Stream::plain(tcp).start_tls([], server).await?;
        let mut heard = [0; 4];
        stream
            .read_exact(&mut heard)
            .await
            .map_err(Refused::Handshake)?;
        stream.send(b"pong").await.map_err(Refused::Handshake)?;
        Ok(stream)
    };
    tokio::join!(servers, clients)
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken_under_each_of_the_servers_names() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["db.example".to_owned(), "0.0.0.0".to_owned()];
    let generated = Generated::new(folder.path(), names);
    let certificate = generated.server(SystemTime::now()).unwrap();
    let server = certificate.server_config(None, &[ALPN_POSTGRESQL]).unwrap();
    for (version, expected) in [
        (&TLS12, rustls::ProtocolVersion::TLSv1_2),
        (&TLS13, rustls::ProtocolVersion::TLSv1_3),
    ] {
        for name in ["localhost", "127.0.0.1", "::1", "db.example"] {
            let client = client_config(&generated, &[version], None, &[]);
            let (stream, heard) = talk(Arc::clone(&server), client, name).await;
            assert_eq!(heard.unwrap(), "pong", "{name}");
            let stream = stream.unwrap();
            assert_eq!(stream.tls_version(), Some(expected));
            assert_eq!(stream.alpn(), None);
            assert!(stream.peer_certificates().is_empty());
        }
    }
    let client = client_config(&generated, &[&TLS13], None, &[]);
    let (_, heard) = talk(server, client, "other.example").await;
    assert!(heard.is_err());
}

#[tokio::test]
async fn a_client_certificate_is_asked_for_and_not_demanded() {
    let folder = tempfile::tempdir().unwrap();
    let generated = Generated::new(folder.path(), []);
    let certificate = generated.server(SystemTime::now()).unwrap();
    let (ca, other) = (Ca::new(), Ca::new());
    let server = certificate.server_config(Some(ca.roots()), &[]).unwrap();
    for version in [&TLS12, &TLS13] {
        let shown = ca.client();
        let leaf = shown.0.clone();
        let client = client_config(&generated, &[version], Some(shown), &[]);
        let (stream, heard) = talk(Arc::clone(&server), client, "localhost").await;
        assert_eq!(heard.unwrap(), "pong");
        assert_eq!(stream.unwrap().peer_certificates(), leaf);

        let client = client_config(&generated, &[version], None, &[]);
        let (stream, heard) = talk(Arc::clone(&server), client, "localhost").await;
        assert_eq!(heard.unwrap(), "pong");
        assert!(stream.unwrap().peer_certificates().is_empty());

        let client = client_config(&generated, &[version], Some(other.client()), &[]);
        let (stream, _) = talk(Arc::clone(&server), client, "localhost").await;
        assert!(matches!(stream, Err(Refused::Handshake(_))));
    }
}

#[tokio::test]
async fn direct_tls_wants_the_protocols_name() {
    let folder = tempfile::tempdir().unwrap();
    let generated = Generated::new(folder.path(), []);
    let certificate = generated.server(SystemTime::now()).unwrap();
    let server = certificate.server_config(None, &[ALPN_POSTGRESQL]).unwrap();
    for (offered, accepted) in [
        (&[ALPN_POSTGRESQL][..], true),
        (&[], false),
        (&[b"h2"], false),
    ] {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let client = client_config(&generated, &[&TLS13], None, offered);
        let name = ServerName::try_from("localhost").unwrap();
        let clients = async {
            let tcp = Stream::plain(TcpStream::connect(address).await.unwrap());
            tcp.connect_tls([], name, client).await
        };
        let servers = async {
            let (tcp, _) = listener.tcp.accept().await.unwrap();
            Stream::plain(tcp).direct_tls(Arc::clone(&server)).await
        };
        let (stream, _kept) = tokio::join!(servers, clients);
        assert_eq!(stream.is_ok(), accepted, "{offered:?}");
    }
}

#[tokio::test]
async fn one_byte_before_tls_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Generated::new(folder.path(), [])
        .server(SystemTime::now())
        .unwrap();
    let config = certificate.server_config(None, &[]).unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (ours, _) = listener.tcp.accept().await.unwrap();
    let mut stream = Stream::plain(ours);
    let mut buffer = ReadBuffer::new(1024);
    peer.write_all(b"SSLREQ??x").await.unwrap();
    buffer.fill(&mut stream, 0).await.unwrap();
    buffer.skip(8);
    let refused = stream.start_tls(&buffer, config).await.unwrap_err();
    assert!(matches!(refused, Refused::Injected(1)), "{refused}");
    let mut said = Vec::new();
    peer.read_to_end(&mut said).await.unwrap();
    assert!(said.is_empty());
}

#[tokio::test]
async fn tls_does_not_start_twice() {
    let folder = tempfile::tempdir().unwrap();
    let generated = Generated::new(folder.path(), []);
    let certificate = generated.server(SystemTime::now()).unwrap();
    let server = certificate.server_config(None, &[]).unwrap();
    let client = client_config(&generated, &[&TLS13], None, &[]);
    let (stream, _) = talk(Arc::clone(&server), client, "localhost").await;
    let again = stream.unwrap().start_tls([], server).await;
    assert!(matches!(again, Err(Refused::Twice)));
}

#[test]
fn a_generated_certificate_stays_until_its_end_is_near_or_a_name_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let generated = Generated::new(folder.path(), []);
    let first = generated.server(now).unwrap().chain().to_vec();
    let ca = fs::read_to_string(generated.ca_path()).unwrap();
    assert_eq!(generated.server(now + DAY * 59).unwrap().chain(), first);
    let renewed = generated.server(now + DAY * 61).unwrap();
    assert_ne!(renewed.chain(), first);
    let named = Generated::new(folder.path(), ["db.example".to_owned()]);
    assert_ne!(
        named.server(now + DAY * 61).unwrap().chain(),
        renewed.chain()
    );
    assert_eq!(fs::read_to_string(generated.ca_path()).unwrap(), ca);
    fs::remove_file(generated.ca_path()).unwrap();
    generated.server(now).unwrap();
    assert_eq!(
        CertificateDer::from_pem_slice(ca.as_bytes()).unwrap(),
        CertificateDer::from_pem_file(generated.ca_path()).unwrap()
    );
    for (file, mode) in [("ca.pem", 0o600), ("server.pem", 0o600), ("ca.crt", 0o644)] {
        let meta = fs::metadata(folder.path().join(file)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, mode, "{file}");
    }
}

#[test]
fn a_broken_ca_is_named_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let generated = Generated::new(folder.path(), []);
    let now = SystemTime::now();
    generated.server(now).unwrap();
    let path = folder.path().join("ca.pem");
    let whole = fs::read_to_string(&path).unwrap();
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let (_, certificate) = whole.split_once("-----END PRIVATE KEY-----\n").unwrap();
    for broken in [
        String::new(),
        certificate.to_owned(),
        format!("{other}{certificate}"),
    ] {
        fs::write(&path, &broken).unwrap();
        let refused = generated.server(now).unwrap_err();
        assert!(matches!(refused, NotGenerated::Broken { .. }), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), broken);
    }
    fs::write(&path, whole).unwrap();
    fs::write(folder.path().join("server.pem"), "nothing").unwrap();
    generated.server(now).unwrap();
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused() {
    let pem = |names: &str| {
        let made = rcgen::generate_simple_self_signed(vec![names.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    };
    let (one, other) = (pem("a.example"), pem("b.example"));
    let mixed = ServerCertificate::from_pem(one.0.as_bytes(), other.1.as_bytes()).unwrap();
    assert!(mixed.server_config(None, &[]).is_err());
    assert!(ServerCertificate::from_pem(b"", one.1.as_bytes()).is_err());
    assert!(ServerCertificate::from_pem(one.0.as_bytes(), b"").is_err());
}

/// A listener whose clients are handed to the test.
fn listening(max_logins: usize) -> (std::net::SocketAddr, mpsc::Receiver<Accepted>, Shutdown) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap())
        .unwrap()
        .with_max_logins(max_logins);
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel(16);
    let shutdown = Shutdown::default();
    let run = listener.run(None, shutdown.clone(), move |mut client| {
        let tell = tell.clone();
        async move {
            // Kept here, as by a protocol: whoever is dropped hears the end of the stream.
            let mut byte = [0];
            while client.stream.read_exact(&mut byte).await.is_ok() {
                if byte == *b"!" {
                    let uncounted = super::LoginSlot::uncounted(Duration::ZERO);
                    std::mem::replace(&mut client.login, uncounted).free();
                }
                let _ = client.stream.write_all(&byte).await;
            }
            let _ = tell.send(client).await;
        }
    });
    tokio::spawn(run);
    (address, told, shutdown)
}

async fn echo(stream: &mut TcpStream, byte: u8) -> bool {
    let mut heard = [0];
    stream.write_all(&[byte]).await.is_ok()
        && stream.read_exact(&mut heard).await.is_ok()
        && heard == [byte]
}

#[tokio::test]
async fn a_silent_crowd_keeps_nobody_out_and_who_has_logged_in_stays() {
    let (address, _told, _) = listening(4);
    let mut first = TcpStream::connect(address).await.unwrap();
    assert!(echo(&mut first, b'!').await);
    let mut silent = Vec::new();
    for _ in 0..4 {
        let mut one = TcpStream::connect(address).await.unwrap();
        assert!(echo(&mut one, b'.').await);
        silent.push(one);
    }
    let mut next = TcpStream::connect(address).await.unwrap();
    assert!(echo(&mut next, b'.').await);
    assert!(
        !echo(&mut silent[0], b'.').await,
        "the longest waiting gave way"
    );
    assert!(echo(&mut silent[1], b'.').await);
    assert!(echo(&mut first, b'.').await);
}

#[tokio::test]
async fn a_client_is_told_where_it_comes_from_and_the_drain_ends_accepting() {
    let (address, mut told, shutdown) = listening(4);
    let client = TcpStream::connect(address).await.unwrap();
    let own = client.local_addr().unwrap();
    drop(client);
    let accepted = told.recv().await.unwrap();
    assert_eq!(accepted.peer, own);
    assert!(accepted.plaintext_allowed);
    assert!(accepted.tls.is_none());
    let mut open = TcpStream::connect(address).await.unwrap();
    assert!(echo(&mut open, b'!').await);
    let left = shutdown.run(Duration::from_millis(50));
    let (left, _) = tokio::join!(left, async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(echo(&mut open, b'.').await, "an open session goes on");
        drop(open);
    });
    assert_eq!(left, 0);
}

#[tokio::test]
async fn new_certificates_hold_from_the_next_client_on() {
    let folder = tempfile::tempdir().unwrap();
    let generated = Generated::new(folder.path(), []);
    let config = || {
        let certificate = generated.server(SystemTime::now()).unwrap();
        certificate.server_config(None, &[]).unwrap()
    };
    let (one, two) = (config(), config());
    let current = CurrentTls::new(Arc::clone(&one));
    assert!(Arc::ptr_eq(&current.load(), &one));
    current.clone().store(Arc::clone(&two));
    assert!(Arc::ptr_eq(&current.load(), &two));
}

#[tokio::test]
async fn what_tls_has_decrypted_already_is_read_without_a_new_packet() {
    let folder = tempfile::tempdir().unwrap();
    let generated = Generated::new(folder.path(), []);
    let certificate = generated.server(SystemTime::now()).unwrap();
    let server = certificate.server_config(None, &[]).unwrap();
    let client = client_config(&generated, &[&TLS13], None, &[]);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let sent: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let clients = async {
        let tcp = Stream::plain(TcpStream::connect(address).await.unwrap());
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = tcp.connect_tls([], name, client).await.unwrap();
        let (mut buffer, mut heard) = (ReadBuffer::new(1000), Vec::new());
        while buffer.fill(&mut stream, 0).await.unwrap() > 0 {
            heard.extend_from_slice(&buffer);
            buffer.skip(usize::MAX);
            buffer.release();
        }
        heard
    };
    let servers = async {
        let (tcp, _) = listener.tcp.accept().await.unwrap();
        let mut stream = Stream::plain(tcp).start_tls([], server).await.unwrap();
        stream.send(&sent).await.unwrap();
        // Gone without TLS's goodbye, as many peers are.
        drop(stream);
    };
    let both = async { tokio::join!(servers, clients) };
    let ((), heard) = within(Duration::from_secs(20), both).await.unwrap();
    assert_eq!(heard, sent);
}

#[tokio::test]
async fn who_does_not_end_in_the_grace_is_cut() {
    let shutdown = Shutdown::default();
    let (cut, drain) = (shutdown.cut.clone(), shutdown.drain.clone());
    shutdown.sessions.spawn(async move {
        drain.cancelled().await;
        cut.cancelled().await;
    });
    assert_eq!(shutdown.run(Duration::from_millis(20)).await, 0);
    shutdown.sessions.spawn(std::future::pending::<()>());
    assert_eq!(shutdown.run(Duration::from_millis(20)).await, 1);
}

#[test]
fn accepting_goes_on_once_there_are_file_descriptors_again() {
    let own = std::env::current_exe().unwrap();
    let limited = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --ignored --exact \"$1\""])
        .arg(own)
        .arg("listen::tests::few_file_descriptors")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&limited.stdout);
    assert!(limited.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "the test above runs it in a process with few file descriptors"]
async fn few_file_descriptors() {
    let (address, _told, _) = listening(4);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    let mut taken = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        taken.push(file);
    }
    assert!(!taken.is_empty() && taken.len() < 40);
    let mut client = socket.connect(address).await.unwrap();
    let waiting = within(Duration::from_millis(100), echo(&mut client, b'.')).await;
    assert!(waiting.is_err(), "nobody can be accepted");
    drop(taken);
    let mut heard = [0];
    let served = within(Duration::from_secs(3), client.read_exact(&mut heard)).await;
    assert_eq!(served.unwrap().unwrap(), 1);
}

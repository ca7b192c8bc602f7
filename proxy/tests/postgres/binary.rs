//! The real binary before a real server: TLS, cancel, drain.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_dialect::postgres::wire::write;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::house::PASSWORD;
use crate::run::free_port;
use crate::server::Server;
use crate::wire::{Client, until_active};

/// What anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Run {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

fn documents(port: u16, upstream: u16) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, PASSWORD.as_bytes());
    let digest: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        r#"
apiVersion: v1
kind: Secret
metadata: {{name: db, namespace: shop}}
stringData: {{serves: "db@127.0.0.1:{upstream}", username: trusted, password: ""}}
---
apiVersion: portcullis.dev/v1alpha1
kind: ConnectionClass
metadata: {{name: default}}
spec:
  identity:
    apiKeys: [{{username: agent, owner: carol, sha256: {digest}}}]
---
apiVersion: portcullis.dev/v1alpha1
kind: Connection
metadata: {{name: db, namespace: shop}}
spec:
  protocol: PostgreSQL
  port: {port}
  upstream: {{host: 127.0.0.1, port: {upstream}, database: postgres, tls: {{mode: Disable}}}}
  credentials: {{secretRef: {{name: db}}}}
  access: {{subjects: [{{kind: User, name: agent}}]}}
---
apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata: {{name: open, namespace: shop}}
spec: {{targetRefs: [{{name: db}}], default: Allow}}
"#
    )
}

// === impl Run ===

impl Run {
    fn start(server: &Server) -> Self {
        Self::start_at(server, [127, 0, 0, 1], free_port(), &[])
    }

    fn start_at(server: &Server, bind: [u8; 4], port: u16, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        std::fs::create_dir(&config).unwrap();
        std::fs::write(config.join("a.yaml"), documents(port, server.port)).unwrap();
        let address = SocketAddr::from((bind, port));
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis-proxy"))
            .arg("standalone")
            .args(["--bind", &address.ip().to_string()])
            .args(["--admin", &format!("127.0.0.1:{}", free_port())])
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(folder.path().join("state"))
            .args(more)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < PATIENCE, "the proxy does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            child,
            address,
            folder,
        }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("state/ca.crt")
    }

    fn psql(&self, settings: &str, statement: &str) -> Command {
        let mut command = Command::new("psql");
        let place = format!(
            "host=127.0.0.1 port={} dbname=postgres user=anybody",
            self.address.port()
        );
        command
            .args([
                "-X",
                "-A",
                "-t",
                "-q",
                "-d",
                &format!("{place} {settings}"),
                "-c",
                statement,
            ])
            .env("PGPASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    async fn stopped(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "the proxy does not stop");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let told = Command::new("kill").args([name, &pid]).status().unwrap();
    assert!(told.success());
}

fn server() -> Arc<Server> {
    crate::server::shared()
}

pub(crate) async fn cancel(address: SocketAddr, pid: u32, key: &[u8]) {
    let mut client = Client::connect(address).await;
    let mut packet = Vec::new();
    write::cancel(&mut packet, pid, key);
    client.send(&packet).await;
    assert_eq!(client.next().await, None, "a cancel request has no answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_starts_by_request_and_the_generated_ca_vouches_for_it() {
    let server = server();
    let run = Run::start(&server);
    let full = format!("sslmode=verify-full sslrootcert={}", run.ca().display());
    for settings in ["sslmode=disable", "sslmode=require", &full] {
        let output = run.psql(settings, "SELECT 6 * 7").output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.stdout, b"42\n", "{settings}: {words}");
    }
    let wrong = "sslmode=verify-full sslrootcert=/dev/null";
    assert!(
        !run.psql(wrong, "SELECT 1")
            .output()
            .unwrap()
            .status
            .success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_behind_a_request_for_tls_close_the_connection() {
    let server = server();
    let run = Run::start(&server);
    let mut request = Vec::new();
    write::ssl_request(&mut request);
    let mut client = Client::connect(run.address).await;
    client.stream.write_all(&request).await.unwrap();
    assert_eq!(client.stream.read_u8().await.unwrap(), b'S');
    let parameters: [(&[u8], &[u8]); 1] = [(b"user", b"trusted")];
    write::startup(&mut request, 3 << 16, parameters);
    let mut client = Client::connect(run.address).await;
    client.stream.write_all(&request).await.unwrap();
    assert!(
        client.stream.read_u8().await.is_err(),
        "nothing is answered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_of_psql_cancels_its_statement() {
    let server = server();
    let run = Run::start(&server);
    for settings in ["sslmode=disable", "sslmode=require"] {
        let statement = "SELECT pg_sleep(25) AS interrupted";
        let child = run.psql(settings, statement).spawn().unwrap();
        until_active(server.port, "interrupted", true).await;
        signal(&child, "-INT");
        let begun = Instant::now();
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            words.contains("canceling statement due to user request"),
            "{words}"
        );
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_needs_the_key_and_finds_its_replica() {
    let server = server();
    let port = free_port();
    let (one, two) = (format!("127.0.0.1:{port}"), format!("127.0.0.2:{port}"));
    let first = Run::start_at(
        &server,
        [127, 0, 0, 1],
        port,
        &["--replica", "1", "--peer", &two],
    );
    let second = Run::start_at(
        &server,
        [127, 0, 0, 2],
        port,
        &["--replica", "2", "--peer", &one],
    );
    for through in [first.address, second.address] {
        let mut client = Client::log_in(first.address).await;
        let (pid, key) = client.key.clone().unwrap();
        assert_eq!(pid >> 16, 1);
        let mut wrong = key.clone();
        wrong[0] ^= 1;
        let running = tokio::spawn(async move {
            let script = [
                "Q SELECT pg_sleep(25) AS cut_here",
                "= 1",
                "Q SELECT 1",
                "= 1",
            ];
            client.line(&script).await
        });
        until_active(server.port, "cut_here", true).await;
        cancel(through, pid, &wrong).await;
        cancel(through, pid ^ 1, &key).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        until_active(server.port, "cut_here", true).await;
        cancel(through, pid, &key).await;
        let canceled = "E(57014: canceling statement due to user request)";
        let expected = format!("T(cut_here) {canceled} Z(I) T(?column?) D(1) C(SELECT 1) Z(I)");
        assert_eq!(running.await.unwrap(), expected, "{through}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_lets_what_runs_finish_and_tells_the_idle() {
    let server = server();
    let mut run = Run::start(&server);
    let mut idle = Client::log_in(run.address).await;
    let mut busy = Client::log_in(run.address).await;
    let running =
        tokio::spawn(async move { busy.line(&["Q SELECT pg_sleep(2) AS drained", "= 2"]).await });
    until_active(server.port, "drained", true).await;
    signal(&run.child, "-TERM");
    let farewell = "E(57P01: terminating connection due to administrator command) closed";
    assert_eq!(idle.line(&["."]).await, farewell);
    let told = running.await.unwrap();
    assert_eq!(told, format!("T(drained) D C(SELECT 1) Z(I) {farewell}"));
    assert_eq!(run.stopped().await, Some(0));
}

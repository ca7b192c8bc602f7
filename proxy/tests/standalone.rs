//! The real binary on a real directory: exit codes, reload, the admin port, the drain.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, reads its own files, and waits for another process"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

struct Run {
    child: Child,
    admin: u16,
    folder: tempfile::TempDir,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn proxy(config: &Path, state: &Path, admin: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis-proxy"));
    command.arg("standalone").arg("--config").arg(config);
    command.arg("--state").arg(state);
    command.arg("--admin").arg(format!("127.0.0.1:{admin}"));
    command
}

fn documents(name: &str, port: u16) -> String {
    format!(
        r#"
apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: shop}}
stringData: {{serves: "{name}@127.0.0.1:1", username: app, password: hunter2}}
---
apiVersion: portcullis.dev/v1alpha1
kind: Connection
metadata: {{name: {name}, namespace: shop}}
spec:
  protocol: PostgreSQL
  port: {port}
  upstream: {{host: 127.0.0.1, port: 1, database: orders, tls: {{mode: Disable}}}}
  credentials: {{secretRef: {{name: {name}}}}}
"#
    )
}

fn write(path: &Path, content: &str) {
    let next = path.with_extension("next");
    fs::write(&next, content).unwrap();
    fs::rename(next, path).unwrap();
}

fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long: {what}");
        sleep(Duration::from_millis(5));
    }
}

impl Run {
    fn start(content: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (config, admin) = (folder.path().join("config"), free_port());
        fs::create_dir(&config).unwrap();
        write(&config.join("a.yaml"), content);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = proxy(&config, &folder.path().join("state"), admin);
        let child = command.stderr(log).spawn().unwrap();
        let run = Self {
            child,
            admin,
            folder,
        };
        until("ready", || (run.get("/readyz")?.0 == 200).then_some(()));
        run
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config/a.yaml")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn get(&self, path: &str) -> Option<(u16, String)> {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        ))
    }

    fn send(&self, request: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer))
    }

    fn status(&self) -> Value {
        let (status, answer) = self.get("/status").unwrap();
        assert_eq!(status, 200);
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn stop(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").arg("-TERM").arg(pid).status().unwrap();
        assert!(told.success());
        until("stopped", || self.child.try_wait().unwrap())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connects(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[test]
fn a_broken_directory_exits_with_two_and_names_every_error() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::create_dir(&config).unwrap();
    let broken = documents("orders-db", 5432).replace("PostgreSQL", "Gopher");
    fs::write(config.join("one.yaml"), broken).unwrap();
    fs::write(
        config.join("two.yaml"),
        "apiVersion: v1\nkind: Secret\nmetadata: {}\n",
    )
    .unwrap();
    let state = folder.path().join("state");
    let out = proxy(&config, &state, free_port()).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    let said = String::from_utf8(out.stderr).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("one.yaml: document 2: spec.protocol: "),
        "{said}"
    );
    assert!(
        lines[1].starts_with("two.yaml: document 1: metadata.name: "),
        "{said}"
    );
    assert!(!said.contains("hunter2"));
    assert!(!state.exists(), "nothing is left behind");
}

#[test]
fn bad_flags_and_a_missing_directory_exit_with_two_and_help_with_none() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let out = proxy(&gone, &folder.path().join("state"), free_port())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(2));
    let mut bare = Command::new(env!("CARGO_BIN_EXE_portcullis-proxy"));
    let out = bare
        .arg("standalone")
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(out.code(), Some(2));
    let mut help = Command::new(env!("CARGO_BIN_EXE_portcullis-proxy"));
    let out = help.arg("--help").stdout(Stdio::null()).status().unwrap();
    assert_eq!(out.code(), Some(0));
}

#[test]
fn a_run_serves_and_stops_cleanly() {
    let port = free_port();
    let mut run = Run::start(&documents("orders-db", port));
    assert!(connects(port));
    let status = run.status();
    assert!(status["revision"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(
        status["connections"],
        json!([{
            "namespace": "shop", "name": "orders-db", "protocol": "PostgreSQL",
            "port": port, "sessions": 0,
        }])
    );
    assert_eq!(status["refused"], json!([]));
    assert!(status["spool"]["bytes"].as_u64().unwrap() > 0);
    assert!(status["spool"]["unsent"].is_u64());
    assert_eq!(run.get("/healthz").unwrap().0, 200);
    let (code, metrics) = run.get("/metrics").unwrap();
    assert!(code == 200 && metrics.contains("portcullis_spool_bytes "));
    assert!(run.log().contains("nobody gets in"), "{}", run.log());
    assert_eq!(run.stop().code(), Some(0));
    assert!(!run.folder.path().join("state/control.sock").exists());
    assert!(!run.log().contains("hunter2"));
}

#[test]
fn all_but_probes_asks_for_a_bearer() {
    let run = Run::start(&documents("orders-db", free_port()));
    for path in ["/sessions", "/", "/nothing"] {
        let (code, answer) = run.get(path).unwrap();
        assert_eq!(code, 401, "{path}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    let forged = "GET /sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x.y.z\r\nConnection: close\r\n\r\n";
    assert_eq!(run.send(forged).unwrap().0, 401);
    let post = "POST /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(run.send(post).unwrap().0, 405);
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(64 * 1024));
    assert!(
        run.send(&long)
            .is_none_or(|(code, _)| code == 431 || code == 414)
    );
}

#[test]
fn edits_are_taken_over_whole_or_refused_whole() {
    let (one, two) = (free_port(), free_port());
    let run = Run::start(&documents("orders-db", one));
    let first = run.status()["revision"].clone();

    let begun = Instant::now();
    let both = format!(
        "{}---{}",
        documents("orders-db", one),
        documents("more-db", two)
    );
    write(&run.config(), &both);
    until("served", || connects(two).then_some(()));
    println!("an edit was in force after {:?}", begun.elapsed());
    assert!(connects(one));
    // Its ports are open a moment before it is told.
    until("told", || (run.status()["revision"] != first).then_some(()));

    let revision = run.status()["revision"].clone();
    write(
        &run.config(),
        &both.replace("name: more-db, namespace", "name: More, namespace"),
    );
    let refused = until("refused", || {
        let refused = run.status()["refused"].clone();
        (refused != json!([])).then_some(refused)
    });
    assert_eq!(refused[0]["file"], json!("a.yaml"));
    assert_eq!(refused[0]["field"], json!("metadata.name"));
    assert!(refused[0]["document"].is_u64() && refused[0]["reason"].is_string());
    assert_eq!(run.status()["revision"], revision);
    assert!(connects(one) && connects(two));
    assert!(
        run.log().contains("a.yaml: document 3: metadata.name: "),
        "{}",
        run.log()
    );

    write(&run.config(), &documents("more-db", two));
    until("removed", || (!connects(one)).then_some(()));
    assert!(connects(two));
    assert_eq!(run.status()["refused"], json!([]));

    let three = free_port();
    write(&run.config(), &documents("more-db", three));
    until("moved", || {
        (connects(three) && !connects(two)).then_some(())
    });

    let (_, metrics) = run.get("/metrics").unwrap();
    assert!(
        metrics.contains("portcullis_reloads_total{result=\"applied\"} 3"),
        "{metrics}"
    );
    assert!(
        metrics.contains("portcullis_reloads_total{result=\"refused\"} 1"),
        "{metrics}"
    );
}

#[test]
fn a_port_that_is_taken_refuses_the_edit() {
    let (port, holder) = (free_port(), TcpListener::bind("127.0.0.1:0").unwrap());
    let taken = holder.local_addr().unwrap().port();
    let run = Run::start(&documents("orders-db", port));
    let both = format!(
        "{}---{}",
        documents("orders-db", port),
        documents("more-db", taken)
    );
    write(&run.config(), &both);
    let refused = until("refused", || {
        let refused = run.status()["refused"].clone();
        (refused != json!([])).then_some(refused)
    });
    assert_eq!(refused[0]["field"], json!("spec.port"));
    assert_eq!(run.status()["connections"].as_array().unwrap().len(), 1);
    assert!(connects(port));
}

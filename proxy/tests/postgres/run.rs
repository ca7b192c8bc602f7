//! The real binary before a real server: a directory of YAML, its socket, its record.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use portcullis_recording::checkpoint::{Head, SigningKey};
use portcullis_recording::event::{Body, Event};
use portcullis_recording::reader::{Keyring, Payload, Query, Recordings};
use portcullis_recording::store::Store;
use portcullis_recording::verify::{Report, Trust, verify};
use serde_json::{Value, json};

use crate::house::{PASSWORD, sha256};
use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Run {
    pub(crate) server: Arc<Server>,
    child: Child,
    port: u16,
    admin: u16,
    flags: Vec<String>,
    pub(crate) folder: tempfile::TempDir,
}

/// The class and the Connection; `owner` answers for the key, and this user decides as `dave`.
fn connection(server: u16, port: u16, key: &str, (owner, admins): (&str, &str)) -> String {
    let uid = Command::new("id").arg("-u").output().unwrap().stdout;
    let uid = String::from_utf8(uid).unwrap();
    let hash: String = sha256(key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        r#"
apiVersion: portcullis.dev/v1alpha1
kind: ConnectionClass
metadata: {{name: default}}
spec:
  identity:
    apiKeys: [{{username: agent, owner: {owner}, sha256: "{hash}"}}]
    osUsers: [{{uid: {}, username: dave, groups: [{admins}]}}]
  admin: {{groups: [caretakers]}}
---
apiVersion: v1
kind: Secret
metadata: {{name: orders, namespace: shop}}
stringData: {{serves: "orders@127.0.0.1:{server}", username: trusted}}
---
apiVersion: portcullis.dev/v1alpha1
kind: Connection
metadata: {{name: orders, namespace: shop}}
spec:
  protocol: PostgreSQL
  port: {port}
  upstream: {{host: 127.0.0.1, port: {server}, database: postgres, tls: {{mode: Disable}}}}
  credentials: {{secretRef: {{name: orders}}}}
  access: {{subjects: [{{kind: User, name: "*"}}]}}
"#,
        uid.trim()
    )
}

/// A policy that allows all but what `rules` say, as a YAML list in one line.
pub(crate) fn policy(rules: &str) -> String {
    format!(
        r"
apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata: {{name: rules, namespace: shop}}
spec:
  targetRefs: [{{name: orders}}]
  default: Allow
  rules: {rules}
"
    )
}

/// Below the ports that the system gives out by itself, so that nobody gets it meanwhile: neither
/// another test's client or listener, nor the same one twice.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let place = std::process::id().wrapping_mul(97).wrapping_add(turn) % 20_000;
        let port = u16::try_from(10_000 + place).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Run {
    pub(crate) fn start(owner: &str, policy: &str) -> Self {
        Self::begin(|documents| documents, owner, policy, &[])
    }

    /// On another database of the server.
    pub(crate) fn start_on(database: &str, owner: &str, policy: &str) -> Self {
        let database = format!("database: {database}");
        let change = |documents: String| documents.replace("database: postgres", &database);
        Self::start_changed(change, owner, policy)
    }

    /// With a Connection or a class that are not as they mostly are.
    pub(crate) fn start_changed(
        change: impl FnOnce(String) -> String,
        owner: &str,
        policy: &str,
    ) -> Self {
        Self::begin(change, owner, policy, &[])
    }

    /// With more flags; `STATE` in one stands for the state directory's parent.
    pub(crate) fn start_with(owner: &str, policy: &str, flags: &[&str]) -> Self {
        Self::begin(|documents| documents, owner, policy, flags)
    }

    fn begin(
        change: impl FnOnce(String) -> String,
        owner: &str,
        policy: &str,
        flags: &[&str],
    ) -> Self {
        let server = crate::server::shared();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("config")).unwrap();
        let (port, admin) = (free_port(), free_port());
        let documents = connection(server.port, port, PASSWORD, (owner, "caretakers"));
        let documents = change(documents);
        let parent = folder.path().to_str().unwrap().to_owned();
        let flags = flags.iter().map(|flag| flag.replace("STATE", &parent));
        let flags: Vec<String> = flags.collect();
        let config = folder.path().join("config");
        fs::write(config.join("connection.yaml"), documents).unwrap();
        fs::write(config.join("policy.yaml"), policy).unwrap();
        let child = Self::spawn(folder.path(), admin, &flags);
        let run = Self {
            server,
            child,
            port,
            admin,
            flags,
            folder,
        };
        run.ready();
        run
    }

    fn spawn(folder: &std::path::Path, admin: u16, flags: &[String]) -> Child {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .unwrap();
        Command::new(env!("CARGO_BIN_EXE_portcullis-proxy"))
            .args(["standalone", "--config"])
            .arg(folder.join("config"))
            .arg("--state")
            .arg(folder.join("state"))
            .args(["--admin", &format!("127.0.0.1:{admin}")])
            .args(flags)
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Waits until all of it serves: the port alone is there earlier than its certificate.
    fn ready(&self) {
        let begun = Instant::now();
        while !self
            .answer("/readyz")
            .is_some_and(|it| it.contains(" 200 "))
        {
            assert!(begun.elapsed() < PATIENCE, "{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the admin port answers, with its head.
    fn answer(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).ok()?;
        let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Resident memory, in KiB.
    pub(crate) fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let mut lines = status.lines();
        let line = lines.find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Replaces the policy as an editor does.
    pub(crate) fn edit(&self, policy: &str) {
        let path = self.folder.path().join("config/policy.yaml");
        let next = path.with_extension("next");
        fs::write(&next, policy).unwrap();
        fs::rename(next, path).unwrap();
    }

    /// Replaces the class: this stands in it beside the rest.
    pub(crate) fn edit_class(&self, more: &str) {
        let documents = connection(
            self.server.port,
            self.port,
            PASSWORD,
            ("carol", "caretakers"),
        );
        let documents = documents.replacen("spec:\n", &format!("spec:\n  {more}\n"), 1);
        let path = self.folder.path().join("config/connection.yaml");
        let next = path.with_extension("next");
        fs::write(&next, documents).unwrap();
        fs::rename(next, path).unwrap();
    }

    /// Replaces the key that lets in.
    pub(crate) fn replace_key(&self) {
        let documents = connection(
            self.server.port,
            self.port,
            "another key",
            ("carol", "caretakers"),
        );
        fs::write(self.folder.path().join("config/connection.yaml"), documents).unwrap();
    }

    /// What the admin port answers, without its head.
    pub(crate) fn get(&self, path: &str) -> String {
        let answer = self.answer(path).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// From now on this user looks after no sessions.
    pub(crate) fn dismiss_caretaker(&self) {
        let documents = connection(self.server.port, self.port, PASSWORD, ("carol", "others"));
        fs::write(self.folder.path().join("config/connection.yaml"), documents).unwrap();
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status")).unwrap()
    }

    /// One command over the socket, as `portcullis approve` sends it.
    pub(crate) fn tell(&self, command: &Value) -> Value {
        let mut answer = String::new();
        self.ask(command).read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// The answer to a command, to be read.
    pub(crate) fn ask(&self, command: &Value) -> BufReader<UnixStream> {
        let path = self.folder.path().join("state/control.sock");
        let mut stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{command}\n").as_bytes()).unwrap();
        BufReader::new(stream)
    }

    pub(crate) fn requests(&self) -> Vec<Value> {
        let listed = self.tell(&json!({"verb": "list"}));
        assert_eq!(listed["ok"], json!(true), "{listed}");
        listed["requests"].as_array().unwrap().clone()
    }

    /// Waits for the one request that is pending, and tells its name.
    pub(crate) async fn pending(&self) -> String {
        let begun = Instant::now();
        loop {
            let requests = self.requests();
            let mut pending = requests.iter().filter(|it| it["state"] == "Pending");
            if let Some(one) = pending.next() {
                return one["name"].as_str().unwrap().to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "{requests:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn decide(&self, verb: &str, name: &str, reason: &str) -> Value {
        self.tell(&json!({"verb": verb, "name": name, "reason": reason}))
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to end, as a supervisor does.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(told.success());
    }

    /// How the process ended, and how long that took.
    pub(crate) async fn ended(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), begun.elapsed());
            }
            assert!(begun.elapsed() < PATIENCE, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn restart(&mut self) {
        self.child = Self::spawn(self.folder.path(), self.admin, &self.flags);
        self.ready();
    }

    fn recordings(&self) -> Recordings {
        let state = self.folder.path().join("state");
        let folders: Vec<PathBuf> = ["spool", "recordings"]
            .iter()
            .map(|name| state.join(name))
            .filter(|path| path.exists())
            .collect();
        let stores = folders.iter().map(|path| Store::directory(path).unwrap());
        Recordings::joined(stores.collect())
    }

    /// All events of the record.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let mut events = self.recordings().events(Query::all(), Keyring::default());
        let mut all = Vec::new();
        while let Some(record) = events.next().await {
            match record.unwrap().payload {
                Payload::Event(event) => all.push(*event),
                Payload::Unreadable { why, .. } => panic!("{why}"),
            }
        }
        all
    }

    pub(crate) async fn operations(&self) -> Vec<portcullis_recording::event::Operation> {
        let events = self.events().await.into_iter();
        events
            .filter_map(|event| match event.body {
                Body::Operation(operation) => Some(operation),
                _ => None,
            })
            .collect()
    }

    pub(crate) async fn verify(&self) -> Report {
        self.verify_with(Vec::new()).await
    }

    /// With heads that were kept elsewhere.
    pub(crate) async fn verify_with(&self, anchors: Vec<Head>) -> Report {
        let key = self.folder.path().join("state").join("signing-key.pem");
        let key = SigningKey::from_pem(&fs::read_to_string(key).unwrap()).unwrap();
        let trust = Trust {
            keys: [key.public()].into_iter().collect(),
            anchors,
            ..Trust::default()
        };
        verify(&self.recordings(), &trust).await.unwrap()
    }

    /// Whether these bytes are in any file of the state.
    pub(crate) fn has_bytes(&self, needle: &[u8]) -> bool {
        let mut folders = vec![self.folder.path().join("state")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path)
                    && bytes.windows(needle.len()).any(|window| window == needle)
                {
                    return true;
                }
            }
        }
        false
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

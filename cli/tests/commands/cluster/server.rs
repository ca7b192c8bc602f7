//! An API server that answers as a test says, and what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::command;

/// The server, and a kubeconfig that names it.
pub(crate) struct Server {
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    folder: TempDir,
}

impl Server {
    /// Answers each request by its method and path (`GET /apis/…`, without the query) and its body.
    pub(crate) fn start(
        mut answer: impl FnMut(&str, &Value) -> (u16, Value) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let (what, body) = request(&stream);
                let (status, value) = answer(&what, &body);
                heard.lock().unwrap().push((what, body));
                respond(stream, status, &value);
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": { "server": format!("http://{address}") } }],
            "users": [{ "name": "carol", "user": { "token": "of-carol" } }],
            "contexts": [{
                "name": "test",
                "context": { "cluster": "test", "user": "carol", "namespace": "shop" },
            }],
        });
        std::fs::write(folder.path().join("config"), kubeconfig.to_string()).unwrap();
        Self { asked, folder }
    }

    pub(crate) fn kubeconfig(&self) -> String {
        let path = self.folder.path().join("config");
        path.to_str().unwrap().to_owned()
    }

    /// Runs the command with the kubeconfig in its environment.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = nowhere(self.folder.path(), arguments);
        command.env("KUBECONFIG", self.kubeconfig());
        command.output().unwrap()
    }

    /// What it was asked to change.
    pub(crate) fn changes(&self) -> Vec<(String, Value)> {
        let asked = self.asked.lock().unwrap();
        let changes = asked.iter().filter(|(what, _)| what.starts_with("PATCH"));
        changes.cloned().collect()
    }
}

/// The command, where nothing of this machine names a cluster.
pub(crate) fn nowhere(home: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = command(arguments);
    command.env("HOME", home);
    for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST"] {
        command.env_remove(name);
    }
    command
}

/// A list of objects as the API server has it; what it is a list of is told by the objects.
pub(crate) fn list(items: &[Value]) -> (u16, Value) {
    let list = json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items });
    (200, list)
}

pub(crate) fn refusal(code: u16, message: &str) -> (u16, Value) {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code,
        "message": message, "reason": if code == 404 { "NotFound" } else { "Refused" },
    });
    (code, status)
}

fn request(stream: &TcpStream) -> (String, Value) {
    let mut reading = BufReader::new(stream);
    let mut line = String::new();
    reading.read_line(&mut line).unwrap();
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let path = target.split('?').next().unwrap();
    let what = format!("{method} {path}");
    let mut length = 0;
    loop {
        let mut header = String::new();
        reading.read_line(&mut header).unwrap();
        if header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reading.read_exact(&mut body).unwrap();
    (what, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn respond(mut stream: TcpStream, status: u16, value: &Value) {
    let body = value.to_string();
    let head = format!(
        "HTTP/1.1 {status} Told\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
}

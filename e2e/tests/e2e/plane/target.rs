//! A PostgreSQL of this machine, for all tests of this program.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, Weak};

use tempfile::TempDir;

/// Where distributions put the server's programs.
const INSTALLED: &str = "/usr/lib/postgresql";

/// The server. It ends when it is dropped.
pub(super) struct Target {
    pub(super) port: u16,
    binaries: PathBuf,
    data: TempDir,
}

impl Target {
    /// The one server, as long as a test uses it. Each has a database of its own in it.
    pub(super) fn shared() -> Arc<Self> {
        static SERVER: Mutex<Weak<Target>> = Mutex::new(Weak::new());
        let mut shared = SERVER.lock().unwrap();
        let server = shared.upgrade().unwrap_or_else(|| Arc::new(Self::start()));
        *shared = Arc::downgrade(&server);
        server
    }

    fn start() -> Self {
        let versions = fs::read_dir(INSTALLED).unwrap();
        let mut versions: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path()).collect();
        versions.sort();
        let binaries = versions.pop().unwrap().join("bin");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let server = Self {
            port,
            binaries,
            data: tempfile::tempdir().unwrap(),
        };
        let folder = server.data.path();
        // Refuses to run as root.
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder));
        }
        let data = server.folder();
        let data = data.to_str().unwrap();
        run(&mut server.program("initdb", &["-D", data, "-A", "trust", "-U", "postgres"]));
        let options =
            format!("-p {port} -h 127.0.0.1 -k {data} -c max_connections=200 -c fsync=off");
        let log = server.data.path().join("log");
        // The log too is a file, or whoever reads our output would wait for the server's end.
        let log = log.to_str().unwrap();
        run(&mut server.program(
            "pg_ctl",
            &["-D", data, "-w", "-l", log, "-o", &options, "start"],
        ));
        server.admin("postgres", "create role app login password 'hunter2'");
        server
    }

    /// A database that belongs to who the proxy logs in as.
    pub(super) fn database(&self, name: &str, script: &str) {
        self.admin("postgres", &format!("create database \"{name}\" owner app"));
        let port = self.port.to_string();
        run(Command::new("psql").args([
            "-qX",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "app",
            "-d",
            name,
            "-c",
            script,
        ]));
    }

    /// What the target itself answers.
    pub(super) fn admin(&self, database: &str, query: &str) -> String {
        let port = self.port.to_string();
        let output = run(Command::new("psql").args([
            "-qXAt",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            query,
        ]));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn folder(&self) -> PathBuf {
        self.data.path().join("data")
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let path = self.binaries.join(name);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(path);
                command
            }
            false => Command::new(path),
        };
        command.args(arguments).current_dir(Path::new("/"));
        command
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let data = self.folder();
        let stop = ["-D", data.to_str().unwrap(), "-m", "immediate", "stop"];
        let _stopped = self.program("pg_ctl", &stop).output();
    }
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")).stdout == b"0\n"
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

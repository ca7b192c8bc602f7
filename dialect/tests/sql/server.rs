//! A server of the test's own: a fresh cluster in a temporary directory, reached by its socket.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, Weak};

use portcullis_dialect::sql::catalogue::{Catalogue, Loader, PREAMBLE, Section};

/// Where Debian and Ubuntu keep the binaries of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// As the proxy reads: it waits for nobody.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '10ms'";

/// So often a catalogue is tried to be read.
const READINGS: u32 = 100;

/// Ends fields, rows and marks NULL in what psql prints.
const FIELD: char = '\u{1f}';
const ROW: char = '\u{1e}';
const NULL: &str = "\u{1d}";

pub(crate) struct Server {
    directory: PathBuf,
    binaries: PathBuf,
}

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    /// The server that all tests share. Without one a test fails: it would have shown nothing.
    pub(crate) fn shared() -> Arc<Self> {
        let binaries = newest_binaries().unwrap_or_else(|| {
            panic!("no PostgreSQL server binaries in {VERSIONS}: hack/deps installs them")
        });
        let mut shared = SHARED
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start(binaries));
        *shared = Arc::downgrade(&server);
        server
    }

    fn start(binaries: PathBuf) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory = PathBuf::from(format!(
            "/tmp/portcullis-sql-{}-{count}",
            std::process::id()
        ));
        let server = Self {
            directory,
            binaries,
        };
        let path = server.directory.to_str().unwrap().to_owned();
        expect(server.as_owner("mkdir", &["-m", "0700", &path]));
        let data = format!("{path}/data");
        expect(server.as_owner(
            &server.binary("initdb"),
            &[
                "-D",
                &data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-N",
            ],
        ));
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories={path} -c fsync=off \
             -c max_connections=20 -c autovacuum=off"
        );
        expect(server.as_owner(
            &server.binary("pg_ctl"),
            &[
                "-D",
                &data,
                "-w",
                "-s",
                "-l",
                &format!("{path}/log"),
                "-o",
                &options,
                "start",
            ],
        ));
        server
    }

    fn binary(&self, name: &str) -> String {
        self.binaries.join(name).to_str().unwrap().to_owned()
    }

    /// Runs a program as a user that may own a cluster: never root.
    fn as_owner(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = if id(&["-u"]).as_deref() == Some("0") {
            let owner = id(&["-u", "postgres"]).map_or("nobody", |_| "postgres");
            let mut command = Command::new("runuser");
            command.args(["-u", owner, "--", program]);
            command
        } else {
            Command::new(program)
        };
        command
            .args(arguments)
            .current_dir("/tmp")
            .stdout(Stdio::null());
        command
    }

    pub(crate) fn psql(&self, database: &str, arguments: &[&str]) -> Output {
        self.as_owner("psql", &["-h", self.directory.to_str().unwrap()])
            .args(["-U", "postgres", "-X", "-q", "-d", database])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .stdout(Stdio::piped())
            .output()
            .unwrap()
    }

    /// Makes a database out of a script.
    pub(crate) fn database(&self, name: &str, script: &str) {
        let made = self.psql("postgres", &["-c", &format!("CREATE DATABASE {name}")]);
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let file = self.file(&format!("{name}.sql"), script);
        let ran = self.psql(name, &["-v", "ON_ERROR_STOP=1", "-f", &file]);
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }

    /// Writes a file that the server's owner can read.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = format!("{}/{name}", self.directory.display());
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Reads the catalogue of a database, section by section; again where others changed it
    /// meanwhile.
    pub(crate) fn catalogue(&self, database: &str) -> Catalogue {
        for _ in 0..READINGS {
            match self.catalogue_once(database) {
                Some(catalogue) if !catalogue.is_unread() => return catalogue,
                _ => drop(self.psql(database, &["-c", "SELECT pg_sleep(0.05)"])),
            }
        }
        panic!("the catalogue of {database} keeps changing");
    }

    fn catalogue_once(&self, database: &str) -> Option<Catalogue> {
        let mut loader = Loader::new();
        let mut version = 0;
        for section in Section::ALL {
            for row in self.rows(database, section.query(version))? {
                let values: Vec<Option<&str>> = row
                    .iter()
                    .map(|value| (value != NULL).then_some(value.as_str()))
                    .collect();
                if section == Section::Server {
                    version = row[0].parse().unwrap();
                }
                loader.row(section, &values).unwrap();
            }
        }
        Some(loader.finish())
    }

    /// None where it met the change of another session.
    fn rows(&self, database: &str, query: &str) -> Option<Vec<Vec<String>>> {
        let output = self.psql(
            database,
            &[
                "-At",
                "-F",
                &FIELD.to_string(),
                "-R",
                &ROW.to_string(),
                "-P",
                &format!("null={NULL}"),
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                "BEGIN ISOLATION LEVEL REPEATABLE READ",
                "-c",
                LOCK_TIMEOUT,
                "-c",
                PREAMBLE,
                "-c",
                query,
            ],
        );
        let said = String::from_utf8_lossy(&output.stderr);
        let met = [
            "lock timeout",
            "deadlock detected",
            "could not open relation",
            "cache lookup",
        ];
        if met.iter().any(|change| said.contains(change)) {
            return None;
        }
        assert!(output.status.success(), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        let rows = text
            .trim_end_matches('\n')
            .split(ROW)
            .filter(|row| !row.is_empty())
            .map(|row| row.split(FIELD).map(str::to_owned).collect())
            .collect();
        Some(rows)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = format!("{}/data", self.directory.display());
        let _ = self
            .as_owner(
                &self.binary("pg_ctl"),
                &["-D", &data, "-s", "-m", "immediate", "stop"],
            )
            .status();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The binaries of the newest server that is installed.
fn newest_binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).ok()?;
    versions
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let version: u32 = name.parse().ok()?;
            let binaries = Path::new(VERSIONS).join(name).join("bin");
            binaries
                .join("initdb")
                .exists()
                .then_some((version, binaries))
        })
        .max()
        .map(|(_, binaries)| binaries)
}

/// What `id` tells; `None` when there is no such user.
fn id(arguments: &[&str]) -> Option<String> {
    let output = Command::new("id").args(arguments).output().unwrap();
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn expect(mut command: Command) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

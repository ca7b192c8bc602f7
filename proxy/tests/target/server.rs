//! A server of the test's own: a fresh cluster in a temporary directory, with TLS, on a port of
//! its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;

/// Where Debian and Ubuntu keep the binaries of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

const HBA: &str = "
local   all all trust
hostssl all by_certificate 127.0.0.1/32 cert
host    all trusted        127.0.0.1/32 trust
host    all clear          127.0.0.1/32 password
host    all hashed         127.0.0.1/32 md5
host    all scram          127.0.0.1/32 scram-sha-256
";

const USERS: &str = "
CREATE ROLE trusted SUPERUSER LOGIN;
CREATE ROLE by_certificate LOGIN;
SET password_encryption = 'scram-sha-256';
CREATE ROLE scram LOGIN PASSWORD 'pa sswörd';
CREATE ROLE clear LOGIN PASSWORD 'secret';
SET password_encryption = 'md5';
CREATE ROLE hashed LOGIN PASSWORD 'secret';
";

pub(crate) struct Server {
    directory: PathBuf,
    binaries: PathBuf,
    pub(crate) port: u16,
    pub(crate) ca: CertificateDer<'static>,
    pub(crate) other_ca: CertificateDer<'static>,
    /// PEM: a certificate of the role `by_certificate`, and its key.
    pub(crate) client: (String, String),
}

struct Pki {
    ca: CertificateDer<'static>,
    ca_pem: String,
    server: (String, String),
    client: (String, String),
}

/// The server that all tests share; it stops with the last that holds it. Without one a test fails:
/// it would have shown nothing.
pub(crate) fn shared() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let binaries = newest_binaries().unwrap_or_else(|| {
        panic!("no PostgreSQL server binaries in {VERSIONS}: hack/deps installs them")
    });
    let mut shared = SHARED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(Server::start(binaries));
    *shared = Arc::downgrade(&server);
    server
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = format!("{}/data", self.directory.display());
        let pg_ctl = self.binary("pg_ctl");
        self.run(&pg_ctl, &["-D", &data, "-s", "-m", "immediate", "stop"]);
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

// === impl Server ===

impl Server {
    fn start(binaries: PathBuf) -> Self {
        let pki = pki();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("/tmp/portcullis-target-{}-{count}", std::process::id());
        let directory = PathBuf::from(name);
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = Self {
            directory,
            binaries,
            port,
            ca: pki.ca,
            other_ca: self::pki().ca,
            client: pki.client,
        };
        let path = server.directory.to_str().unwrap().to_owned();
        server.run("mkdir", &["-m", "0700", &path]);
        let data = format!("{path}/data");
        let initdb = server.binary("initdb");
        server.run(
            &initdb,
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
        );
        for (name, text) in [
            ("pg_hba.conf", HBA),
            ("ca.crt", &pki.ca_pem),
            ("server.crt", &pki.server.0),
            ("server.key", &pki.server.1),
        ] {
            // The file is made by its owner, who alone may read the key.
            let file = format!("{data}/{name}");
            server.run("touch", &[&file]);
            server.run("chmod", &["0600", &file]);
            std::fs::write(&file, text).unwrap();
        }
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={path} \
             -c fsync=off -c max_prepared_transactions=4 -c ssl=on -c ssl_ca_file=ca.crt -c max_connections=40"
        );
        let pg_ctl = server.binary("pg_ctl");
        let log = format!("{path}/log");
        server.run(
            &pg_ctl,
            &["-D", &data, "-w", "-s", "-l", &log, "-o", &options, "start"],
        );
        server.sql("postgres", USERS);
        server
    }

    fn binary(&self, name: &str) -> String {
        self.binaries.join(name).to_str().unwrap().to_owned()
    }

    /// Runs a program as a user that may own a cluster: never root.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let mut command = match root {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--", program]);
                command
            }
            false => Command::new(program),
        };
        let output = command
            .args(arguments)
            .current_dir("/tmp")
            .stdout(if program.ends_with("pg_ctl") {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {words}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs statements as the superuser and tells what they answer.
    pub(crate) fn sql(&self, database: &str, text: &str) -> String {
        let socket = self.directory.to_str().unwrap();
        let port = self.port.to_string();
        self.run(
            "psql",
            &[
                "-h",
                socket,
                "-p",
                &port,
                "-U",
                "postgres",
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                database,
                "-c",
                text,
            ],
        )
    }
}

fn pki() -> Pki {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let leaf = |name: &str| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &ca).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    Pki {
        server: leaf("db.test"),
        client: leaf("by_certificate"),
        ca_pem: ca.pem(),
        ca: ca.der().clone(),
    }
}

/// The binaries of the newest server that is installed.
fn newest_binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).ok()?;
    versions
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let binaries = Path::new(VERSIONS).join(&name).join("bin");
            let version: u32 = name.parse().ok()?;
            binaries
                .join("initdb")
                .exists()
                .then_some((version, binaries))
        })
        .max()
        .map(|(_, binaries)| binaries)
}

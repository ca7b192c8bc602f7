//! The demonstration's directory, database and proxy.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use super::server::Server;
use crate::Failed;
use crate::output::{Tone, say, tinted};

/// How often, and how many times, the proxy is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(100);
const ASK_TIMES: u32 = 300;

/// Everything that runs; it ends, and the directory goes, when this is dropped.
#[derive(Debug)]
pub(super) struct House {
    directory: PathBuf,
    proxy: Child,
    pub(super) server: Server,
    pub(super) proxy_port: u16,
    admin_port: u16,
    /// The last to go: what runs, runs in it.
    _scratch: Option<Scratch>,
}

/// A directory that was made for this run alone.
#[derive(Debug)]
struct Scratch(PathBuf);

// === impl House ===

impl House {
    pub(super) fn build(directory: Option<&Path>) -> Result<Self, Failed> {
        let bar = bar();
        bar.set_message("making a directory");
        let fresh = || std::env::temp_dir().join(format!("portcullis-demo-{}", std::process::id()));
        let kept = directory.map(std::path::absolute).transpose()?;
        let is_kept = kept.is_some();
        let directory = kept.unwrap_or_else(fresh);
        // Readable by the database's own account; what is secret lies deeper.
        std::fs::DirBuilder::new()
            .mode(0o755)
            .create(&directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        let scratch = (!is_kept).then(|| Scratch(directory.clone()));
        let (password, key) = (random_word()?, random_word()?);
        let (database_port, proxy_port, admin_port) = (free_port()?, free_port()?, free_port()?);
        bar.inc(1);
        bar.set_message("starting PostgreSQL with sample data");
        let server = Server::start(&directory.join("postgres"), database_port, &password)?;
        bar.inc(1);
        bar.set_message("writing the policies");
        write_config(
            &directory,
            &[
                ("@KEY_SHA256@", sha256(&key)?),
                ("@UID@", std::fs::metadata("/proc/self")?.uid().to_string()),
                ("@DATABASE_PORT@", database_port.to_string()),
                ("@DATABASE_PASSWORD@", password),
                ("@PROXY_PORT@", proxy_port.to_string()),
            ],
        )?;
        secret_file(&directory.join("pgpass"), &format!("*:*:*:*:{key}\n"))?;
        bar.inc(1);
        bar.set_message("starting the proxy");
        let proxy = start_proxy(&directory, admin_port)?;
        let mut house = Self {
            directory,
            proxy,
            server,
            proxy_port,
            admin_port,
            _scratch: scratch,
        };
        house.until_ready()?;
        bar.finish_and_clear();
        Ok(house)
    }

    pub(super) fn config(&self) -> PathBuf {
        self.directory.join("config")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.directory.join("pgpass")
    }

    /// How a reader connects by hand.
    pub(super) fn address(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=me dbname=shop",
            self.proxy_port
        )
    }

    pub(super) fn invite(&self) -> Result<(), Failed> {
        let portcullis = std::env::current_exe().map_or_else(
            |_| "portcullis".to_owned(),
            |program| program.display().to_string(),
        );
        let (pass, address) = (self.password_file(), self.address());
        let psql = format!("PGPASSFILE={} psql '{address}'", pass.display());
        let state = self.state();
        let list = |what: &str| format!("{portcullis} {what} list --state {}", state.display());
        let bold = |text: &str| format!("  {}", tinted(Tone::Bold, text));
        let policy = self.config().join("policy.yaml");
        let admin = format!("http://127.0.0.1:{}", self.admin_port);
        say([
            "\nIt goes on running. Try it:\n".to_owned(),
            bold(&psql),
            format!("  edit {} and watch open sessions follow", policy.display()),
            bold(&list("approvals")),
            bold(&list("sessions")),
            format!("  metrics: {admin}/metrics   status: {admin}/status"),
            "\nPress Enter to end it.".to_owned(),
        ])
    }

    /// Until somebody presses Enter or Ctrl-C, ends this process, or ends the proxy.
    pub(super) fn wait(mut self) -> Result<(), Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let waited = runtime.block_on(async {
            let mut ended = signal(SignalKind::terminate())?;
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => interrupted,
                _ = ended.recv() => Ok(()),
                () = enter() => Ok(()),
                () = gone(&mut self.proxy) => Ok(()),
            }
        });
        // Somebody may still be asked for a line.
        runtime.shutdown_background();
        Ok(waited?)
    }

    fn until_ready(&mut self) -> Result<(), Failed> {
        for _ in 0..ASK_TIMES {
            if let Some(status) = self.proxy.try_wait()? {
                return Err(format!("the proxy ended: {status}\n{}", self.log()).into());
            }
            if is_ready(self.admin_port) {
                return Ok(());
            }
            #[allow(
                clippy::disallowed_methods,
                reason = "nothing else runs on this thread"
            )]
            std::thread::sleep(ASK_EVERY);
        }
        Err(format!("the proxy does not get ready\n{}", self.log()).into())
    }

    fn log(&self) -> String {
        let mut text = Vec::new();
        if let Ok(file) = std::fs::File::open(self.directory.join("proxy.log")) {
            #[allow(clippy::disallowed_methods, reason = "bounded by take")]
            let _ = file.take(16 * 1024).read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // SIGTERM drains it; the record is whole either way.
        let _ = Command::new("kill")
            .arg(self.proxy.id().to_string())
            .status();
        let _ = self.proxy.wait();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A line, or that nobody can write one any more.
async fn enter() {
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0; 1])).await;
}

/// Until a process has ended.
async fn gone(process: &mut Child) {
    while matches!(process.try_wait(), Ok(None)) {
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(4);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}") {
        bar.set_style(style);
    }
    bar
}

fn write_config(directory: &Path, values: &[(&str, String)]) -> Result<(), Failed> {
    let config = directory.join("config");
    std::fs::DirBuilder::new().mode(0o700).create(&config)?;
    let files = [
        ("platform.yaml", include_str!("files/platform.yaml")),
        ("connection.yaml", include_str!("files/connection.yaml")),
        ("policy.yaml", include_str!("files/policy.yaml")),
    ];
    for (name, text) in files {
        let text = values.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        });
        secret_file(&config.join(name), &text)?;
    }
    Ok(())
}

fn start_proxy(directory: &Path, admin_port: u16) -> Result<Child, Failed> {
    let program = std::env::current_exe()?.with_file_name("portcullis-proxy");
    let log = std::fs::File::create(directory.join("proxy.log"))?;
    Command::new(&program)
        .arg("standalone")
        .arg("--config")
        .arg(directory.join("config"))
        .arg("--state")
        .arg(directory.join("state"))
        .args(["--admin", &format!("127.0.0.1:{admin_port}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()).into())
}

fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer.ends_with(b"200"))
    };
    ask().unwrap_or(false)
}

fn secret_file(path: &Path, text: &str) -> Result<(), Failed> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// A port that is free now.
fn free_port() -> Result<u16, Failed> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn random_word() -> Result<String, Failed> {
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "no randomness")?;
    Ok(hex(&bytes))
}

fn sha256(text: &str) -> Result<String, Failed> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    Ok(hex(digest.as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! A PostgreSQL server of the demonstration's own.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failed;

/// Where Debian and Ubuntu keep the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The role that owns the sample data.
const OWNER: &str = "shop_owner";

/// The account that a server runs as when the demonstration runs as root, which it refuses.
const ACCOUNT: &str = "postgres";

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    programs: PathBuf,
    directory: PathBuf,
    pub(super) port: u16,
}

// === impl Server ===

impl Server {
    /// Makes a cluster in `directory` and starts it.
    pub(super) fn start(directory: &Path, port: u16, password: &str) -> Result<Self, Failed> {
        let server = Self {
            programs: programs()?,
            directory: directory.to_owned(),
            port,
        };
        std::fs::create_dir(directory)?;
        if is_root()? {
            run(Command::new("chown").arg(ACCOUNT).arg(directory))?;
        }
        let data = directory.join("data");
        run(server
            .command("initdb")?
            .arg("-D")
            .arg(&data)
            .args([
                "-U",
                "postgres",
                "-A",
                "peer",
                "--auth-host=scram-sha-256",
                "-E",
                "UTF8",
                "-N",
            ])
            .arg("--locale=C.UTF-8"))?;
        let ident =
            format!("local all postgres trust\nhost all {OWNER} 127.0.0.1/32 scram-sha-256\n");
        std::fs::write(data.join("pg_hba.conf"), ident)?;
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c fsync=off \
             -c unix_socket_directories={}",
            directory.display()
        );
        run(server
            .command("pg_ctl")?
            .args(["-w", "-s", "-D"])
            .arg(&data)
            .arg("-l")
            .arg(directory.join("log"))
            .args(["-o", &options, "start"]))?;
        server.fill(password)?;
        Ok(server)
    }

    fn fill(&self, password: &str) -> Result<(), Failed> {
        // The role may do everything, so that only the proxy can be what stops a statement.
        let roles = format!("CREATE ROLE {OWNER} SUPERUSER LOGIN PASSWORD '{password}'");
        self.sql("postgres", &roles)?;
        self.sql("postgres", &format!("CREATE DATABASE shop OWNER {OWNER}"))?;
        self.sql(
            "shop",
            &format!("SET ROLE {OWNER}; {}", include_str!("files/shop.sql")),
        )
    }

    fn sql(&self, database: &str, text: &str) -> Result<(), Failed> {
        run(Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"])
            .arg(&self.directory)
            .args(["-p", &self.port.to_string(), "-d", database, "-c", text])
            .env_remove("PGOPTIONS"))
    }

    /// psql, without what the caller's own surroundings would tell it. What it says to either
    /// stream comes in the order in which it says it.
    pub(super) fn psql(&self) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 2>&1"]);
        command.arg(self.programs.join("psql"));
        for name in [
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "PGDATABASE",
            "PGOPTIONS",
            "PGSERVICE",
        ] {
            command.env_remove(name);
        }
        command.env("PSQLRC", "/dev/null");
        command
    }

    /// A program of the server, as somebody who may run one.
    fn command(&self, name: &str) -> Result<Command, Failed> {
        let program = self.programs.join(name);
        let mut command = if is_root()? {
            let mut command = Command::new("runuser");
            command.args(["-u", ACCOUNT, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir("/");
        Ok(command)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(mut stop) = self.command("pg_ctl") {
            let data = self.directory.join("data");
            let _ = stop
                .arg("-D")
                .arg(data)
                .args(["-m", "immediate", "-s", "stop"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// Runs a program that should succeed and whose output matters only if it does not.
fn run(command: &mut Command) -> Result<(), Failed> {
    let output = command.stdin(Stdio::null()).output();
    let name = command.get_program().to_string_lossy().into_owned();
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} failed: {}", said.trim()).into())
}

fn is_root() -> Result<bool, Failed> {
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

/// The programs of the newest version.
fn programs() -> Result<PathBuf, Failed> {
    let missing = || format!("no PostgreSQL server in {VERSIONS}; `make deps` installs one");
    let versions = std::fs::read_dir(VERSIONS).map_err(|_| missing())?;
    let newest = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let number: u32 = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            programs
                .join("initdb")
                .is_file()
                .then_some((number, programs))
        })
        .max();
    Ok(newest.ok_or_else(missing)?.1)
}

//! Settings of the process, parsed once. What may change while it runs is not here but in the
//! directory of documents.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// The longest drain: longer than any sensible grace of whoever stops the process.
pub const MAX_DRAIN: Duration = Duration::from_secs(60 * 60);

/// The most other replicas that may be named.
pub const MAX_PEERS: usize = 64;

/// The most threads that sessions may run on.
pub const MAX_THREADS: i64 = 1024;

/// The data plane of Portcullis: speaks a target's own protocol, and decides, masks, holds and
/// records each operation.
#[derive(Debug, Parser)]
#[command(name = "portcullis-proxy", version)]
pub struct Settings {
    #[command(subcommand)]
    pub mode: Mode,
}

/// Where the proxy gets its configuration from.
#[derive(Debug, Subcommand)]
pub enum Mode {
    /// Runs without a cluster: reads the documents of a directory, and watches it.
    Standalone(Standalone),
    /// Serves one Connection of a Kubernetes cluster, as the operator starts it.
    Cluster(Cluster),
}

/// A run without a cluster.
#[derive(Debug, Clone, Args)]
pub struct Standalone {
    /// Directory whose *.yaml files are read and watched.
    #[arg(long, value_name = "DIR")]
    pub config: PathBuf,
    /// Directory for recordings, keys, approvals and the control socket; made if it is missing.
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// File outside the state directory that signed heads of the record are appended to, every ten
    /// seconds: with it, `portcullis sessions verify --heads` names a tail that was cut off.
    #[arg(long, value_name = "FILE")]
    pub heads: Option<PathBuf>,
    /// Address on which Connections listen. Beyond loopback, plaintext is refused.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// Address of probes, metrics and status.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9090")]
    pub admin: SocketAddr,
    /// Another replica, to which cancel requests of its sessions are passed on; may be repeated.
    #[arg(long = "peer", value_name = "ADDRESS:PORT")]
    pub peers: Vec<SocketAddr>,
    /// Number of this replica among its peers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub replica: u16,
    /// How long sessions may finish what runs, once the process is to stop.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = drain_timeout)]
    pub drain_timeout: Duration,
    /// Threads that sessions run on; by default half as many as there are cores, at least one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_THREADS))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub logs: Logs,
}

/// A run in a cluster.
#[derive(Debug, Clone, Args)]
pub struct Cluster {
    /// Namespace of the Connection.
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: String,
    /// Name of the Connection.
    #[arg(long, value_name = "NAME")]
    pub connection: String,
    /// Directory in which Secrets and ConfigMaps are mounted, as
    /// `secrets/NAMESPACE/NAME/KEY` and `configmaps/NAMESPACE/NAME/KEY`.
    #[arg(long, value_name = "DIR")]
    pub objects: PathBuf,
    /// Directory with the server's tls.crt and tls.key; not needed where only loopback is served.
    #[arg(long, value_name = "DIR")]
    pub certificate: Option<PathBuf>,
    /// Directory for the record on its way to the store, in a folder `proxy` that is made there.
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// Address on which the Connection listens. Beyond loopback, plaintext is refused.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub bind: IpAddr,
    /// Address of probes, metrics and status.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:9090")]
    pub admin: SocketAddr,
    /// Port on which the Connection listens; by default the one that it says.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The service account of the pod that this is a sidecar of: who reaches the loopback address
    /// is taken to be it, and presents nothing.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = service_account)]
    pub caller: Option<(String, String)>,
    /// How long sessions may finish what runs, once the process is to stop.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = drain_timeout)]
    pub drain_timeout: Duration,
    /// Threads that sessions run on; by default half as many as there are cores, at least one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_THREADS))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub pod: Pod,
    #[command(flatten)]
    pub logs: Logs,
}

/// The pod that the process runs in.
#[derive(Debug, Clone, Args)]
pub struct Pod {
    /// Name of the pod.
    #[arg(long = "pod-name", value_name = "NAME", env = "POD_NAME")]
    pub name: String,
    /// UID of the pod.
    #[arg(long = "pod-uid", value_name = "UID", env = "POD_UID")]
    pub uid: String,
    /// Address of the pod.
    #[arg(long = "pod-ip", value_name = "ADDRESS", env = "POD_IP")]
    pub ip: IpAddr,
}

/// What is logged, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct Logs {
    /// Form of the logs on standard error; auto is text on a terminal and json elsewhere.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LogForm::Auto)]
    pub log_form: LogForm,
    /// What is logged: error, warn, info, debug or trace, or targets with a level each.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log_filter: String,
}

/// Form of the logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    #[default]
    Auto,
    Text,
    Json,
}

// === impl Settings ===

impl Settings {
    /// Parses a command line, and what clap cannot check of it.
    pub fn parse_from_line(
        line: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Self, clap::Error> {
        let settings = Self::try_parse_from(line)?;
        match &settings.mode {
            Mode::Standalone(run) if run.peers.len() > MAX_PEERS => {
                let reason = format!("--peer may be given at most {MAX_PEERS} times\n");
                Err(clap::Error::raw(ErrorKind::TooManyValues, reason))
            }
            Mode::Cluster(run) => run.check().map(|()| settings),
            Mode::Standalone(_) => Ok(settings),
        }
    }

    pub fn logs(&self) -> &Logs {
        match &self.mode {
            Mode::Standalone(run) => &run.logs,
            Mode::Cluster(run) => &run.logs,
        }
    }
}

// === impl Cluster ===

impl Cluster {
    fn check(&self) -> Result<(), clap::Error> {
        let wrong = |reason: &str| {
            let kind = ErrorKind::ArgumentConflict;
            Err(clap::Error::raw(kind, format!("{reason}\n")))
        };
        match (self.bind.is_loopback(), &self.caller, &self.certificate) {
            (false, Some(_), _) => {
                wrong("--caller takes a loopback --bind: anybody could reach another address")
            }
            (false, None, None) => {
                wrong("--certificate is needed, for --bind is not a loopback address")
            }
            _ => Ok(()),
        }
    }
}

/// `namespace/name`, each as the API server takes it.
fn service_account(text: &str) -> Result<(String, String), String> {
    let wrong = || "write NAMESPACE/NAME".to_owned();
    let (namespace, name) = text.split_once('/').ok_or_else(wrong)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_name = |part: &str| !part.is_empty() && part.len() <= 253 && part.chars().all(plain);
    match is_name(namespace) && is_name(name) {
        true => Ok((namespace.to_owned(), name.to_owned())),
        false => Err(wrong()),
    }
}

/// Digits and one of `ms`, `s`, `m`.
fn drain_timeout(text: &str) -> Result<Duration, String> {
    let wrong = || "write digits and ms, s or m, such as 30s".to_owned();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let scale = match text.strip_prefix(digits) {
        Some("ms") => 1,
        Some("s") => 1_000,
        Some("m") => 60_000,
        _ => return Err(wrong()),
    };
    let drain = Duration::from_millis(number.saturating_mul(scale));
    if drain > MAX_DRAIN {
        return Err(format!("is more than {} minutes", MAX_DRAIN.as_secs() / 60));
    }
    Ok(drain)
}

#[cfg(test)]
mod tests;

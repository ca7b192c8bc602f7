//! The command line.

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand};

use crate::output::Format;

#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    about = "Guardrails between agents and production"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge a directory of documents as a proxy would: every error, with its file, document and
    /// field. Looked at by the proxy alone are certificates, identity providers and stores.
    Validate(Validate),
    /// What the rules say to a statement, and which one decides. Masks and limits are not judged.
    Explain(Explain),
    /// How Connections and policies of a cluster stand, and what waits for approval.
    Status(Status),
    /// Approve a waiting operation.
    Approve(Decide),
    /// Deny a waiting operation.
    Deny(Decide),
    /// Take an approval back.
    Revoke(Decide),
    /// Requests for approval.
    Approvals(Approvals),
    /// Recorded sessions.
    Sessions(Sessions),
    /// Start a database and a proxy in front of it, and walk through what it does.
    Demo(Demo),
}

/// A cluster, and where in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Group)]
pub(crate) struct InCluster {
    /// Kubeconfig that names the cluster, and who you are; else KUBECONFIG, ~/.kube/config, or the
    /// service account of the pod that this runs in.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; else its current one.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Namespace; else the context's. With --state needed only where two requests have one name.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
}

/// Which proxies are meant: one that runs without a cluster, or those of a cluster.
#[derive(Debug, Clone, Group)]
pub(crate) struct Which {
    /// Where a proxy that runs without a cluster keeps its state; without it a cluster is meant.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kubeconfig", "context"])]
    pub(crate) state: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cluster: InCluster,
}

#[derive(Debug, Group)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) cluster: InCluster,
    /// Every namespace.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// Exit with 1 unless every Connection is Ready and every policy Programmed; also where there is
    /// neither.
    #[arg(long)]
    pub(crate) check: bool,
    /// The same, but wait so many seconds for it, at most a day.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) wait: Option<u64>,
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Group)]
pub(crate) struct Validate {
    /// Directory with `*.yaml`.
    pub(crate) directory: PathBuf,
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Group)]
pub(crate) struct Explain {
    /// Directory with `*.yaml`; without it the resources of a cluster are judged.
    #[arg(long, value_name = "DIR", requires = "user",
        conflicts_with_all = ["kubeconfig", "context", "namespace"])]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cluster: InCluster,
    /// Connection as `namespace/name`; not needed where there is only one.
    #[arg(long)]
    pub(crate) connection: Option<String>,
    /// Username of the subject, with its issuer's prefix; in a cluster else yourself, as its API
    /// server knows you.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Group of the subject; may be repeated.
    #[arg(long = "group", requires = "user")]
    pub(crate) groups: Vec<String>,
    /// Claim of the subject as `name=value`; a value that is JSON is read as that.
    #[arg(long = "claim")]
    pub(crate) claims: Vec<String>,
    /// Role that sessions log in with; else the one of the credential, where that can be read.
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// File with what `pg_get_functiondef` tells of a function that the statement calls, to have the
    /// hash that a review of it names; may be repeated.
    #[arg(long = "definition", value_name = "FILE")]
    pub(crate) definitions: Vec<PathBuf>,
    /// The statement.
    pub(crate) statement: String,
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Group)]
pub(crate) struct Decide {
    /// Name of the request.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Why; it is recorded, and the caller is told.
    #[arg(long)]
    pub(crate) reason: String,
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Group)]
pub(crate) struct Approvals {
    #[command(subcommand)]
    pub(crate) command: ApprovalsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// What waits, and what was decided: in short as a table, whole as JSON or YAML.
    List {
        #[command(flatten)]
        which: Which,
        /// Every namespace of the cluster.
        #[arg(short = 'A', long, conflicts_with_all = ["namespace", "state"])]
        all_namespaces: bool,
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// All of one request: what the operation would do, its text and parameters, who asks, and what
    /// was decided.
    Show {
        /// Name of the request.
        name: String,
        #[command(flatten)]
        which: Which,
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Debug, Group)]
pub(crate) struct Sessions {
    #[command(subcommand)]
    pub(crate) command: SessionsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// Every recorded session, the newest last; or those that are open now.
    List {
        #[command(flatten)]
        from: Recorded,
        /// Those that are open now, as the proxy of `--state` tells, or without it the proxies of a
        /// cluster.
        #[arg(long, conflicts_with = "store")]
        open: bool,
        #[command(flatten)]
        proxies: Proxies,
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// What happened in one session.
    Show {
        /// The session, or the first digits of it.
        session: String,
        #[command(flatten)]
        from: Recorded,
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Whether the record is whole, unchanged and signed.
    Verify {
        #[command(flatten)]
        from: Recorded,
        /// Public key that may have signed, 64 hexadecimal digits; may be repeated. Without one, the
        /// key that lies in the state directory, which proves less: whoever can change the record
        /// may be able to change the key.
        #[arg(long = "signer", value_name = "HEX")]
        signers: Vec<String>,
        /// File with heads that went out of the record's reach, one in a line, as `portcullis-proxy
        /// --heads` writes them; may be repeated.
        #[arg(long = "heads", value_name = "FILE")]
        heads: Vec<PathBuf>,
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Every event as a line of JSON.
    Export {
        /// Only this session, or the first digits of it.
        #[arg(long)]
        session: Option<String>,
        #[command(flatten)]
        from: Recorded,
    },
    /// What happened in one session, as it happened: with its pauses, and what the client saw.
    Replay {
        /// The session, or the first digits of it.
        session: String,
        #[command(flatten)]
        from: Recorded,
        /// How many times as fast. Without it nothing waits where the answer goes into a file or to
        /// another program.
        #[arg(long, value_name = "TIMES")]
        speed: Option<f64>,
        /// JSON is a line for each event, as in an export; YAML a document for each.
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Follow an open session: operations and decisions as they happen, and what the client sees.
    Tail {
        /// The session, or the first digits of it.
        session: String,
        /// Where a proxy that runs without a cluster keeps its state; without it a cluster is meant.
        #[arg(long, value_name = "DIR",
            conflicts_with_all = ["kubeconfig", "context", "namespace", "connection", "service_account"])]
        state: Option<PathBuf>,
        #[command(flatten)]
        proxies: Proxies,
        /// Why; it is recorded.
        #[arg(long, default_value = "")]
        reason: String,
        /// JSON is a line for each thing that the proxy tells; YAML a document for each.
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// End an open session.
    Kill {
        /// The session, or the first digits of it.
        session: String,
        /// Where a proxy that runs without a cluster keeps its state; without it a cluster is meant.
        #[arg(long, value_name = "DIR", 
            conflicts_with_all = ["kubeconfig", "context", "namespace", "connection", "service_account"])]
        state: Option<PathBuf>,
        #[command(flatten)]
        proxies: Proxies,
        /// Why; it is recorded, and the client is told.
        #[arg(long)]
        reason: String,
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

/// The proxies of a cluster, and who you are to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Group)]
pub(crate) struct Proxies {
    #[command(flatten)]
    pub(crate) cluster: InCluster,
    /// Only those of this Connection.
    #[arg(long)]
    pub(crate) connection: Option<String>,
    /// Come as this service account of the namespace, by a token of ten minutes that the API server
    /// makes: for whoever signs in by a certificate, or shows no proxy a token of their own.
    #[arg(long, value_name = "NAME")]
    pub(crate) service_account: Option<String>,
}

/// Where recordings are, and what opens them.
#[derive(Debug, Clone, Group)]
pub(crate) struct Recorded {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Private key that encrypted sessions are read with, X25519 in PEM; may be repeated.
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
}

/// Where recordings are.
#[derive(Debug, Clone, Group)]
#[group(multiple = false)]
pub(crate) struct Place {
    /// The state directory of a proxy: what it has stored and what is still in its spool.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// A store: a directory, or an address such as `s3://bucket/prefix`. What opens it is read from
    /// the environment, as its vendor's tools do (`AWS_ACCESS_KEY_ID`, …; `AWS_ENDPOINT_URL` of another).
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}

#[derive(Debug, Group)]
pub(crate) struct Demo {
    /// End after the walk instead of leaving everything running.
    #[arg(long)]
    pub(crate) once: bool,
    /// Keep the demonstration's files here instead of in a new temporary directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

//! The drawing of docs/architecture.md, as rows.

/// One crate's modules.
#[derive(Debug, Clone, Copy)]
pub struct Drawing {
    /// The folder of its source, from the repository's root.
    pub source: &'static str,
    /// The unit that a module path belongs to.
    pub unit: fn(&[String]) -> String,
    pub modules: &'static [Module],
    /// Other crates that only some modules may name.
    pub foreign: &'static [&'static str],
    /// Other crates of which a module may name one part.
    pub foreign_by_module: &'static [&'static str],
}

/// A module and what it may know. `<x>` is the same name wherever the row says it; `folder/*` is
/// each in that folder.
#[derive(Debug, Clone, Copy)]
pub struct Module {
    pub name: &'static str,
    pub may_know: &'static [&'static str],
    /// What one folder of it may know beside that: (folder, what).
    pub only_in_folder: &'static [(&'static str, &'static str)],
}

/// Every crate with arrows inside.
pub const CRATES: &[Drawing] = &[PROXY, DIALECT, CLI];

/// The data plane: `main` puts `listen`, `control` and `protocol` together over `session`.
pub const PROXY: Drawing = Drawing {
    source: "proxy/src/",
    unit: protocol_or_first,
    modules: &[
        row("config", &["secret"]),
        row("secret", &[]),
        row("hex", &[]),
        row("telemetry", &["config"]),
        row("metrics", &["portcullis_policy"]),
        row("shutdown", &[]),
        row("io", &[]),
        row(
            "listen",
            &["config", "io", "metrics", "session", "shutdown"],
        ),
        row("identity", &["secret", "portcullis_policy"]),
        // A session asks again whether what proved its subject still holds.
        row(
            "session",
            &[
                "hex",
                "identity",
                "io",
                "metrics",
                "secret",
                "shutdown",
                "portcullis_policy",
                "portcullis_recording",
            ],
        ),
        Module {
            name: "control",
            may_know: &[
                "config",
                "hex",
                "identity",
                "metrics",
                "secret",
                "session",
                "shutdown",
                "portcullis_crds",
                "portcullis_policy",
                "portcullis_recording",
            ],
            only_in_folder: &[("control/cluster/", "kube")],
        },
        // Probes, metrics, status.
        row(
            "admin",
            &["control", "identity", "metrics", "secret", "session"],
        ),
        // What every run has: ports, threads, signals, the drain.
        row(
            "serving",
            &[
                "admin",
                "control",
                "listen",
                "metrics",
                "protocol",
                "session",
                "shutdown",
                // How much stack an analysis needs.
                "portcullis_dialect::sql",
            ],
        ),
        // The wiring of a run without a cluster, and of one in it.
        row("standalone", WIRED),
        row("cluster", WIRED),
        // The registry: one line a protocol.
        row("protocol", &["listen", "session", "protocol/*"]),
        row(
            "protocol/<x>",
            &[
                "hex",
                "identity",
                "io",
                // What was accepted, and how long its login may take.
                "listen",
                "metrics",
                "secret",
                "session",
                "portcullis_policy",
                "portcullis_dialect::<x>",
                "portcullis_dialect::sql",
            ],
        ),
    ],
    foreign: &[
        "kube",
        "portcullis_crds",
        "portcullis_policy",
        "portcullis_recording",
    ],
    foreign_by_module: &["portcullis_dialect"],
};

/// What bytes and texts mean: a codec knows nothing of ours, a protocol knows `sql` and the
/// neutral words, and never another protocol.
pub const DIALECT: Drawing = Drawing {
    source: "dialect/src/",
    unit: wire_or_first,
    modules: &[
        row("sql", &["portcullis_policy"]),
        row("<x>", &["sql", "<x>/wire", "portcullis_policy"]),
        row("<x>/wire", &[]),
    ],
    foreign: &["portcullis_policy"],
    foreign_by_module: &[],
};

/// What people type: whatever a command needs, but for the client of a cluster, which one folder has.
pub const CLI: Drawing = Drawing {
    source: "cli/src/",
    unit: protocol_or_first,
    modules: &[
        Module {
            name: "cluster",
            may_know: COMMANDS,
            only_in_folder: &[("cluster/", "kube")],
        },
        row("<x>", COMMANDS),
    ],
    foreign: &["kube"],
    foreign_by_module: &[],
};

const COMMANDS: &[&str] = &[
    "Done",
    "Failed",
    "approvals",
    "args",
    "cluster",
    "demo",
    "documents",
    "explain",
    "files",
    "output",
    "request",
    "reviews",
    "sessions",
    "socket",
];

/// What puts a whole run together.
const WIRED: &[&str] = &[
    "admin",
    "config",
    "control",
    "listen",
    "metrics",
    "serving",
    "session",
    "shutdown",
    "portcullis_policy",
];

const fn row(name: &'static str, may_know: &'static [&'static str]) -> Module {
    Module {
        name,
        may_know,
        only_in_folder: &[],
    }
}

/// In `protocol` each folder is a unit of its own; a name in upper case is a type.
fn protocol_or_first(path: &[String]) -> String {
    match path {
        [first, second, ..]
            if first == "protocol" && second.starts_with(|c: char| c.is_ascii_lowercase()) =>
        {
            format!("{first}/{second}")
        }
        [first, ..] => first.clone(),
        [] => String::new(),
    }
}

fn wire_or_first(path: &[String]) -> String {
    match path {
        [first, second, ..] if second == "wire" => format!("{first}/{second}"),
        [first, ..] => first.clone(),
        [] => String::new(),
    }
}

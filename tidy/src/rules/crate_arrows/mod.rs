//! Which crate may know which: of ours by what the manifests name, of others by what a build takes
//! in. A crate that is not drawn here may not be there.

use crate::cargo::{Built, Member, PACKAGE_PREFIX};
use crate::finding::Finding;

/// A crate of ours and what it may know.
#[derive(Debug, Clone, Copy)]
pub struct Arrow {
    pub folder: &'static str,
    /// Folders of ours that its manifest may name.
    pub may_know: &'static [&'static str],
    /// Packages of others that its build must not take in, and why.
    pub must_not_reach: &'static [&'static str],
    pub why: &'static str,
}

const RUNTIME_AND_NETWORK: &[&str] = &[
    "hyper",
    "mio",
    "object_store",
    "reqwest",
    "rustls",
    "tokio",
    "tonic",
    "tower",
];

const CLUSTER: &[&str] = &[
    "cel",
    "k8s-openapi",
    "kube",
    "kube-cel",
    "kube-client",
    "kube-core",
];

/// The arrows of docs/architecture.md.
pub const ARROWS: &[Arrow] = &[
    Arrow {
        folder: "policy",
        may_know: &[],
        must_not_reach: &[
            "hyper",
            "k8s-openapi",
            "kube",
            "kube-client",
            "kube-core",
            "mio",
            "object_store",
            "reqwest",
            "rustls",
            "tokio",
            "tower",
        ],
        why: "decisions know no protocol, no cluster and no runtime",
    },
    Arrow {
        folder: "recording",
        may_know: &[],
        must_not_reach: CLUSTER,
        why: "a record outlives schemas and clusters",
    },
    Arrow {
        folder: "dialect",
        may_know: &["policy"],
        must_not_reach: RUNTIME_AND_NETWORK,
        why: "what bytes mean is told without doing any IO",
    },
    Arrow {
        folder: "crds",
        may_know: &["policy"],
        must_not_reach: RUNTIME_AND_NETWORK,
        why: "custom resources are shapes; only `operator`, `proxy` and `cli` talk",
    },
    Arrow {
        folder: "operator",
        may_know: &["crds"],
        must_not_reach: &[],
        why: "",
    },
    Arrow {
        folder: "proxy",
        may_know: &["policy", "recording", "dialect", "crds"],
        must_not_reach: &[],
        why: "",
    },
    Arrow {
        folder: "cli",
        may_know: &["crds", "policy", "recording", "dialect"],
        must_not_reach: &[],
        why: "",
    },
    Arrow {
        folder: "e2e",
        may_know: &["crds", "recording"],
        must_not_reach: &[],
        why: "",
    },
    Arrow {
        folder: "bench",
        may_know: &[],
        must_not_reach: &[],
        why: "",
    },
    Arrow {
        folder: "fuzz",
        may_know: &["policy", "recording", "dialect", "crds"],
        must_not_reach: &[],
        why: "",
    },
    Arrow {
        folder: "tidy",
        may_know: &[],
        must_not_reach: RUNTIME_AND_NETWORK,
        why: "it runs before anything else is built",
    },
];

/// The crates that may talk to a cluster.
pub const MAY_TALK_TO_A_CLUSTER: &[&str] = &["operator", "proxy", "cli"];

/// The packages that talk.
const CLUSTER_CLIENTS: &[&str] = &["kube-client", "kube-runtime"];

/// Arrows between our own crates.
pub fn between_ours(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        let Some(arrow) = arrow(&member.folder) else {
            findings.push(finding(
                member,
                &member.name,
                format!("crate `{}` is not drawn", member.folder),
                "Draw it in docs/architecture.md and in tidy/src/rules/crate_arrows/mod.rs.",
            ));
            continue;
        };
        if member.name.strip_prefix(PACKAGE_PREFIX) != Some(arrow.folder) {
            let fact = format!("package `{}` is not named for its folder", member.name);
            let remedy = "A package is named portcullis-<folder>.";
            findings.push(finding(member, &member.name, fact, remedy));
        }
        let ours = member
            .dependencies
            .iter()
            .filter_map(|d| d.strip_prefix(PACKAGE_PREFIX));
        for known in ours.filter(|known| !arrow.may_know.contains(known)) {
            let fact = format!("`{}` may not know `{known}`", member.folder);
            let remedy = "Move the code to the crate that owns the meaning, or pass a value in.";
            findings.push(finding(member, known, fact, remedy));
        }
    }
    findings
}

/// What a build of `member` takes in, against what it must not.
pub fn reach(member: &Member, built: &[Built]) -> Vec<Finding> {
    let Some(arrow) = arrow(&member.folder) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for package in built {
        let name = package.name.as_str();
        if arrow.must_not_reach.contains(&name) {
            let fact = format!("`{}` reaches `{name}`: {}", member.folder, arrow.why);
            findings.push(finding(member, name, fact, HOW_TO_SEE));
        } else if CLUSTER_CLIENTS.contains(&name) && !MAY_TALK_TO_A_CLUSTER.contains(&arrow.folder)
        {
            let fact = format!(
                "`{}` reaches `{name}`, a client of the cluster",
                member.folder
            );
            findings.push(finding(member, name, fact, HOW_TO_SEE));
        }
    }
    findings
}

const HOW_TO_SEE: &str =
    "`cargo tree --edges normal,build --package <crate> --invert <package>` shows the way to it.";

fn arrow(folder: &str) -> Option<&'static Arrow> {
    ARROWS.iter().find(|arrow| arrow.folder == folder)
}

fn finding(member: &Member, subject: &str, fact: String, remedy: &'static str) -> Finding {
    let path = format!("{}/Cargo.toml", member.folder);
    Finding::of_file(&path, subject, fact, remedy)
}

#[cfg(test)]
mod tests;

//! A namespace of a test's own.

use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use serde_json::json;

use crate::cluster::Cluster;
use crate::kubectl::Kubectl;

/// What is shown of the namespace of a test that failed.
const SHOWN: &str = "all,connections,guardrailpolicies,maskingrules,approvalrequests,leases";

/// By which the namespaces of a test are found again, should it be killed.
const LABEL: &str = "portcullis-e2e";

/// A namespace that is there as long as its test runs.
#[derive(Debug)]
pub struct Namespace {
    pub cluster: Cluster,
    pub name: String,
}

/// Runs a test in a new namespace, whose name begins with `prefix`. Where the test fails, what is
/// in there is printed. It is removed in either case.
pub fn with_namespace<T>(prefix: &str, test: impl FnOnce(&Namespace) -> T) -> T {
    let cluster = Cluster::named();
    // Keyed anew for each, so this is a number by chance.
    let number = RandomState::new().hash_one(prefix) & 0xff_ffff;
    let namespace = Namespace {
        name: format!("{prefix}-{number:06x}"),
        cluster,
    };
    let admin = namespace.cluster.admin();
    let object = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": namespace.name, "labels": {LABEL: prefix}},
    });
    admin.try_create(&object.to_string()).must_succeed();
    let outcome = catch_unwind(AssertUnwindSafe(|| test(&namespace)));
    if outcome.is_err() {
        namespace.show();
    }
    admin.must(&["delete", "namespace", &namespace.name, "--wait=false"]);
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

// === impl Namespace ===

impl Namespace {
    /// kubectl as the cluster's admin, in this namespace.
    pub fn admin(&self) -> Kubectl {
        self.cluster.admin().within(&self.name)
    }

    /// kubectl as one of the test users, in this namespace.
    pub fn user(&self, name: &str) -> Kubectl {
        self.cluster.user(name).within(&self.name)
    }

    /// kubectl as a service account of this namespace, which is made if it is not there.
    pub fn service_account(&self, name: &str) -> Kubectl {
        let admin = self.admin();
        if admin.find(&["serviceaccount", name]).is_none() {
            admin.must(&["create", "serviceaccount", name]);
        }
        let token = admin.must(&["create", "token", name]);
        self.user("alice").with_token(token.trim())
    }

    #[allow(
        clippy::print_stderr,
        reason = "what a failed test left behind belongs beside its message"
    )]
    fn show(&self) {
        let admin = self.admin();
        let objects = admin.run(&["get", SHOWN, "--output=wide", "--ignore-not-found"]);
        let events = admin.run(&["get", "events", "--sort-by=.lastTimestamp"]);
        eprintln!("--- namespace {}", self.name);
        eprintln!("{}{}", objects.output, objects.errors);
        eprintln!("{}{}", events.output, events.errors);
    }
}

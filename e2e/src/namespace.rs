//! A namespace of a test's own.

use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use serde_json::json;

use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::kubectl::Kubectl;
use crate::lacking::{is_skipped, unless_lacking};
use crate::waiting::wait_until;

/// What is shown of the namespace of a test that failed.
const SHOWN: &str = "all,connections,guardrailpolicies,maskingrules,approvalrequests,leases";

/// By which the namespaces of a test are found again, should it be killed.
const LABEL: &str = "portcullis-e2e";

/// A namespace that is there as long as its test runs.
#[derive(Debug)]
pub struct Namespace {
    pub cluster: Cluster,
    pub name: String,
    /// For kubeconfigs.
    folder: TempDir,
}

/// Runs a test in a new namespace, whose name begins with `prefix`. Where the test fails, what is
/// in there is printed. It is removed in either case. A test that finds something lacking ends here.
pub fn with_namespace(prefix: &str, test: impl FnOnce(&Namespace)) {
    unless_lacking(|| within_namespace(prefix, test));
}

fn within_namespace(prefix: &str, test: impl FnOnce(&Namespace)) {
    let cluster = Cluster::named();
    // Keyed anew for each, so this is a number by chance.
    let number = RandomState::new().hash_one(prefix) & 0xff_ffff;
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("a folder: {error}"));
    let namespace = Namespace {
        name: format!("{prefix}-{number:06x}"),
        folder,
        cluster,
    };
    let admin = namespace.cluster.admin();
    let object = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": namespace.name, "labels": {LABEL: prefix}},
    });
    admin.try_create(&object.to_string()).must_succeed();
    let outcome = catch_unwind(AssertUnwindSafe(|| test(&namespace)));
    if outcome
        .as_ref()
        .is_err_and(|panic| !is_skipped(panic.as_ref()))
    {
        namespace.show();
    }
    admin.must(&["delete", "namespace", &namespace.name, "--wait=false"]);
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
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
        self.bearer(token.trim())
    }

    /// kubectl as whoever carries this token, in this namespace.
    pub fn bearer(&self, token: &str) -> Kubectl {
        let nobody = self.cluster.nobody(&self.folder.path().join("nobody.conf"));
        nobody.with_token(token).within(&self.name)
    }

    /// kubectl as alice, who has every right that the administrator of a namespace has: Kubernetes' own
    /// role `admin`, of which the chart's `portcullis-admin` and `portcullis-policy-author` are part.
    pub fn tenant(&self) -> Kubectl {
        let role = ["create", "rolebinding", "tenant", "--clusterrole=admin"];
        self.admin().must(&[&role[..], &["--user=alice"]].concat());
        let alice = self.user("alice");
        wait_until("the tenant's role to hold", || {
            let may = |what: &[&str]| alice.run(&[&["auth", "can-i"], what].concat()).succeeded;
            let all = may(&["delete", "connections.portcullis.dev"])
                && may(&["create", "guardrailpolicies.portcullis.dev"])
                && may(&["create", "secrets"]);
            all.then_some(()).ok_or("not yet".to_owned())
        });
        alice
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

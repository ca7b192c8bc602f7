//! The cluster under test, and who acts on it.

use std::env;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::kubectl::Kubectl;
use crate::lacking::lacks;

/// Names the kubeconfig of the cluster's admin. Those of the test users lie beside it.
const KUBECONFIG: &str = "KUBECONFIG";
/// What stands before the names of our images, where they are pulled from a registry.
const IMAGE_PREFIX: &str = "E2E_IMAGE_PREFIX";
/// The tag of our images, where it is not the one that `make e2e` gives them.
const IMAGE_TAG: &str = "E2E_IMAGE_TAG";

/// How long the way to an address of the cluster may take. Where there is none, packets get lost.
const REACHED: Duration = Duration::from_secs(3);

/// A Kubernetes on which Portcullis is installed.
#[derive(Debug, Clone)]
pub struct Cluster {
    kubeconfig: PathBuf,
}

// === impl Cluster ===

impl Cluster {
    /// The cluster that `KUBECONFIG` names.
    pub fn named() -> Self {
        let Some(kubeconfig) = env::var_os(KUBECONFIG).filter(|path| !path.is_empty()) else {
            panic!(
                "{KUBECONFIG} names no cluster. `make e2e` starts one and runs these tests on it; \
                 `make cluster` starts one and prints its kubeconfigs"
            );
        };
        let kubeconfig = PathBuf::from(kubeconfig);
        assert!(
            kubeconfig.is_file(),
            "{KUBECONFIG} is {}, and there is no such file",
            kubeconfig.display()
        );
        Self { kubeconfig }
    }

    /// kubectl as the cluster's admin.
    pub fn admin(&self) -> Kubectl {
        Kubectl::new(&self.kubeconfig)
    }

    /// kubectl as one of the test users, whose kubeconfig lies beside the admin's: `alice`, `bob`,
    /// `carol`, and `dana`, `erin`, `frank` by tokens of an issuer.
    pub fn user(&self, name: &str) -> Kubectl {
        let folder = self.kubeconfig.parent().unwrap_or(Path::new("."));
        let kubeconfig = folder.join(format!("{name}.conf"));
        if !kubeconfig.is_file() {
            lacks(&format!(
                "user {name} ({}; see e2e/cluster/README.md)",
                kubeconfig.display()
            ));
        }
        Kubectl::new(&kubeconfig)
    }

    /// kubectl as nobody, by a kubeconfig that is written to `path`: whoever has a token adds it.
    pub(crate) fn nobody(&self, path: &Path) -> Kubectl {
        let view = ["config", "view", "--raw", "--flatten", "--minify"];
        let view = self.admin().must(&[&view[..], &["--output=json"]].concat());
        let read = serde_json::from_str(&view);
        let mut config: Value = read.unwrap_or_else(|error| panic!("{error}: a kubeconfig"));
        config["users"] = json!([]);
        if let Some(context) = config["contexts"][0]["context"].as_object_mut() {
            context.remove("user");
            context.remove("namespace");
        }
        let written = fs::write(path, config.to_string());
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Kubectl::new(path)
    }

    /// Ends the test where this machine does not reach pods and Services by their addresses. One that
    /// is not ours is asked, so a proxy that listens nowhere is no reason.
    pub fn needs_addresses(&self) {
        let service = self.admin().within("default");
        let service = service.get(&["service", "kubernetes"]);
        let address = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        let place = format!("{address}:443").parse();
        let reached = place.is_ok_and(|place| TcpStream::connect_timeout(&place, REACHED).is_ok());
        if !reached {
            lacks(&format!("way from this machine to Services ({address})"));
        }
    }

    /// The image of one of our programs, as pods of this cluster name it; `postgres` and `busybox` are
    /// the ones that tests run beside them.
    pub fn image(program: &str) -> String {
        let word = |name: &str, default: &str| match env::var_os(name) {
            Some(value) => value.to_string_lossy().into_owned(),
            None => default.to_owned(),
        };
        let (prefix, tag) = (word(IMAGE_PREFIX, ""), word(IMAGE_TAG, "test"));
        format!("{prefix}{program}:{tag}")
    }
}

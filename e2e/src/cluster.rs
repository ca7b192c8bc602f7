//! The cluster under test, and who acts on it.

use std::env;
use std::path::{Path, PathBuf};

use crate::kubectl::Kubectl;

/// Names the kubeconfig of the cluster's admin. Those of the test users lie beside it.
const KUBECONFIG: &str = "KUBECONFIG";
/// What stands before the names of our images, where they are pulled from a registry.
const IMAGE_PREFIX: &str = "E2E_IMAGE_PREFIX";
/// The tag of our images, where it is not the one that `make e2e` gives them.
const IMAGE_TAG: &str = "E2E_IMAGE_TAG";

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
        assert!(
            kubeconfig.is_file(),
            "the tests need a user {name}: {} is not there (see e2e/cluster/README.md)",
            kubeconfig.display()
        );
        Kubectl::new(&kubeconfig)
    }

    /// The image of one of our programs, as pods of this cluster name it.
    pub fn image(program: &str) -> String {
        let word = |name: &str, default: &str| match env::var_os(name) {
            Some(value) => value.to_string_lossy().into_owned(),
            None => default.to_owned(),
        };
        let (prefix, tag) = (word(IMAGE_PREFIX, ""), word(IMAGE_TAG, "test"));
        format!("{prefix}{program}:{tag}")
    }
}

//! What is there for a test in the platform's own namespace.

use serde_json::{Value, json};

use crate::kubectl::Kubectl;
use crate::namespace::Namespace;

/// The platform's namespace.
pub const PLATFORM: &str = "portcullis-system";

/// Objects of the platform's namespace, for as long as a test runs. They need names of its own.
#[derive(Debug)]
pub struct Platform {
    admin: Kubectl,
    objects: String,
}

// === impl Platform ===

impl Platform {
    pub fn with(namespace: &Namespace, objects: &[Value]) -> Self {
        let admin = namespace.cluster.admin().within(PLATFORM);
        let objects = json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
        admin.apply(&objects);
        Self { admin, objects }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let line = ["delete", "--wait=false", "-f", "-"];
        let _gone_before = self.admin.run_with(&line, &self.objects);
    }
}

//! A namespace with a class of its own.

use portcullis_e2e::{Kubectl, Namespace, wait_until, with_namespace};
use serde_json::{Value, json};

/// A namespace and a ConnectionClass that nobody else uses.
pub(crate) struct Bed<'n> {
    pub(crate) namespace: &'n Namespace,
    pub(crate) admin: Kubectl,
    pub(crate) class: String,
}

/// Runs a test with a bed of its own; `class` is the spec of its class.
pub(crate) fn with_bed(class: &Value, test: impl FnOnce(&Bed<'_>)) {
    with_namespace("operator", |namespace| {
        let admin = namespace.admin();
        let object = json!({
            "apiVersion": "portcullis.dev/v1alpha1",
            "kind": "ConnectionClass",
            "metadata": { "name": namespace.name },
            "spec": class,
        });
        admin.apply(&object.to_string());
        let bed = Bed {
            namespace,
            class: namespace.name.clone(),
            admin,
        };
        test(&bed);
        bed.admin
            .must(&["delete", "connectionclass", &bed.class, "--wait=false"]);
    });
}

// === impl Bed ===

impl Bed<'_> {
    /// Applies a Connection `orders`, with more in its spec, and the Secret that it names.
    pub(crate) fn connection(&self, more: &Value) {
        let mut spec = json!({
            "className": self.class,
            "protocol": "PostgreSQL",
            "upstream": { "host": "orders.internal", "database": "orders" },
            "credentials": { "secretRef": { "name": "orders-credentials" } },
            "access": { "subjects": [{ "kind": "Group", "name": "agents" }] },
            "delivery": { "mode": "Gateway", "gateway": { "replicas": 1 } },
        });
        let fields = more.as_object().into_iter().flatten();
        for (key, value) in fields {
            spec[key] = value.clone();
        }
        let object = json!({
            "apiVersion": "portcullis.dev/v1alpha1",
            "kind": "Connection",
            "metadata": { "name": "orders" },
            "spec": spec,
        });
        self.admin.apply(&object.to_string());
    }

    pub(crate) fn credential(&self, serves: &str) {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": "orders-credentials" },
            "stringData": { "serves": serves, "username": "orders", "password": "secret" },
        });
        self.admin.apply(&object.to_string());
    }

    /// Waits until a condition of an object has a status and reason; its message.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &[&str], kind: &str, wanted: &str) -> String {
        let whole = format!("{} to have {kind}={wanted}", what.join(" "));
        wait_until(&whole, || {
            let object = self.admin.get(what);
            let conditions = object["status"]["conditions"].as_array().cloned();
            let conditions = conditions.unwrap_or_default();
            let found = conditions.iter().find(|it| it["type"] == kind);
            let word = |key: &str| {
                let word = found.and_then(|it| it[key].as_str());
                word.unwrap_or_default().to_owned()
            };
            match format!("{}/{}", word("status"), word("reason")) == wanted {
                true => Ok(word("message")),
                false => Err(format!("{conditions:?}")),
            }
        })
    }

    /// Waits until an object is there and as it should be.
    #[track_caller]
    pub(crate) fn wait_to_be(&self, what: &[&str], is: impl Fn(&Value) -> bool) -> Value {
        wait_until(&format!("{} to be right", what.join(" ")), || {
            match self.admin.find(what) {
                Some(object) if is(&object) => Ok(object),
                other => Err(format!("{other:?}")),
            }
        })
    }
}

//! A namespace with a PostgreSQL, a gateway of two proxies before it, and persons who use it.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_e2e::{Cluster, Kubectl, Namespace, lacks, wait_until, with_namespace};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::session::Psql;

/// What the proxy alone knows.
pub(super) const TARGETS_PASSWORD: &str = "the-target-s-own";

/// How the target begins: whoever comes by the network proves itself.
const START: &str = "
    cd /usr/lib/postgresql/*/bin
    ./initdb --pgdata=/data/main --username=postgres --auth=trust --no-sync --no-locale --encoding=UTF8
    echo 'host all all all scram-sha-256' >>/data/main/pg_hba.conf
    exec ./postgres -D /data/main -k /data -h 0.0.0.0 -c fsync=off
";

const CONTENT: &str = "
    create role app login password 'the-target-s-own';
    create database orders owner app;
    \\connect orders app
    create table customers (id int primary key, email text, credit int);
    insert into customers values (1, 'ada@example.com', 10), (2, 'bob@example.com', 20);
";

pub(super) struct Bed<'n> {
    pub(super) namespace: &'n Namespace,
    pub(super) admin: Kubectl,
    pub(super) folder: TempDir,
    class: String,
}

/// Runs a test with a gateway that is Ready.
pub(super) fn with_gateway(test: impl FnOnce(&Bed<'_>)) {
    with_bed(|bed| {
        bed.connection(&json!({ "mode": "Gateway", "gateway": { "replicas": 2 } }));
        bed.wait_until_ready();
        bed.keep_ca();
        test(bed);
    });
}

/// Runs a test with all but the Connection.
pub(super) fn with_bed(test: impl FnOnce(&Bed<'_>)) {
    with_namespace("e2e-gateway", |namespace| {
        let bed = Bed {
            namespace,
            admin: namespace.admin(),
            folder: tempfile::tempdir().unwrap(),
            class: namespace.name.clone(),
        };
        namespace.cluster.needs_addresses();
        bed.prepare();
        test(&bed);
    });
}

// === impl Bed ===

impl Bed<'_> {
    fn prepare(&self) {
        self.admin.must(&["create", "serviceaccount", "web"]);
        self.admin.apply(&list(&self.target()));
        self.admin.apply(&list(&self.resources()));
        wait_until("the target to be filled", || {
            let said = self.target_psql(&["-v", "ON_ERROR_STOP=1"], CONTENT);
            said.map(drop)
        });
    }

    /// The Connection, delivered so.
    pub(super) fn connection(&self, delivery: &Value) {
        let namespace = &self.namespace.name;
        let spec = json!({
            "className": self.class,
            "protocol": "PostgreSQL",
            "upstream": { "host": self.host(), "database": "orders", "tls": { "mode": "Disable" } },
            "credentials": { "secretRef": { "name": "orders-credentials" } },
            "access": { "subjects": [
                { "kind": "Group", "name": "oidc:developers" },
                { "kind": "ServiceAccount", "namespace": namespace, "name": "web" },
            ]},
            "delivery": delivery,
        });
        self.admin
            .apply(&object("Connection", "orders", &spec).to_string());
    }

    /// Changes its class.
    pub(super) fn class(&self, spec: &Value) {
        let patch = json!({ "spec": spec }).to_string();
        let class = ["patch", "connectionclass", &self.class];
        self.admin
            .must(&[&class[..], &["--type=merge", "-p", &patch]].concat());
    }

    /// Takes what sessions verify proxies with.
    pub(super) fn keep_ca(&self) {
        let ca = self.admin.get(&["configmap", "orders-portcullis-ca"]);
        fs::write(self.ca(), ca["data"]["ca.crt"].as_str().unwrap()).unwrap();
    }

    /// Has the kubelet look after what the proxies mount, which it otherwise does once a minute.
    pub(super) fn nudge(&self) {
        let pods = ["pods", "--selector=portcullis.dev/connection=orders"];
        let now = format!("example.com/look={:x}", RandomState::new().hash_one(0));
        let line = [&["annotate", "--overwrite"], &pods[..], &[&now]].concat();
        self.admin.must(&line);
    }

    /// The gateway says that it serves, and as many proxies as it should have are there.
    pub(super) fn wait_until_ready(&self) {
        self.wait_until_rolled_out();
        wait_until("two proxies", || {
            let pods = self.proxies();
            (pods.len() == 2).then_some(()).ok_or(format!("{pods:?}"))
        });
    }

    /// Its Deployment is there and done, and it says that it serves.
    pub(super) fn wait_until_rolled_out(&self) {
        let rolled = ["rollout", "status", "deployment/orders", "--timeout=60s"];
        wait_until("the Deployment", || {
            let said = self.admin.run(&rolled);
            said.succeeded.then_some(()).ok_or(said.errors)
        });
        self.wait_until_it_serves();
    }

    /// It says so, and its Service leads there: the node learns of proxies a moment after the operator.
    pub(super) fn wait_until_it_serves(&self) {
        self.admin.until_ready("orders");
        let place = format!("{}:5432", self.address()).parse().unwrap();
        wait_until("the Service to lead to a proxy", || {
            let reached = TcpStream::connect_timeout(&place, Duration::from_secs(1));
            reached.map(drop).map_err(|error| error.to_string())
        });
    }

    /// Where its Service is.
    pub(super) fn address(&self) -> String {
        let service = self.admin.get(&["service", "orders"]);
        service["spec"]["clusterIP"].as_str().unwrap().to_owned()
    }

    /// The name and address of each proxy that is ready and stays.
    pub(super) fn proxies(&self) -> Vec<(String, String)> {
        let pods = self
            .admin
            .get(&["pods", "-l", "portcullis.dev/connection=orders"]);
        let pods = pods["items"].as_array().unwrap().clone();
        let stays = |pod: &&Value| {
            let conditions = pod["status"]["conditions"].as_array();
            let is_ready = |it: &Value| it["type"] == "Ready" && it["status"] == "True";
            pod["metadata"]["deletionTimestamp"].is_null()
                && conditions.is_some_and(|all| all.iter().any(is_ready))
        };
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let named = |pod: &Value| {
            (
                word(&pod["metadata"]["name"]),
                word(&pod["status"]["podIP"]),
            )
        };
        pods.iter().filter(stays).map(named).collect()
    }

    /// A session through the Service, as one of the test users.
    pub(super) fn session(&self, user: &str) -> Psql {
        self.session_at(&self.address(), &self.token(user))
    }

    /// A session at an address, over TLS that proves the Service's name.
    pub(super) fn session_at(&self, address: &str, password: &str) -> Psql {
        self.session_by(address, 5432, password)
    }

    /// The same by a port that leads there.
    pub(super) fn session_by(&self, address: &str, port: u16, password: &str) -> Psql {
        let place = format!(
            "hostaddr={address} host=orders.{}.svc port={port} dbname=orders sslmode=verify-full \
             sslrootcert={}",
            self.namespace.name,
            self.ca().display(),
        );
        Psql::open(&place, Some(password))
    }

    /// The same, by somebody who would let everybody on the way read the token.
    pub(super) fn session_in_the_clear(&self, address: &str) -> Psql {
        let place = format!("hostaddr={address} port=5432 dbname=orders sslmode=disable");
        Psql::open(&place, Some(&self.token("dana")))
    }

    /// What a test user proves itself with, here as at the API server.
    pub(super) fn token(&self, user: &str) -> String {
        let token = self.find_token(user);
        if token.split('.').count() != 3 {
            lacks(&format!("token of an issuer in the kubeconfig of {user}"));
        }
        token
    }

    fn find_token(&self, user: &str) -> String {
        let token = [
            "config",
            "view",
            "--raw",
            "--minify",
            "--output=jsonpath={.users[0].user.token}",
        ];
        self.namespace.user(user).must(&token)
    }

    /// Whose tokens name persons, and for whom they are, as one of them says itself.
    fn issuer(&self) -> (Value, Value) {
        let token = self.token("dana");
        let claims = token.split('.').nth(1).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let audience = match &claims["aud"] {
            Value::Array(all) => all[0].clone(),
            one => one.clone(),
        };
        (claims["iss"].clone(), audience)
    }

    /// What the target itself answers to its superuser.
    pub(super) fn target_says(&self, query: &str) -> String {
        self.target_psql(&["-d", "orders", "-c", query], "")
            .unwrap()
    }

    fn target_psql(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let script = "exec /usr/lib/postgresql/*/bin/psql -qXAt -h /data -U postgres \"$@\"";
        let mut line = vec![
            "exec", "-i", "database", "--", "/bin/sh", "-c", script, "psql",
        ];
        line.extend(arguments);
        let said = self.admin.run_with(&line, input);
        match said.succeeded {
            true => Ok(said.output.trim().to_owned()),
            false => Err(said.errors),
        }
    }

    pub(super) fn guard(&self, name: &str, rules: &Value) {
        let spec =
            json!({ "targetRefs": [{ "name": "orders" }], "default": "Allow", "rules": rules });
        self.admin
            .apply(&object("GuardrailPolicy", name, &spec).to_string());
    }

    fn host(&self) -> String {
        format!("database.{}.svc", self.namespace.name)
    }

    /// What sessions verify proxies with.
    pub(super) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    fn target(&self) -> Vec<Value> {
        let labels = json!({ "app": "database" });
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "database", "labels": labels },
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{
                    "name": "postgres", "image": Cluster::image("postgres"),
                    "command": ["/bin/sh", "-ec", START],
                    "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
                }],
                "volumes": [{ "name": "data", "emptyDir": {} }],
            },
        });
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "database" },
            "spec": { "selector": labels, "ports": [{ "port": 5432 }] },
        });
        vec![pod, service]
    }

    /// What people write, each by name.
    fn resources(&self) -> Vec<Value> {
        let namespace = &self.namespace.name;
        let (issuer, audience) = self.issuer();
        let class = json!({ "identity": {
            "oidc": [{
                "issuer": issuer, "audiences": [audience],
                "usernameClaim": "email", "usernamePrefix": "oidc:", "groupsClaim": "groups",
                "caRef": { "name": "kube-root-ca.crt", "key": "ca.crt" },
            }],
            "serviceAccountTokens": {
                "audiences": ["portcullis"],
                "owners": [{ "namespace": namespace, "name": "web", "owner": "oidc:dana@example.com" }],
            },
        }});
        let rules = json!([
            {
                "name": "nothing-is-removed", "match": { "verbs": ["DELETE"] }, "action": "Deny",
                "message": "customers stay",
            },
            {
                "name": "changes-wait", "match": { "verbs": ["UPDATE"] }, "action": "RequireApproval",
                "approval": { "wait": "Hold", "holdFor": "60s" },
            },
        ]);
        let guard =
            json!({ "targetRefs": [{ "name": "orders" }], "default": "Allow", "rules": rules });
        let mask = json!({
            "targetRefs": [{ "name": "orders" }],
            "match": { "columns": ["public.customers.email"] },
            "transform": { "type": "Redact" },
        });
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "orders-credentials" },
            "stringData": {
                "serves": format!("orders@{}:5432", self.host()),
                "username": "app", "password": TARGETS_PASSWORD,
            },
        });
        let approvers = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "approvers" },
            "subjects": [{
                "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "oidc:approvers",
            }],
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": "portcullis-approver",
            },
        });
        vec![
            object("ConnectionClass", &self.class, &class),
            secret,
            object("GuardrailPolicy", "customers", &guard),
            object("MaskingRule", "emails", &mask),
            approvers,
        ]
    }
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        let class = ["delete", "connectionclass", &self.class, "--wait=false"];
        let _gone_before = self.admin.run(&class);
    }
}

pub(super) fn list(items: &[Value]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

pub(super) fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": kind,
        "metadata": { "name": name }, "spec": spec,
    })
}

//! A namespace with a Connection, the rights of its proxies, a database, and proxies that run here.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Arc;

use portcullis_e2e::{Cluster, Kubectl, Namespace, wait_until, with_namespace};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::relay::Relay;
use super::target::Target;
use crate::session::Psql;

/// An API key, and its hash as a class has it.
pub(super) const KEY: &str = "agent-key";
const HASHED: &str = "112a8d31e2b0fb3f207031fef32f7a7245f787b4d4e85b45f65aa5b83435368c";

/// What proxies of `orders` act as. It is there before the operator comes, which makes no gateway then.
const ACCOUNT: &str = "orders-portcullis";

/// The operator, as the API server calls it.
pub(super) const OPERATOR: &str = "system:serviceaccount:portcullis-system:portcullis-operator";

const SCRIPT: &str = "
    create table customers (id int, email text);
    insert into customers values (1, 'ada@example.com');
    create table journal (line text);
";

pub(super) struct Bed<'n> {
    pub(super) namespace: &'n Namespace,
    pub(super) admin: Kubectl,
    pub(super) target: Arc<Target>,
    pub(super) relay: Relay,
    folder: TempDir,
    class: String,
}

/// One proxy, which ends when it is dropped.
pub(super) struct Proxy {
    child: Child,
    pub(super) name: String,
    pub(super) port: u16,
    admin: u16,
    log: PathBuf,
    database: String,
}

/// Runs a test with a bed of its own.
pub(super) fn with_bed(test: impl FnOnce(&Bed<'_>)) {
    with_namespace("e2e-plane", |namespace| {
        let class = namespace.name.clone();
        let admin = namespace.admin();
        let target = Target::shared();
        target.database(&namespace.name, SCRIPT);
        let bed = Bed {
            relay: Relay::to(api_server(&admin)),
            folder: tempfile::tempdir().unwrap(),
            target,
            admin,
            namespace,
            class,
        };
        bed.prepare();
        test(&bed);
    });
}

// === impl Bed ===

impl Bed<'_> {
    fn prepare(&self) {
        let _token = self.namespace.service_account(ACCOUNT);
        self.admin.apply(&self.rights());
        self.class(&json!({}));
        let secret = self.folder.path().join("objects/secrets");
        let secret = secret.join(&self.namespace.name).join("orders");
        fs::create_dir_all(&secret).unwrap();
        let serves = format!("orders@127.0.0.1:{}", self.target.port);
        for (key, value) in [
            ("serves", serves.as_str()),
            ("username", "app"),
            ("password", "hunter2"),
        ] {
            fs::write(secret.join(key), value).unwrap();
        }
    }

    /// The class, with what a test adds to it.
    pub(super) fn class(&self, more: &Value) {
        let namespace = &self.namespace.name;
        let owner = "oidc:alice@example.com";
        let mut spec = json!({ "identity": {
            "apiKeys": [{ "username": "agent-7", "owner": owner, "groups": ["agents"], "sha256": HASHED }],
            "serviceAccountTokens": {
                "audiences": ["portcullis"],
                "owners": [{ "namespace": namespace, "name": "web", "owner": owner }],
            },
        }});
        merge(&mut spec, more);
        self.admin.apply(&json!({
            "apiVersion": "portcullis.dev/v1alpha1", "kind": "ConnectionClass",
            "metadata": { "name": self.class, "labels": { "portcullis-e2e": "plane" } }, "spec": spec,
        }).to_string());
    }

    /// The Connection, with what a test adds to it.
    pub(super) fn connection(&self, more: &Value) {
        self.apply("Connection", "orders", &self.spec(more));
    }

    pub(super) fn spec(&self, more: &Value) -> Value {
        let mut spec = json!({
            "className": self.class,
            "protocol": "PostgreSQL",
            "upstream": {
                "host": "127.0.0.1", "port": self.target.port, "database": self.namespace.name,
                "tls": { "mode": "Disable" },
            },
            "credentials": { "secretRef": { "name": "orders" } },
            "access": { "subjects": [
                { "kind": "Group", "name": "agents" },
                { "kind": "ServiceAccount", "namespace": self.namespace.name, "name": "web" },
            ]},
        });
        merge(&mut spec, more);
        spec
    }

    pub(super) fn apply(&self, kind: &str, name: &str, spec: &Value) {
        self.admin.apply(&object(kind, name, spec));
    }

    /// A policy for this Connection that allows all but what its rules say.
    pub(super) fn guard(&self, name: &str, rules: &Value) {
        self.apply("GuardrailPolicy", name, &guard(rules));
    }

    pub(super) fn mask(&self, transform: &Value) {
        self.apply(
            "MaskingRule",
            "emails",
            &json!({
                "targetSelector": {},
                "match": { "columns": ["public.customers.email"] },
                "transform": transform,
            }),
        );
    }

    /// A proxy, as a pod's; it is ready. `number` makes its address.
    pub(super) fn proxy(&self, number: u8) -> Proxy {
        let proxy = self.start(number, &[]);
        proxy.wait_until_ready();
        proxy
    }

    pub(super) fn start(&self, number: u8, more: &[&str]) -> Proxy {
        self.start_as(number, more, |_| {})
    }

    /// The same, with more that its process has.
    pub(super) fn start_as(
        &self,
        number: u8,
        more: &[&str],
        change: impl FnOnce(&mut Command),
    ) -> Proxy {
        let name = format!("orders-{number}");
        let uid = self.pod(&name);
        // As open as a volume is.
        let state = self.folder.path().join(format!("state-{number}"));
        fs::create_dir_all(&state).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
        let log = self.folder.path().join(format!("log-{number}"));
        let (port, admin) = (free_port(), free_port());
        let program = std::env::current_exe().unwrap();
        let program = program
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .join("portcullis-proxy");
        let mut command = Command::new(&program);
        command
            .env("KUBECONFIG", self.kubeconfig())
            .arg("cluster")
            .args([
                "--namespace",
                &self.namespace.name,
                "--connection",
                "orders",
            ])
            .arg("--objects")
            .arg(self.folder.path().join("objects"))
            .arg("--state")
            .arg(state)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--admin", &format!("127.0.0.1:{admin}")])
            .args(["--pod-name", &name, "--pod-uid", &uid])
            .args(["--pod-ip", &format!("10.244.0.{number}")])
            .args(more)
            .stderr(File::create(&log).unwrap());
        change(&mut command);
        let child = command.spawn();
        let built = "is it built? `make e2e` builds it";
        let child = child.unwrap_or_else(|error| panic!("{}: {error}; {built}", program.display()));
        Proxy {
            child,
            name,
            port,
            admin,
            log,
            database: self.namespace.name.clone(),
        }
    }

    /// A pod that is never placed: a Lease goes with one.
    fn pod(&self, name: &str) -> String {
        self.admin.apply(
            &json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
                "spec": {
                    "nodeSelector": { "is": "nowhere" },
                    "containers": [{ "name": "none", "image": Cluster::image("busybox") }],
                },
            })
            .to_string(),
        );
        let pod = self.admin.get(&["pod", name]);
        pod["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// How a proxy reaches the API server: through the relay, by its account's token.
    fn kubeconfig(&self) -> PathBuf {
        let path = self.folder.path().join("kubeconfig");
        let config = [
            "config",
            "view",
            "--raw",
            "--flatten",
            "--minify",
            "--output=json",
        ];
        let mut config: Value = serde_json::from_str(&self.admin.must(&config)).unwrap();
        let cluster = &mut config["clusters"][0]["cluster"];
        let server = cluster["server"].as_str().unwrap().to_owned();
        let host = server.trim_start_matches("https://");
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        cluster["tls-server-name"] = json!(host);
        cluster["server"] = json!(format!("https://127.0.0.1:{}", self.relay.port));
        let token = self.admin.must(&["create", "token", ACCOUNT]);
        config["users"][0]["user"] = json!({ "token": token.trim() });
        fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// The same for whoever has a wrong clock: by that the API server's certificate may be none yet.
    pub(super) fn kubeconfig_for_any_clock(&self) -> PathBuf {
        let file = File::open(self.kubeconfig()).unwrap();
        let mut config: Value = serde_json::from_reader(file).unwrap();
        let cluster = config["clusters"][0]["cluster"].as_object_mut().unwrap();
        cluster.remove("certificate-authority-data");
        cluster.insert("insecure-skip-tls-verify".to_owned(), json!(true));
        let path = self.folder.path().join("kubeconfig-any-clock");
        fs::write(&path, config.to_string()).unwrap();
        path
    }

    pub(super) fn lease(&self, proxy: &Proxy) -> Value {
        self.admin.get(&["lease", &proxy.name])
    }

    /// What a proxy may, as the operator grants it.
    fn rights(&self) -> String {
        let group = "portcullis.dev";
        let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
        let watch: &[&str] = &["get", "list", "watch"];
        let mut own = rule(
            group,
            &["connections"],
            &["get", "list", "watch", "request-for"],
        );
        own["resourceNames"] = json!(["orders"]);
        let proxy = [
            own,
            rule(group, &["guardrailpolicies", "maskingrules"], watch),
            rule(
                group,
                &["approvalrequests"],
                &["get", "list", "watch", "create"],
            ),
            rule(group, &["approvalrequests/status"], &["patch"]),
            rule("coordination.k8s.io", &["leases"], &["create", "patch"]),
            rule("discovery.k8s.io", &["endpointslices"], watch),
        ];
        let platform = [
            rule(group, &["connectionclasses"], watch),
            rule("", &["namespaces"], watch),
            rule("authentication.k8s.io", &["tokenreviews"], &["create"]),
            rule(
                "authorization.k8s.io",
                &["subjectaccessreviews"],
                &["create"],
            ),
            // A Role in the platform's namespace does for a real one.
            rule(
                group,
                &["guardrailpolicies", "maskingrules"],
                &["list", "watch"],
            ),
        ];
        let approver = [
            rule(
                group,
                &["approvalrequests", "approvalrequests/status"],
                &["get", "patch"],
            ),
            rule(group, &["connections"], &["approve"]),
        ];
        let namespace = &self.namespace.name;
        let account = json!({ "kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace });
        let user = |name: &str| json!({ "kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io" });
        let global = format!("e2e-plane-{namespace}");
        let items = [
            role("Role", "proxy", &json!(proxy)),
            binding("RoleBinding", ("Role", "proxy"), &json!([account])),
            role("Role", "approver", &json!(approver)),
            binding(
                "RoleBinding",
                ("Role", "approver"),
                &json!([user("carol"), user("bob"), user(OPERATOR)]),
            ),
            role("ClusterRole", &global, &json!(platform)),
            binding(
                "ClusterRoleBinding",
                ("ClusterRole", &global),
                &json!([account]),
            ),
        ];
        json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
    }
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        let global = format!("e2e-plane-{}", self.namespace.name);
        for (kind, name) in [
            ("connectionclass", &self.class),
            ("clusterrole", &global),
            ("clusterrolebinding", &global),
        ] {
            let _gone_before = self.admin.run(&["delete", kind, name, "--wait=false"]);
        }
    }
}

// === impl Proxy ===

impl Proxy {
    pub(super) fn wait_until_ready(&self) {
        wait_until("a proxy to be ready", || match self.get("/readyz") {
            Some((200, _)) => Ok(()),
            other => Err(format!("{other:?}\n{}", self.log())),
        });
    }

    pub(super) fn session(&self) -> Psql {
        self.session_with(Some(KEY))
    }

    pub(super) fn session_with(&self, password: Option<&str>) -> Psql {
        let place = format!("host=127.0.0.1 port={} dbname={}", self.port, self.database);
        Psql::open(&place, password)
    }

    /// Tells it to stop, as the kubelet does, and waits until it has.
    pub(super) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.unwrap().success());
        let ended = wait_until("a proxy to stop", || {
            let ended = self.child.try_wait().unwrap();
            ended.ok_or_else(|| self.log())
        });
        assert!(ended.success(), "{ended}: {}", self.log());
    }

    pub(super) fn is_open(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    pub(super) fn get(&self, path: &str) -> Option<(u16, String)> {
        self.call("GET", path, None)
    }

    /// Asks the admin port. None where nobody answers.
    pub(super) fn call(
        &self,
        method: &str,
        path: &str,
        bearer: Option<&str>,
    ) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).ok()?;
        let bearer = bearer.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let bearer = bearer.unwrap_or_default();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{bearer}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        #[allow(clippy::disallowed_methods, reason = "it answers and closes")]
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer))
    }

    #[allow(clippy::disallowed_methods, reason = "a log of its own program")]
    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _ended = self.child.wait();
    }
}

pub(super) fn guard(rules: &Value) -> Value {
    json!({ "targetSelector": {}, "enforcement": "Enforce", "default": "Allow", "rules": rules })
}

pub(super) fn object(kind: &str, name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": kind,
        "metadata": { "name": name }, "spec": spec,
    })
    .to_string()
}

fn role(kind: &str, name: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": { "name": name }, "rules": rules,
    })
}

fn binding(kind: &str, (role_kind, role): (&str, &str), subjects: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": role },
        "subjects": subjects,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role },
    })
}

fn merge(into: &mut Value, more: &Value) {
    for (key, value) in more.as_object().into_iter().flatten() {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            into[key] = value.clone();
        }
    }
}

fn api_server(admin: &Kubectl) -> SocketAddr {
    let server = [
        "config",
        "view",
        "--minify",
        "--output=jsonpath={.clusters[0].cluster.server}",
    ];
    let server = admin.must(&server);
    let address = server.trim().trim_start_matches("https://");
    let address = address.trim_end_matches('/');
    let whole = match address.rsplit_once(':') {
        Some(_) => address.to_owned(),
        None => format!("{address}:443"),
    };
    whole.to_socket_addrs().unwrap().next().unwrap()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

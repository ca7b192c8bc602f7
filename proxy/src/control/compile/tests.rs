use super::*;

const CLASS: &str = r#"
apiVersion: portcullis.dev/v1alpha1
kind: ConnectionClass
metadata: {name: default}
spec:
  identity:
    apiKeys:
      - username: agent-7
        owner: oidc:alice@example.com
        sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    osUsers:
      - {uid: 1000, username: "oidc:carol@example.com"}
  admin: {groups: ["oidc:platform"]}
"#;
const CONNECTION: &str = r#"
apiVersion: portcullis.dev/v1alpha1
kind: Connection
metadata: {name: orders-db, namespace: shop}
spec:
  protocol: PostgreSQL
  port: 15432
  upstream: {host: Orders.Internal, database: orders}
  credentials: {secretRef: {name: orders}}
  access: {subjects: [{kind: User, name: agent-7}]}
"#;
const SECRET: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: orders, namespace: shop}
stringData: {serves: "orders-db@orders.INTERNAL:5432", username: app, password: hunter2}
"#;
const POLICY: &str = r#"
apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata: {name: read-only, namespace: shop}
spec:
  targetSelector: {}
  default: Deny
  rules:
    - {name: reads, match: {effects: [Read]}, action: Allow}
"#;

fn of(documents: &[&str]) -> Result<Configuration, Vec<Refusal>> {
    compile(&[("all.yaml".to_owned(), documents.join("---").into_bytes())])
}

fn refusals(documents: &[&str]) -> Vec<String> {
    of(documents)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn orders(configuration: &Configuration) -> &Compiled {
    let name = ("shop".to_owned(), "orders-db".to_owned());
    configuration.connections.get(&name).unwrap()
}

#[test]
fn a_whole_directory_becomes_targets() {
    let configuration = of(&[CLASS, CONNECTION, SECRET, POLICY]).unwrap();
    let compiled = orders(&configuration);
    assert_eq!((compiled.protocol, compiled.port), ("PostgreSQL", 15432));
    let upstream = &compiled.pieces.upstream;
    assert_eq!(
        (upstream.host.as_str(), upstream.port),
        ("orders.internal", 5432)
    );
    let credential = compiled.pieces.credential.as_ref().unwrap();
    assert_eq!(credential.username, "app");
    assert_eq!(credential.password.as_ref().unwrap().reveal(), b"hunter2");
    assert!(configuration.closed.is_empty() && configuration.advice.is_empty());
    let class = configuration.classes.get("default").unwrap();
    assert_eq!(
        class.deciders.username(1000),
        Some("oidc:carol@example.com")
    );
    assert_eq!(class.deciders.username(1001), None);
    assert_eq!(class.admin_groups, ["oidc:platform"]);
}

#[test]
fn a_credential_is_used_only_where_its_secret_says() {
    for (serves, fine) in [
        ("orders-db@orders.internal:5432", true),
        ("orders-db@ORDERS.internal:5432\\n", true),
        ("other-db@orders.internal:5432", false),
        ("orders-db@orders.internal.evil.example:5432", false),
        ("orders-db@orders.internal:5433", false),
        ("orders-db@orders.internal", false),
        ("orders-db", false),
        ("", false),
    ] {
        let secret = SECRET.replace("orders-db@orders.INTERNAL:5432", serves);
        let configuration = of(&[CLASS, CONNECTION, &secret, POLICY]).unwrap();
        let credential = &orders(&configuration).pieces.credential;
        assert_eq!(credential.is_ok(), fine, "{serves}: {credential:?}");
        assert_eq!(configuration.closed.len(), usize::from(!fine));
    }
}

#[test]
fn a_missing_secret_closes_its_connection_alone_and_says_so() {
    let configuration = of(&[CLASS, CONNECTION, POLICY]).unwrap();
    assert!(orders(&configuration).pieces.credential.is_err());
    assert_eq!(
        configuration.closed[0].to_string(),
        "all.yaml: document 2: spec.credentials.secretRef: there is no Secret shop/orders; write \
         one, or name another"
    );
}

#[test]
fn a_secret_never_shows() {
    let configuration = of(&[CLASS, CONNECTION, SECRET, POLICY]).unwrap();
    assert!(!format!("{configuration:?}").contains("hunter2"));
    let secret = SECRET.replace("username: app, ", "");
    let configuration = of(&[CLASS, CONNECTION, &secret, POLICY]).unwrap();
    assert!(!format!("{configuration:?}").contains("hunter2"));
}

#[test]
fn a_ca_that_does_not_resolve_is_refused_and_one_that_does_is_used() {
    let connection = CONNECTION.replace(
        "database: orders}",
        "database: orders, tls: {caRef: {name: ca}}}",
    );
    let refused = refusals(&[CLASS, &connection, SECRET, POLICY]);
    assert_eq!(
        refused,
        [
            "all.yaml: document 2: spec.upstream.tls.caRef: there is no key ca.crt in ConfigMap \
          shop/ca; add it there"
        ]
    );
    let map = |pem: &str| {
        let pem = pem.replace('\n', "\\n");
        format!(
            "\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: ca, namespace: shop}}\ndata: {{ca.crt: \"{pem}\"}}\n"
        )
    };
    let refused = refusals(&[CLASS, &connection, SECRET, POLICY, &map("nothing")]);
    assert!(
        refused[0].ends_with("holds no certificate in PEM"),
        "{refused:?}"
    );
    let made = rcgen::generate_simple_self_signed(["ca.internal".to_owned()]).unwrap();
    let configuration = of(&[CLASS, &connection, SECRET, POLICY, &map(&made.cert.pem())]).unwrap();
    let ca = orders(&configuration).pieces.upstream.ca.clone().unwrap();
    assert_eq!(ca, [made.cert.der().clone()]);
}

#[test]
fn without_a_class_defaults_hold_and_nobody_gets_in() {
    let configuration = of(&[CONNECTION, SECRET, POLICY]).unwrap();
    let class = configuration.classes.get("default").unwrap();
    assert_eq!(class.identity, crate::identity::IdentityConfig::default());
    assert!(
        configuration
            .advice
            .iter()
            .any(|advice| advice.contains("nobody gets in"))
    );
    let other = CONNECTION.replace("spec:\n", "spec:\n  className: special\n");
    assert_eq!(
        refusals(&[&other, SECRET, POLICY]),
        [
            "all.yaml: document 1: spec.className: there is no ConnectionClass special; write one, \
          or name another"
        ]
    );
}

#[test]
fn every_error_is_told_at_its_place_and_nothing_is_taken_over() {
    let policy = POLICY.replace("{effects: [Read]}", "{effects: [Read], text: [\"(\"]}");
    let second = CONNECTION.replace("orders-db", "more-db");
    let refused = refusals(&[CLASS, CONNECTION, SECRET, &policy, &second]);
    assert!(
        refused.iter().any(|error| {
            error.starts_with("all.yaml: document 4: spec.rules[0].match.text[0]: ")
        })
    );
    let files = [
        ("a.yaml".to_owned(), CONNECTION.as_bytes().to_vec()),
        ("b.yaml".to_owned(), b"kind: Connection\n".to_vec()),
    ];
    let refused = compile(&files).unwrap_err();
    assert!(
        refused
            .iter()
            .all(|error| error.file == "b.yaml" && error.document == 1)
    );
}

#[test]
fn two_connections_on_one_port_are_refused() {
    let second = CONNECTION.replace("orders-db", "other-db");
    assert_eq!(
        refusals(&[CLASS, CONNECTION, SECRET, POLICY, &second]),
        [
            "all.yaml: document 5: spec.port: shop/orders-db listens on port 15432 already; choose \
          another"
        ]
    );
}

#[test]
fn requests_are_refused_wherever_they_come_from_a_directory() {
    let request = r#"
apiVersion: portcullis.dev/v1alpha1
kind: ApprovalRequest
metadata: {name: forged, namespace: shop}
spec:
  connectionRef: {name: orders-db, uid: u}
  policyRef: {name: p, rule: r, generation: 1}
  requester: {username: mallory}
  operation:
    hash: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    hashVersion: v1
    summary: DROP TABLE orders
  requiredApprovals: 1
  expiresAt: "2036-11-20T10:15:00Z"
"#;
    assert_eq!(
        refusals(&[request]),
        [
            "all.yaml: document 1: kind: only the proxy writes requests, under its own state; remove \
          it"
        ]
    );
}

#[test]
fn the_revision_follows_every_object_but_secrets() {
    let base = of(&[CLASS, CONNECTION, SECRET, POLICY]).unwrap().revision;
    let rotated = SECRET.replace("hunter2", "hunter3");
    assert_eq!(
        of(&[CLASS, CONNECTION, &rotated, POLICY]).unwrap().revision,
        base
    );
    let edited = POLICY.replace("reads", "looks");
    assert_ne!(
        of(&[CLASS, CONNECTION, SECRET, &edited]).unwrap().revision,
        base
    );
}

#[test]
fn classes_of_one_process_agree_on_the_recording() {
    let special = CLASS
        .replace("name: default", "name: special")
        .replace("  admin:", "  recording: {spoolSize: 2Gi}\n  admin:");
    let second = CONNECTION
        .replace("orders-db", "other-db")
        .replace("15432", "15433")
        .replace("spec:\n", "spec:\n  className: special\n");
    let refused = refusals(&[CLASS, &special, CONNECTION, &second, SECRET, POLICY]);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].starts_with("all.yaml: document 2: spec.recording: differs from"));
    let store = CLASS.replace(
        "  admin:",
        "  recording: {store: {url: \"s3://b\", endpoint: \"http://127.0.0.1:9\", region: r}}\n  admin:",
    );
    let store = of(&[&store, CONNECTION, SECRET, POLICY])
        .unwrap()
        .recording
        .store
        .unwrap();
    assert_eq!(store.url, "s3://b");
    let names: Vec<&str> = store.options.keys().map(String::as_str).collect();
    assert_eq!(names, ["allow_http", "endpoint", "region"]);
}

#[test]
fn a_mask_that_needs_a_key_gets_it_or_is_refused() {
    let mask = r#"
apiVersion: portcullis.dev/v1alpha1
kind: MaskingRule
metadata: {name: pii, namespace: shop}
spec:
  targetSelector: {}
  match: {columns: [public.customers.email]}
  transform: {type: Hash, keySecretRef: {name: masks, key: key}}
"#;
    let refused = refusals(&[CLASS, CONNECTION, SECRET, POLICY, mask]);
    assert!(refused[0].starts_with("all.yaml: document 5: spec.transform.keySecretRef: there is"));
    let key = "\napiVersion: v1\nkind: Secret\nmetadata: {name: masks, namespace: shop}\nstringData: {key: \"0123456789abcdef0123456789abcdef\"}\n";
    assert!(of(&[CLASS, CONNECTION, SECRET, POLICY, mask, key]).is_ok());
}

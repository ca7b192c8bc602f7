use super::*;
use crate::connection::{DeliveryMode, Protocol, TlsMode};
use crate::duration::Duration;

const CONNECTION: &str = "\
apiVersion: portcullis.dev/v1alpha1
kind: Connection
metadata:
  name: orders-db
spec:
  protocol: PostgreSQL
  upstream:
    host: orders.internal
    database: orders
  credentials:
    secretRef:
      name: orders
";

const POLICY: &str = "\
apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata: {name: read-only, namespace: shop}
spec:
  targetSelector: {}
  default: Deny
  rules:
  - name: reads
    match: {effects: [Read]}
    action: Allow
";

/// All errors of a text, one a line.
fn errors(text: &str) -> String {
    match read(text.as_bytes()) {
        Ok(documents) => panic!("accepted: {documents:?}"),
        Err(errors) => errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

#[test]
fn documents_are_read_with_their_defaults() {
    let documents = read(format!("{CONNECTION}---\n{POLICY}").as_bytes()).unwrap();
    let [connection] = documents.connections.as_slice() else {
        panic!("{documents:?}")
    };
    assert_eq!(connection.metadata.name.as_deref(), Some("orders-db"));
    assert_eq!(connection.metadata.namespace.as_deref(), Some("default"));
    let spec = &connection.spec;
    assert_eq!(spec.protocol, Protocol::PostgreSql);
    assert_eq!(spec.class_name, "default");
    assert_eq!(spec.upstream.tls.mode, TlsMode::VerifyFull);
    assert_eq!(spec.delivery.mode, DeliveryMode::Gateway);
    assert_eq!(
        spec.delivery
            .gateway
            .as_ref()
            .and_then(|gateway| gateway.replicas),
        Some(1)
    );
    assert_eq!(spec.on_policy_stale.after, Duration::from_secs(60));
    assert_eq!(
        connection
            .status
            .as_ref()
            .map(|status| status.observed_generation),
        Some(-1)
    );
    let [policy] = documents.guardrail_policies.as_slice() else {
        panic!("{documents:?}")
    };
    assert_eq!(policy.metadata.namespace.as_deref(), Some("shop"));
    assert_eq!(policy.spec.rules.len(), 1);
}

#[test]
fn every_kind_is_read() {
    let documents = read(
        b"apiVersion: portcullis.dev/v1alpha1
kind: ConnectionClass
metadata: {name: default}
spec: {}
---
apiVersion: portcullis.dev/v1alpha1
kind: MaskingRule
metadata: {name: email}
spec:
  targetRefs: [{name: orders-db}]
  match: {columns: [public.customers.email]}
  transform: {type: Redact}
---
apiVersion: portcullis.dev/v1alpha1
kind: ApprovalRequest
metadata: {name: orders-db-0123456789abcdef-1}
spec:
  connectionRef: {name: orders-db, uid: 5d3c1f5e}
  policyRef: {name: production, rule: no-ddl, generation: 7}
  requester: {username: agent}
  operation:
    hash: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    hashVersion: v1
    summary: DELETE FROM orders
  requiredApprovals: 1
  expiresAt: 2026-11-20T10:15:00Z
---
apiVersion: v1
kind: Secret
metadata: {name: orders}
data: {username: b3JkZXJz}
stringData: {password: hunter2}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ca}
data: {ca.crt: PEM}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {env: prod}}
",
    )
    .unwrap();
    assert_eq!(documents.connection_classes.len(), 1);
    assert_eq!(documents.connection_classes[0].metadata.namespace, None);
    assert_eq!(documents.masking_rules.len(), 1);
    assert_eq!(
        documents.approval_requests[0]
            .spec
            .ttl_seconds_after_finished,
        86_400
    );
    assert_eq!(
        documents.approval_requests[0]
            .status
            .as_ref()
            .unwrap()
            .decisions,
        []
    );
    let data = documents.secrets[0].data.as_ref().unwrap();
    assert_eq!(data["username"].0, b"orders");
    assert_eq!(data["password"].0, b"hunter2");
    assert_eq!(documents.secrets[0].string_data, None);
    assert_eq!(
        documents.config_maps[0].data.as_ref().unwrap()["ca.crt"],
        "PEM"
    );
}

#[test]
fn documents_without_content_are_skipped_but_counted() {
    let text = format!("# a comment\n---\n---\n# another\n---\n{CONNECTION}---\n");
    assert_eq!(read(text.as_bytes()).unwrap().connections.len(), 1);
    assert_eq!(read(b"").unwrap(), Documents::default());
    let wrong = errors("---\n---\n# nothing\n---\nkind: Connection\n");
    assert_eq!(
        wrong,
        "document 3: apiVersion: is missing; it must be written (line 5, column 1)"
    );
}

#[test]
fn the_uid_stays_with_the_name_and_the_generation_goes_with_the_content() {
    let first = read(CONNECTION.as_bytes())
        .unwrap()
        .connections
        .remove(0)
        .metadata;
    let again = read(CONNECTION.as_bytes())
        .unwrap()
        .connections
        .remove(0)
        .metadata;
    let edited = CONNECTION.replace("database: orders", "database: other");
    let edited = read(edited.as_bytes())
        .unwrap()
        .connections
        .remove(0)
        .metadata;
    let renamed = CONNECTION.replace("name: orders-db", "name: orders-db-2");
    let renamed = read(renamed.as_bytes())
        .unwrap()
        .connections
        .remove(0)
        .metadata;
    assert_eq!(
        (&first.uid, first.generation),
        (&again.uid, again.generation)
    );
    assert_eq!(first.uid, edited.uid);
    assert_ne!(first.generation, edited.generation);
    assert_ne!(first.uid, renamed.uid);
    assert_eq!(first.uid.as_ref().map(String::len), Some(36));
    assert!(
        first
            .generation
            .is_some_and(|generation| (1..1 << 49).contains(&generation))
    );
}

#[test]
fn all_errors_of_all_documents_are_told_at_once() {
    let text = "\
apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata: {name: production}
spec:
  targetRefs:
  - {name: orders-db}
  default: Alow
  rules:
  - name: no-ddl
    macth: {effects: [Define]}
    action: Deny
    message: 5
---
apiVersion: portcullis.dev/v1alpha1
kind: MaskingRule
metadata: {}
spec:
  targetRefs: [{name: orders-db}]
  match: {columns: []}
  transform: {type: Redact, keepLast: four}
";
    assert_eq!(
        errors(text),
        "\
document 1: spec.default: \"Alow\" is not known here; write Allow or Deny (line 7, column 12)
document 1: spec.rules[0].macth: there is no such field; did you mean match? (line 10, column 5)
document 1: spec.rules[0].message: is a number; write a text; put it in quotes (line 12, column 14)
document 1: spec.rules[0].match: is missing; it must be written (line 9, column 5)
document 2: metadata.name: is missing; it must be written (line 16, column 11)
document 2: spec.match.columns: is empty; write something, or leave the field out (line 19, column 20)
document 2: spec.transform.keepLast: is the text \"four\"; write a whole number without quotes (line 20, column 39)"
    );
}

#[test]
fn rules_of_the_schema_hold_for_files() {
    let both = POLICY.replace(
        "  default: Deny",
        "  targetRefs: [{name: orders-db}]\n  default: Deny",
    );
    assert_eq!(
        errors(&both),
        "document 1: spec: write either targetRefs or targetSelector (line 5, column 3)"
    );
    let unapproved = POLICY.replace("action: Allow", "action: RequireApproval");
    assert_eq!(
        errors(&unapproved),
        "document 1: spec.rules[0].approval: action RequireApproval needs approval ({} takes the defaults), and no other action takes it (line 8, column 5)"
    );
}

#[test]
fn an_unsupported_protocol_is_refused_by_name() {
    for protocol in ["MySQL", "Redis", "SSH", "Kubernetes", "HTTP", "postgresql"] {
        let text = CONNECTION.replace("PostgreSQL", protocol);
        assert_eq!(
            errors(&text),
            format!(
                "document 1: spec.protocol: \"{protocol}\" is not known here; write PostgreSQL (line 6, column 13)"
            )
        );
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let text = CONNECTION.replace(
        "    database: orders\n",
        "    database: orders\n    host: other\n",
    );
    assert_eq!(
        errors(&text),
        "document 1: the key \"host\" is there twice; keep one (line 10, column 5)"
    );
    // Also where one is quoted, and in flow style.
    assert_eq!(
        errors("apiVersion: v1\nkind: Secret\nmetadata: {name: a, \"name\": b}\n"),
        "document 1: the key \"name\" is there twice; keep one (line 3, column 21)"
    );
}

#[test]
fn a_second_object_of_the_same_name_is_refused_also_in_another_file() {
    let text = format!("{CONNECTION}---\n{POLICY}---\n{CONNECTION}");
    assert_eq!(
        errors(&text),
        "document 3: metadata.name: Connection default/orders-db is already written in document 1; write each object once (line 28, column 9)"
    );
    let mut reader = Reader::new();
    reader.add("a.yaml", CONNECTION.as_bytes());
    reader.add(
        "b.yaml",
        format!("---\n{}", CONNECTION.replace("orders.internal", "other")).as_bytes(),
    );
    let wrong = reader.finish().unwrap_err();
    assert_eq!(
        wrong.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "b.yaml: document 1: metadata.name: Connection default/orders-db is already written in document 1 of a.yaml; write each object once (line 5, column 9)"
        ]
    );
    // Another namespace is another object; `default` written out is the same one.
    let elsewhere = CONNECTION.replace("name: orders-db\n", "name: orders-db\n  namespace: shop\n");
    assert_eq!(
        read(format!("{CONNECTION}---\n{elsewhere}").as_bytes())
            .unwrap()
            .connections
            .len(),
        2
    );
    let same = CONNECTION.replace(
        "name: orders-db\n",
        "name: orders-db\n  namespace: default\n",
    );
    assert!(read(format!("{CONNECTION}---\n{same}").as_bytes()).is_err());
}

#[test]
fn kinds_and_versions_that_are_not_read_are_refused() {
    for (text, error) in [
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
            "document 1: kind: \"Deployment\" is no kind that is read; there are Connection, ConnectionClass, GuardrailPolicy, MaskingRule, ApprovalRequest, Secret, ConfigMap, Namespace, and List of these (line 2, column 7)",
        ),
        (
            "apiVersion: portcullis.dev/v1\nkind: Connection\nmetadata: {name: a}\n",
            "document 1: apiVersion: \"portcullis.dev/v1\" has no Connection; write portcullis.dev/v1alpha1 (line 1, column 13)",
        ),
        (
            "kind: 5\nmetadata: {name: a}\n",
            "document 1: apiVersion: is missing; it must be written (line 1, column 1)\ndocument 1: kind: is no text; write one (line 1, column 7)",
        ),
        (
            "- apiVersion: v1\n",
            "document 1: is no object; write apiVersion, kind and metadata (line 1, column 1)",
        ),
        (
            "just words",
            "document 1: is no object; write apiVersion, kind and metadata (line 1, column 1)",
        ),
        (
            "apiVersion: portcullis.dev/v1alpha1\nkind: Connection\nmetadata: {name: a}\n",
            "document 1: spec: is missing; it must be written (line 1, column 1)",
        ),
    ] {
        assert_eq!(errors(text), error, "{text}");
    }
}

#[test]
fn metadata_takes_names_and_labels_and_nothing_that_only_a_cluster_can_heed() {
    for (metadata, error) in [
        (
            "name: Orders",
            "document 1: metadata.name: \"Orders\" does not match ^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$; write it like orders-db (line 3, column 18)",
        ),
        (
            "name: a, finalizers: [b]",
            "document 1: metadata.finalizers: means something in a cluster only; remove it (line 3, column 21)",
        ),
        (
            "name: a, ownerReferences: []",
            "document 1: metadata.ownerReferences: means something in a cluster only; remove it (line 3, column 21)",
        ),
        (
            "name: a, lables: {}",
            "document 1: metadata.lables: there is no such field; did you mean labels? (line 3, column 21)",
        ),
        (
            "name: a, namespace: Shop",
            "document 1: metadata.namespace: \"Shop\" does not match ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$; write it like shop (line 3, column 32)",
        ),
    ] {
        let text = POLICY.replace(
            "metadata: {name: read-only, namespace: shop}",
            &format!("metadata: {{{metadata}}}"),
        );
        assert_eq!(errors(&text), error);
    }
    assert_eq!(
        errors(
            "apiVersion: portcullis.dev/v1alpha1\nkind: ConnectionClass\nmetadata: {name: a, namespace: b}\nspec: {}\n"
        ),
        "document 1: metadata.namespace: this kind belongs to no namespace; remove it (line 3, column 21)"
    );
}

#[test]
fn a_field_without_a_value_is_refused_and_not_taken_as_absent() {
    // An empty `subjects` would bind everybody.
    let text = POLICY.replace("  default: Deny", "  subjects:\n  default: Deny");
    assert_eq!(
        errors(&text),
        "document 1: spec.subjects: has no value; write one, or leave the field out (line 6, column 11)"
    );
    let text = POLICY.replace("match: {effects: [Read]}", "match: {}");
    assert_eq!(
        errors(&text),
        "document 1: spec.rules[0].match: is empty; write something, or leave the field out (line 9, column 12)"
    );
}

#[test]
fn a_file_that_is_not_utf_8_is_refused() {
    assert_eq!(
        read(b"a: \xff\n").unwrap_err()[0].to_string(),
        "byte 3 is not UTF-8; save the file as UTF-8"
    );
    assert!(read(format!("\u{feff}{CONNECTION}").as_bytes()).is_ok());
}

#[test]
fn every_error_knows_its_file() {
    let mut reader = Reader::new();
    reader.add("good.yaml", CONNECTION.as_bytes());
    reader.add("bad.yaml", b"kind: Secret\napiVersion: v1\n");
    let wrong = reader.finish().unwrap_err();
    assert_eq!(
        wrong,
        [DocumentError {
            file: "bad.yaml".to_owned(),
            document: 1,
            field: "metadata".to_owned(),
            position: Some(Position { line: 1, column: 1 }),
            reason: "is missing; it must be written".to_owned(),
        }]
    );
}

mod exported;
mod limits;
mod namespaces;
mod words;

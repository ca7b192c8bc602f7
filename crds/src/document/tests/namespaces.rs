//! Namespaces: what is read of them, and the labels that they give.

use std::collections::BTreeMap;

use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    owned.collect()
}

fn namespace(metadata: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{{metadata}}}\n")
}

#[test]
fn every_namespace_has_its_name_for_a_label_and_what_is_written() {
    let text = namespace("name: shop, labels: {env: prod, kubernetes.io/metadata.name: other}");
    let read = read(text.as_bytes()).unwrap();
    assert_eq!(
        read.namespace_labels("shop"),
        labels(&[("env", "prod"), ("kubernetes.io/metadata.name", "shop")])
    );
    assert_eq!(
        read.namespace_labels("default"),
        labels(&[("kubernetes.io/metadata.name", "default")])
    );
}

/// As `kubectl get namespace shop -o yaml` prints it.
#[test]
fn exported_namespace_is_read() {
    let text = r#"apiVersion: v1
kind: Namespace
metadata:
  creationTimestamp: "2026-11-20T10:00:00Z"
  labels:
    env: prod
    kubernetes.io/metadata.name: shop
  name: shop
  resourceVersion: "48213"
  uid: 5d3c1f5e-8f39-4a0e-9a55-1f4c6a2f9b10
spec:
  finalizers:
  - kubernetes
status:
  phase: Active
"#;
    let read = read(text.as_bytes()).unwrap();
    assert_eq!(read.namespace_labels("shop")["env"], "prod");
    assert_eq!(read.namespaces[0].metadata.namespace, None);
}

#[test]
fn what_is_odd_in_a_namespace_is_refused() {
    for (text, error) in [
        (
            namespace("name: shop, namespace: other"),
            "document 1: metadata.namespace: this kind belongs to no namespace; remove it (line 3, column 24)",
        ),
        (namespace("name: a.b"), "document 1: metadata.name: "),
        (
            namespace(&format!("name: {}", "a".repeat(64))),
            "document 1: metadata.name: ",
        ),
        (
            namespace("name: shop, labels: {env: true}"),
            "document 1: metadata.labels.env: ",
        ),
        (
            namespace("name: shop") + "spec: {quota: 1}\n",
            "document 1: spec.quota: there is no such field",
        ),
        (
            namespace("name: shop") + "---\n" + &namespace("name: shop"),
            "document 2: metadata.name: Namespace shop is already written in document 1; write each object once",
        ),
    ] {
        let told = errors(&text);
        assert!(told.starts_with(error), "{told}");
    }
    assert!(read(namespace(&format!("name: {}", "a".repeat(63))).as_bytes()).is_ok());
}

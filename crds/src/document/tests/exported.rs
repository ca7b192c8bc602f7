//! What people paste from a cluster and from elsewhere.

use super::*;

/// As `kubectl get guard read-only -o yaml` prints it.
const EXPORTED: &str = r#"apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"portcullis.dev/v1alpha1","kind":"GuardrailPolicy","metadata":{}}
  creationTimestamp: "2026-11-20T10:00:00Z"
  generation: 3
  managedFields:
  - apiVersion: portcullis.dev/v1alpha1
    fieldsType: FieldsV1
    fieldsV1:
      f:spec:
        .: {}
        f:default: {}
    manager: kubectl
    operation: Update
  name: read-only
  namespace: shop
  resourceVersion: "48213"
  selfLink: /apis/x
  uid: 5d3c1f5e-8f39-4a0e-9a55-1f4c6a2f9b10
spec:
  default: Deny
  targetSelector: {}
status:
  conditions:
  - lastTransitionTime: "2026-11-20T10:00:00Z"
    message: ""
    reason: Accepted
    status: "True"
    type: Accepted
  observedGeneration: 3
"#;

const WRITTEN: &str = "
apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata: {name: read-only, namespace: shop}
spec: {default: Deny, targetSelector: {}}
";

#[test]
fn what_kubectl_prints_is_read_and_what_the_cluster_noted_passed_over() {
    let exported = read(EXPORTED.as_bytes()).unwrap().guardrail_policies;
    let mut written = read(WRITTEN.as_bytes()).unwrap().guardrail_policies;
    assert_eq!(exported[0].spec, written[0].spec);
    assert_eq!(exported[0].status, written[0].status);
    assert_eq!(exported[0].metadata.uid, written[0].metadata.uid);
    assert_eq!(exported[0].metadata.managed_fields, None);
    assert_eq!(exported[0].metadata.resource_version, None);
    // What the cluster notes later is no edit.
    let later = EXPORTED
        .replace("48213", "48999")
        .replace("observedGeneration: 3", "observedGeneration: 4");
    assert_eq!(read(later.as_bytes()).unwrap().guardrail_policies, exported);
    // What `kubectl create --dry-run` prints.
    let dry = WRITTEN.replace("{name:", "{creationTimestamp: null, name:") + "status: {}\n";
    written[0].metadata.generation = None;
    let mut dry = read(dry.as_bytes()).unwrap().guardrail_policies;
    dry[0].metadata.generation = None;
    assert_eq!(dry, written);
}

#[test]
fn the_status_of_a_request_is_read_and_held_to_its_rules() {
    let request = "apiVersion: portcullis.dev/v1alpha1\nkind: ApprovalRequest\nmetadata: {name: a}\n\
        spec:\n  connectionRef: {name: a, uid: b}\n  policyRef: {name: p, rule: r, generation: 1}\n  \
        requester: {username: agent}\n  operation: {hash: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\", \
        hashVersion: v1, summary: x}\n  requiredApprovals: 1\n  expiresAt: \"2026-11-20T10:15:00Z\"\n\
        status: {observedGeneration: 1, decisions: [{username: NAME, decision: Approve}]}\n";
    let documents = read(request.replace("NAME", "carol").as_bytes()).unwrap();
    let status = documents.approval_requests[0].status.as_ref().unwrap();
    assert_eq!(status.decisions.len(), 1);
    let told = errors(&request.replace("NAME", "agent"));
    assert!(told.contains("cannot approve"), "{told}");
}

fn indented(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| format!("  {line}\n")).collect()
}

fn list(items: &[&str]) -> String {
    let items: String = items
        .iter()
        .map(|item| indented(item).replacen("  ", "- ", 1))
        .collect();
    format!("apiVersion: v1\nitems:\n{items}kind: List\nmetadata:\n  resourceVersion: \"\"\n")
}

#[test]
fn a_list_is_read_as_its_objects() {
    let documents = read(list(&[CONNECTION, EXPORTED]).as_bytes()).unwrap();
    assert_eq!(documents.connections.len(), 1);
    assert_eq!(documents.guardrail_policies.len(), 1);
    let none = "apiVersion: v1\nkind: List\nitems: []\n";
    assert_eq!(read(none.as_bytes()).unwrap(), Documents::default());
}

#[test]
fn errors_in_a_list_say_which_object() {
    let misspelt = WRITTEN.replace("default:", "defualt:");
    let told = errors(&list(&[CONNECTION, &misspelt, CONNECTION]));
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines[0].starts_with("document 1: items[1].spec.defualt: there is no such field"),
        "{told}"
    );
    assert!(
        lines[2].starts_with("document 1: items[2].metadata.name: Connection default/orders-db is"),
        "{told}"
    );
    for (text, error) in [
        (
            "apiVersion: v1\nkind: List\n",
            "document 1: items: is missing; it must be written (line 1, column 1)",
        ),
        (
            "apiVersion: v2\nkind: List\nitems: []\n",
            "document 1: apiVersion: the value is not known here; write v1 (line 1, column 13)",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: [5]\n",
            "document 1: items[0]: is no object; write apiVersion, kind and metadata (line 3, column 9)",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]\n",
            "document 1: items[0].kind: a List holds objects and no other List; write them into one (line 3, column 32)",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: []\nspec: {}\n",
            "document 1: spec: there is no such field; there are apiVersion, items, kind, metadata (line 4, column 1)",
        ),
    ] {
        assert_eq!(errors(text), error);
    }
}

#[test]
fn yaml_as_people_write_it_is_read() {
    let commented =
        format!("# ours\n---\n# nothing here\n---\n{CONNECTION}...\n---\n---\n{POLICY}");
    let documents = read(commented.as_bytes()).unwrap();
    assert_eq!(documents.connections.len(), 1);
    assert_eq!(documents.guardrail_policies.len(), 1);
    let windows = format!("\u{feff}---\r\n{}", CONNECTION.replace('\n', "\r\n"));
    assert_eq!(
        read(windows.as_bytes()).unwrap().connections[0].spec,
        documents.connections[0].spec
    );
    let message = POLICY.replace(
        "action: Allow",
        "action: Allow\n    message: >-\n      שלום 👩‍💻 مرحبا,\n      see \"#help\"",
    );
    assert_ne!(message, POLICY);
    let read = read(message.as_bytes()).unwrap();
    assert_eq!(
        read.guardrail_policies[0].spec.rules[0].message.as_deref(),
        Some("שלום 👩‍💻 مرحبا, see \"#help\"")
    );
}

#[test]
fn characters_that_hide_or_split_lines_are_refused() {
    // To a reader of YAML 1.1 the second line begins after the sign, and allows.
    let split = POLICY.replace("  default: Deny", "  # only \u{2028}  default: Allow\n");
    assert_eq!(
        errors(&split),
        "the character U+2028 is not taken, for readers and people see different things there; \
         remove it, or write it as \"\\u2028\" in double quotes (line 6, column 10)"
    );
    for sign in [
        '\0', '\u{1b}', '\u{7f}', '\u{85}', '\r', '\u{200b}', '\u{202e}', '\u{2066}', '\u{2029}',
        '\u{2060}', '\u{feff}', '\u{ffff}',
    ] {
        let text = format!("# {sign}x\n{CONNECTION}");
        let expected = format!("the character U+{:04X} is not taken", u32::from(sign));
        let told = errors(&text);
        assert!(told.starts_with(&expected), "{told}");
        assert!(told.ends_with("(line 1, column 3)"), "{told}");
    }
    // Escaped, everybody sees it.
    let escaped = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"\\u2028\"}\n";
    let read = read(escaped.as_bytes()).unwrap();
    assert_eq!(read.config_maps[0].data.as_ref().unwrap()["a"], "\u{2028}");
}

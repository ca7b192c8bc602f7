//! What words in a file mean, and what errors say of them.

use super::*;

#[test]
fn no_error_repeats_a_value_of_a_secret() {
    let secret = "hunter2-hunter2";
    for part in [
        format!("data: {{password: {secret}}}"),
        format!("data: [{secret}]"),
        format!("data: {secret}"),
        format!("stringData: {{password: [{secret}]}}"),
        format!("stringData:\n  password: {secret}\n  password: {secret}"),
        format!("stringData: {{password: !!binary {secret}}}"),
        format!("stringData: {{password: &{secret} x}}"),
        format!("stringData: {{password: \"{secret}"),
        format!("stringData: {{password: 0x{secret}, token: 0o7}}"),
        format!("stringData: {{password: *{secret}}}"),
        format!("immutable: {secret}"),
        // A colon without its space makes a key of a value.
        format!("stringData: {{password:{secret}}}"),
        format!("stringData: {{password {secret}}}"),
        format!("stringData: {{{secret}}}"),
        format!("stringData:\n  ? {secret}"),
        format!("data: {{password:{secret}: x}}"),
        format!("{secret}:"),
        format!("stringData:\n  password: 5\n? {secret}"),
    ] {
        let text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\n{part}\n");
        let told = errors(&text);
        assert!(!told.contains("hunter2"), "{part}: {told}");
    }
    let told = errors("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a:b}\n");
    assert_eq!(
        told,
        "document 1: stringData[…]: a key has letters, digits, -, _ and . only; perhaps a space is \
         missing after the colon (line 4, column 14)"
    );
    // Base64 that reads only if its last bits are ignored.
    let told = errors("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {pin: YR==}\n");
    assert_eq!(
        told,
        "document 1: a value under data is not base64; encode it, or write it under stringData (line 1, column 1)"
    );
    // A number that readers disagree about is a secret too.
    let told =
        errors("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 007123}\n");
    assert!(!told.contains("007123"), "{told}");
}

#[test]
fn what_is_printed_for_logs_repeats_no_value_of_a_secret() {
    let text =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: hunter2}\n";
    let printed = format!("{:?}", read(text.as_bytes()).unwrap());
    assert!(printed.contains("secrets: [Some(\"a\")]"), "{printed}");
    assert!(
        !printed.contains("hunter2") && !printed.contains("104, 117"),
        "{printed}"
    );
}

#[test]
fn flow_style_may_close_where_its_key_began() {
    let text = POLICY.replace(
        "match: {effects: [Read]}",
        "match: {\n      effects: [\n        Read\n      ]\n    }",
    );
    assert_eq!(read(text.as_bytes()).unwrap().guardrail_policies.len(), 1);
}

#[test]
fn a_long_key_is_not_repeated_whole() {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{}: 1\n",
        "k".repeat(1000)
    );
    assert!(errors(&text).len() < 200, "{}", errors(&text));
}

#[test]
fn yaml_that_means_more_than_it_says_is_refused() {
    for (text, error) in [
        (
            "a: &x 1\n",
            "document 1: anchors are not taken; write the value where it is used (line 1, column 7)",
        ),
        (
            "a: *x\n",
            "document 1: aliases are not taken; write the value out (line 1, column 4)",
        ),
        (
            "a: {<<: {b: c}}\n",
            "document 1: merge keys are not taken; write the members out (line 1, column 5)",
        ),
        (
            "a: !!str 5\n",
            "document 1: tags are not taken; write the plain value (line 1, column 10)",
        ),
        (
            "a: !include x.yaml\n",
            "document 1: tags are not taken; write the plain value (line 1, column 13)",
        ),
        (
            "? [a]\n: b\n",
            "document 1: a list or map cannot be a key; write a text (line 1, column 3)",
        ),
        (
            "? {a: b}\n: c\n",
            "document 1: a list or map cannot be a key; write a text (line 1, column 3)",
        ),
        (
            "5: a\n",
            "document 1: the key \"5\" is not read as a text; write it in quotes (line 1, column 1)",
        ),
        (
            "on: a\n",
            "document 1: the key \"on\" is not read as a text; write it in quotes (line 1, column 1)",
        ),
        (
            "~: a\n",
            "document 1: the key \"~\" is not read as a text; write it in quotes (line 1, column 1)",
        ),
    ] {
        assert_eq!(errors(text).lines().next(), Some(error), "{text}");
    }
    assert!(errors("%YAML 1.1\n---\na: b\n").contains("directive"));
    assert!(errors("*x : a\n").starts_with("document 1: "));
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let text = format!("a: [1, 2\n---\n{CONNECTION}---\nkind: Nothing\napiVersion: v1\n");
    let told = errors(&text);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].starts_with("document 1: not YAML: "), "{told}");
    assert!(
        lines[1].starts_with("document 3: kind: \"Nothing\" is no kind"),
        "{told}"
    );
}

//! What is told of policies before they are in force.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{json, portcullis, said};

fn sample(name: &str) -> String {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/samples");
    samples.join(name).to_str().unwrap().to_owned()
}

fn explained(folder: &str, more: &[&str], statement: &str) -> (Option<i32>, Value) {
    let config = sample(folder);
    let mut arguments = vec!["explain", "--config", &config, "-o", "json"];
    arguments.extend(more);
    arguments.push(statement);
    let output = portcullis(&arguments);
    (output.status.code(), json(&output))
}

#[test]
fn every_sample_is_valid() {
    let folders = std::fs::read_dir(sample("")).unwrap();
    let folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    let folders: Vec<_> = folders.iter().filter(|path| path.is_dir()).collect();
    assert_eq!(folders.len(), 7);
    for folder in folders {
        let output = portcullis(&["validate", folder.to_str().unwrap(), "-o", "json"]);
        assert_eq!(output.status.code(), Some(0), "{folder:?}: {output:?}");
        assert_eq!(json(&output)["valid"], true);
    }
}

#[test]
fn every_error_is_named_with_its_file_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let text = "apiVersion: portcullis.dev/v1alpha1\nkind: GuardrailPolicy\nmetadata: {name: a}\n\
                spec: {targetRefs: [{name: c}], default: Alow, rulez: []}\n";
    std::fs::write(folder.path().join("policy.yaml"), text).unwrap();
    let output = portcullis(&["validate", folder.path().to_str().unwrap(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let told = json(&output);
    let fields: Vec<&str> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            assert_eq!(error["file"], "policy.yaml");
            assert_eq!(error["document"], 1);
            error["field"].as_str().unwrap()
        })
        .collect();
    assert_eq!(fields, ["spec.default", "spec.rulez"]);
}

const CONNECTION: &str = "apiVersion: portcullis.dev/v1alpha1
kind: ConnectionClass
metadata: {name: default}
spec: {identity: {apiKeys: [{username: agent, owner: carol, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}]}}
---
apiVersion: portcullis.dev/v1alpha1
kind: Connection
metadata: {name: NAME, namespace: shop}
spec:
  protocol: PostgreSQL
  port: 6432
  upstream: {host: db.internal, database: orders}
  credentials: {secretRef: {name: db}}
  access: {subjects: [{kind: User, name: agent}]}
";

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData: {serves: 'orders@db.internal:5432', username: app, password: hunter2}
";

fn validated(files: &[(&str, &str)]) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let output = portcullis(&["validate", folder.path().to_str().unwrap(), "-o", "json"]);
    (output.status.code(), json(&output))
}

fn wrong(told: &Value, list: &str) -> Vec<String> {
    let errors = told[list].as_array().unwrap().iter();
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    errors
        .map(|error| {
            let place = format!("{}:{}", text(error, "file"), error["document"]);
            format!(
                "{place}:{}: {}",
                text(error, "field"),
                text(error, "reason")
            )
        })
        .collect()
}

#[test]
fn what_binds_no_connection_yet_is_judged_all_the_same() {
    let mask = "apiVersion: portcullis.dev/v1alpha1\nkind: MaskingRule\n\
                metadata: {name: m, namespace: shop}\nspec:\n  targetRefs: [{name: none}]\n  \
                match: {columns: [a.b]}\n  transform: {type: Redact}\n";
    let connection = CONNECTION.replace("NAME", "orders");
    let (code, told) = validated(&[
        ("c.yaml", &connection),
        ("m.yaml", mask),
        ("s.yaml", SECRET),
    ]);
    assert_eq!(code, Some(1), "{told}");
    let errors = wrong(&told, "errors");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with("m.yaml:1:spec.match.columns[0]: a column is written"),
        "{errors:?}"
    );
}

#[test]
fn a_policy_that_binds_no_connection_is_a_warning() {
    let policy = |target: &str| {
        format!(
            "apiVersion: portcullis.dev/v1alpha1\nkind: GuardrailPolicy\n\
             metadata: {{name: p, namespace: shop}}\nspec:\n  {target}\n  default: Deny\n"
        )
    };
    let connection = CONNECTION.replace("NAME", "orders");
    let warned = |target: &str| {
        let (code, told) = validated(&[
            ("c.yaml", &connection),
            ("p.yaml", &policy(target)),
            ("s.yaml", SECRET),
        ]);
        assert_eq!(code, Some(0), "{told}");
        told["warnings"].clone()
    };
    let none = serde_json::json!([]);
    assert_eq!(warned("targetRefs: [{name: orders}]"), none);
    assert_eq!(warned("targetSelector: {}"), none);
    assert_eq!(
        warned("targetRefs: [{name: orders}, {name: odrers}]"),
        serde_json::json!([
            "GuardrailPolicy shop/p: spec.targetRefs[1]: there is no Connection odrers in shop"
        ])
    );
    assert_eq!(
        warned("targetSelector: {matchLabels: {data: customers}}"),
        serde_json::json!([
            "GuardrailPolicy shop/p: spec.targetSelector selects no Connection that is here"
        ])
    );
}

#[test]
fn a_file_that_cannot_be_read_hides_no_error_of_another() {
    let connection = CONNECTION.replace("NAME", "orders");
    let connection = connection.replace("host: db.internal", "host: 'db internal'");
    let (code, told) = validated(&[("c.yaml", &connection), ("p.yaml", "kind: [\n")]);
    assert_eq!(code, Some(1));
    assert_eq!(told["judgedInPart"], true);
    let errors = wrong(&told, "errors");
    let of = |file: &str| errors.iter().any(|error| error.starts_with(file));
    assert!(of("p.yaml:1:") || of("p.yaml:0:"), "{errors:?}");
    assert!(of("c.yaml:2:spec.upstream.host"), "{errors:?}");
    // Whether the Secret is in the file that cannot be read is not known.
    assert_eq!(told["closed"], serde_json::json!([]));
    let (_, told) = validated(&[("c.yaml", &CONNECTION.replace("NAME", "orders"))]);
    assert_eq!(told["judgedInPart"], false);
}

#[test]
fn relations_of_the_server_are_explained_as_what_they_are() {
    let agent = ["--user", "oidc:agent", "--group", "oidc:agents"];
    let text = "SELECT relname FROM pg_class, information_schema.tables, customers";
    let (_, told) = explained("pii-masking", &agent, text);
    assert_eq!(told["operation"]["effect"], "Read");
    assert_eq!(
        told["assumedTables"],
        serde_json::json!(["public.customers"])
    );
    let accesses = told["operation"]["accesses"].to_string();
    assert!(accesses.contains("table:pg_catalog.pg_class"), "{accesses}");
    assert!(
        accesses.contains("table:information_schema.tables"),
        "{accesses}"
    );
}

#[test]
fn two_connections_on_one_port_are_refused_at_the_second() {
    let one = CONNECTION.replace("NAME", "orders");
    let two = one
        .split("---\n")
        .nth(1)
        .unwrap()
        .replace("orders, n", "other, n");
    let (code, told) = validated(&[("a.yaml", &one), ("b.yaml", &two), ("s.yaml", SECRET)]);
    assert_eq!(code, Some(1), "{told}");
    let port = "b.yaml:1:spec.port: shop/orders listens on port 6432 already; choose another";
    assert_eq!(wrong(&told, "errors"), [port]);
}

#[test]
fn a_secret_that_does_not_fit_is_a_warning_with_its_place() {
    let connection = CONNECTION.replace("NAME", "orders");
    let (code, told) = validated(&[("c.yaml", &connection), ("s.yaml", SECRET)]);
    assert_eq!((code, &told["closed"]), (Some(0), &serde_json::json!([])));
    assert_eq!(told["warnings"], serde_json::json!([]));
    let (code, told) = validated(&[("c.yaml", &connection)]);
    assert_eq!(code, Some(0));
    let missing = "c.yaml:2:spec.credentials.secretRef: there is no Secret shop/db; write one, or \
                   name another";
    assert_eq!(wrong(&told, "closed"), [missing]);
    let other = SECRET.replace("db.internal", "other.internal");
    let (_, told) = validated(&[("c.yaml", &connection), ("s.yaml", &other)]);
    let closed = wrong(&told, "closed");
    assert!(
        closed[0].contains("which is not this Connection's"),
        "{closed:?}"
    );
}

#[test]
fn explain_takes_the_role_from_the_secret_and_says_what_it_does_not_judge() {
    let folder = tempfile::tempdir().unwrap();
    let connection = CONNECTION.replace("NAME", "orders");
    std::fs::write(folder.path().join("c.yaml"), connection).unwrap();
    let config = folder.path().to_str().unwrap();
    let explain = ["explain", "--config", config, "--user", "agent", "SELECT 1"];
    let machine = || json(&portcullis(&[&explain[..], &["-o", "json"]].concat()));
    let role = |told: &Value| told["operation"]["attributes"]["role"].clone();
    assert_eq!(role(&machine()), serde_json::json!(["portcullis"]));
    std::fs::write(folder.path().join("s.yaml"), SECRET).unwrap();
    let told = machine();
    assert_eq!(role(&told), serde_json::json!(["app"]));
    assert_eq!(told["notJudged"], serde_json::json!(["masks", "limits"]));
    let table = said(&portcullis(&explain));
    assert!(
        table.contains("not judged here: masks and limits"),
        "{table}"
    );
}

#[test]
fn an_empty_directory_is_an_error_and_not_a_valid_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = portcullis(&["validate", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_read_is_explained_with_the_rule_that_allows_it() {
    let agent = ["--user", "oidc:a", "--group", "oidc:support"];
    let (code, told) = explained("pii-masking", &agent, "SELECT name FROM customers");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(told["verdict"], "Allow");
    assert_eq!(told["admitted"], true);
    assert_eq!(told["assumedTables"][0], "public.customers");
    assert_eq!(
        told["operation"]["accesses"][0],
        "Read table:public.customers"
    );
}

#[test]
fn a_stranger_is_told_that_no_session_opens() {
    let (code, told) = explained("pii-masking", &["--user", "oidc:x"], "SELECT 1");
    assert_eq!(code, Some(1));
    assert_eq!(told["admitted"], false);
}

#[test]
fn a_change_waits_for_approval_where_the_policy_says_so() {
    let agent = ["--user", "oidc:a", "--group", "oidc:agents"];
    let update = "UPDATE orders SET status = 'paid' WHERE id = 4";
    let (code, told) = explained("approval-for-writes", &agent, update);
    assert_eq!(code, Some(1));
    assert_eq!(told["verdict"], "RequireApproval(1)");
}

#[test]
fn a_text_that_is_no_sql_is_refused_by_name() {
    let config = sample("pii-masking");
    let output = portcullis(&["explain", "--config", &config, "--user", "a", "SELEC 1"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("would be refused: syntax error"), "{said}");
}

#[test]
fn what_is_piped_has_no_colours() {
    let output = portcullis(&["validate", &sample("limits")]);
    assert!(!output.stdout.contains(&0x1b));
}

#[test]
fn functions_that_nobody_reviewed_are_told_as_a_review_names_them() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(sample("read-only-agent")).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // As `psql -At` writes what the server tells, with one line end more.
    let definition = "CREATE OR REPLACE FUNCTION shop.touch(integer)\n RETURNS integer\n \
                      LANGUAGE plpgsql\nAS $function$BEGIN RETURN 1; END$function$\n";
    std::fs::write(path("touch.sql"), format!("{definition}\n")).unwrap();
    let hash = "c82b3300c5fe959fea5470f2034dff99fd7a9ae0dfb863bc7aec18f67544239c";
    let ask = |statement: &str, more: &[&str]| {
        let mut arguments = vec!["explain", "-o", "json", "--user", "oidc:x", "--config"];
        let config = folder.path().to_str().unwrap();
        arguments.push(config);
        arguments.extend(more);
        arguments.push(statement);
        json(&portcullis(&arguments))["unreviewedFunctions"].take()
    };
    let file = path("touch.sql");
    let given = ["--definition", file.as_str()];
    let named = |name: &str, sha256: Value| serde_json::json!([{"name": name, "sha256": sha256}]);
    assert_eq!(
        ask("SELECT shop.touch(1)", &[]),
        named("shop.touch", Value::Null)
    );
    assert_eq!(
        ask("SELECT shop.touch(1)", &given),
        named("shop.touch", hash.into())
    );
    assert_eq!(
        ask("SELECT upper(touch(1)::text)", &given),
        named("shop.touch", hash.into())
    );
    assert_eq!(
        ask("SELECT other.touch(1)", &given),
        named("other.touch", Value::Null)
    );
    // What is the server's own needs none.
    let own = ask(
        "SELECT upper('a'), pg_catalog.lower('b'), count(*) FROM t",
        &given,
    );
    assert_eq!(own, serde_json::json!([]));
    // Once it is reviewed it is not listed, and with another definition it is again.
    let mut class = std::fs::read_to_string(path("connection.yaml")).unwrap();
    let review = format!("spec:\n  reviewedFunctions: [{{name: shop.touch, sha256: {hash}}}]\n");
    class = class.replacen("spec:\n", &review, 1);
    std::fs::write(path("connection.yaml"), class).unwrap();
    assert_eq!(ask("SELECT shop.touch(1)", &given), serde_json::json!([]));
    std::fs::write(&file, definition.replace("RETURN 1", "RETURN 2")).unwrap();
    assert_ne!(ask("SELECT shop.touch(1)", &given), serde_json::json!([]));
    std::fs::write(&file, "SELECT 1").unwrap();
    let config = folder.path().to_str().unwrap();
    let words = [
        "explain",
        "--user",
        "x",
        "--config",
        config,
        "--definition",
        &file,
        "SELECT 1",
    ];
    let output = portcullis(&words);
    assert!(!output.status.success() && output.stdout.is_empty());
}

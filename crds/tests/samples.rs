//! Every sample is read strictly, lowered, compiled, and held to what its comments say.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests may panic, and read files of this repository"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use portcullis_crds::document::{Documents, Reader};
use portcullis_crds::lower::masking::Keys;
use portcullis_crds::lower::snapshot::{self, Objects};
use portcullis_policy::{
    Access, Effect, Flag, Operation, Request, Resource, ResourceKind, SessionFacts, Snapshot,
    Subject, Verdict,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/samples")
}

fn names() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder()).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn documents(sample: &str) -> Documents {
    let mut reader = Reader::new();
    for entry in std::fs::read_dir(folder().join(sample))
        .unwrap()
        .map(Result::unwrap)
    {
        let text = std::fs::read(entry.path()).unwrap();
        reader.add(entry.file_name().to_str().unwrap(), &text);
    }
    match reader.finish() {
        Ok(documents) => documents,
        Err(errors) => panic!("{sample}: {errors:#?}"),
    }
}

/// Answers from the sample's own Secrets, as a standalone proxy does.
struct Secrets<'a>(&'a Documents);

impl Keys for Secrets<'_> {
    fn key(&self, namespace: &str, name: &str, key: &str) -> Option<Vec<u8>> {
        let secret = self.0.secrets.iter().find(|secret| {
            secret.metadata.namespace.as_deref() == Some(namespace)
                && secret.metadata.name.as_deref() == Some(name)
        })?;
        secret.data.as_ref()?.get(key).map(|bytes| bytes.0.clone())
    }
}

fn snapshot_of(sample: &str) -> Snapshot {
    let documents = documents(sample);
    let [connection] = documents.connections.as_slice() else {
        panic!("{sample}: one connection");
    };
    let namespace = connection.metadata.namespace.as_deref().unwrap();
    let labels = documents.namespace_labels(namespace);
    let lowered = snapshot::lower(
        Objects {
            connection,
            class: documents.connection_classes.first(),
            namespace_labels: &labels,
            guardrails: &documents.guardrail_policies,
            masks: &documents.masking_rules,
            replicas: 1,
        },
        &Secrets(&documents),
    );
    assert_eq!(lowered.refused, [], "{sample}");
    let objects = documents.guardrail_policies.len() + documents.masking_rules.len();
    let bound = lowered.parts.policies.len() + lowered.parts.masks.len();
    assert_eq!(bound, objects, "{sample}: a policy binds nothing");
    Snapshot::compile(lowered.parts).unwrap_or_else(|errors| panic!("{sample}: {errors:#?}"))
}

fn operation(effect: Effect, verb: &str, tables: &[&str], flags: &[Flag]) -> Operation {
    let access = |table: &&str| Access {
        effect,
        resource: Resource::Named {
            kind: ResourceKind::Table,
            segments: table.split('.').map(ToOwned::to_owned).collect(),
        },
    };
    Operation {
        effect,
        verb: verb.to_owned(),
        flags: flags.iter().copied().collect(),
        attributes: Arc::default(),
        text: String::new(),
        accesses: Arc::new(tables.iter().map(access).collect()),
    }
}

/// Half past nine, or half past twenty-one, in Berlin on a day in November.
fn at(hour: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_219_200 + (hour - 1) * 3600 + 1800)
}

/// `allow`, `deny` or `hold` with the quorum.
fn told(snapshot: &Snapshot, group: &str, operation: &Operation, hour: u64) -> String {
    let subject = Subject {
        username: "oidc:somebody@example.com".to_owned(),
        groups: vec![group.to_owned()],
        ..Subject::default()
    };
    let session = SessionFacts {
        id: "s".to_owned(),
        client_address: "127.0.0.1".to_owned(),
        started_at: at(hour),
    };
    let request = Request {
        subject: &subject,
        session: &session,
        operation,
        now: at(hour),
    };
    match snapshot.decide(&request).verdict {
        Verdict::Allow => "allow".to_owned(),
        Verdict::Deny => "deny".to_owned(),
        Verdict::Hold(terms) => format!("hold {}", terms.required),
    }
}

/// What is expected of one operation by day.
type Case<'a> = (Effect, &'a str, &'a [&'a str], &'a [Flag], &'a str);

fn check(sample: &str, group: &str, cases: &[Case<'_>]) {
    let snapshot = snapshot_of(sample);
    for (effect, verb, tables, flags, expected) in cases {
        let operation = operation(*effect, verb, tables, flags);
        let verdict = told(&snapshot, group, &operation, 9);
        assert_eq!(verdict, *expected, "{sample}: {verb} {tables:?} {flags:?}");
    }
    let nobody = operation(Effect::Read, "SELECT", &[], &[]);
    assert_eq!(
        told(&snapshot, "nobody", &nobody, 9),
        "deny",
        "{sample}: a stranger"
    );
}

use Effect::{Administer, Define, Read, Session, Unknown, Write};

#[test]
fn every_sample_has_its_case_below() {
    let cases = [
        "analytics-tables-only",
        "approval-for-writes",
        "limits",
        "no-destructive-ddl",
        "pii-masking",
        "platform-baseline",
        "read-only-agent",
    ];
    assert_eq!(names(), cases.iter().map(|&name| name.to_owned()).collect());
}

#[test]
fn a_read_only_agent_reads() {
    check(
        "read-only-agent",
        "oidc:agents",
        &[
            (Read, "SELECT", &["public.orders"], &[], "allow"),
            (Read, "SELECT", &[], &[], "allow"),
            (Session, "BEGIN", &[], &[], "allow"),
            (Write, "UPDATE", &["public.orders"], &[], "deny"),
            (Define, "CREATE TABLE", &["public.x"], &[], "deny"),
            (Administer, "VACUUM", &[], &[], "deny"),
            (Unknown, "DO", &[], &[Flag::DynamicCode], "deny"),
            (Session, "SET ROLE", &[], &[Flag::RoleChange], "deny"),
            (Read, "COPY", &[], &[Flag::ServerFile], "deny"),
        ],
    );
}

#[test]
fn nothing_is_dropped_but_scratch() {
    check(
        "no-destructive-ddl",
        "oidc:engineers",
        &[
            (Read, "SELECT", &["public.orders"], &[], "allow"),
            (Write, "UPDATE", &["public.orders"], &[], "allow"),
            (Define, "CREATE TABLE", &["public.x"], &[], "allow"),
            (Define, "DROP TABLE", &["public.orders"], &[], "deny"),
            (Define, "drop table", &["public.orders"], &[], "deny"),
            (Define, "DROP TABLE", &["scratch.x"], &[], "allow"),
            (
                Define,
                "DROP TABLE",
                &["scratch.x", "public.orders"],
                &[],
                "deny",
            ),
            (
                Write,
                "TRUNCATE",
                &["public.orders"],
                &[Flag::Unbounded],
                "deny",
            ),
            (
                Write,
                "TRUNCATE",
                &["scratch.x"],
                &[Flag::Unbounded],
                "allow",
            ),
            (
                Write,
                "DELETE",
                &["public.orders"],
                &[Flag::Unbounded],
                "deny",
            ),
            (
                Write,
                "DELETE",
                &["public.orders"],
                &[Flag::ConstantWhere],
                "deny",
            ),
            (Unknown, "DO", &[], &[Flag::DynamicCode], "deny"),
            (Define, "DROP INDEX", &["public.orders_idx"], &[], "deny"),
            (Define, "DROP TYPE", &[], &[], "deny"),
            (Administer, "REASSIGN OWNED", &[], &[], "deny"),
            (Define, "CREATE INDEX", &["public.orders"], &[], "allow"),
        ],
    );
}

#[test]
fn an_alter_is_judged_by_what_it_does() {
    let snapshot = snapshot_of("no-destructive-ddl");
    let cases = [
        ("public.orders", &["ADD COLUMN"][..], "allow"),
        ("public.orders", &["ADD COLUMN", "DROP COLUMN"], "deny"),
        ("public.orders", &["RENAME"], "deny"),
        ("public.orders", &["ATTACH PARTITION"], "allow"),
        ("scratch.orders", &["DROP COLUMN"], "allow"),
    ];
    for (table, clauses, expected) in cases {
        let mut operation = operation(Define, "ALTER TABLE", &[table], &[]);
        let clauses = clauses.iter().map(|&clause| clause.to_owned()).collect();
        operation.attributes = Arc::new([("clause".to_owned(), clauses)].into());
        let verdict = told(&snapshot, "oidc:engineers", &operation, 9);
        assert_eq!(verdict, expected, "{table} {:?}", operation.attributes);
    }
}

#[test]
fn analysts_read_analytics_tables() {
    check(
        "analytics-tables-only",
        "oidc:analysts",
        &[
            (Read, "SELECT", &["public.analytics_daily"], &[], "allow"),
            (
                Read,
                "SELECT",
                &["public.analytics_daily", "pg_catalog.pg_class"],
                &[],
                "allow",
            ),
            (
                Read,
                "SELECT",
                &["information_schema.columns"],
                &[],
                "allow",
            ),
            (Read, "SELECT", &[], &[], "allow"),
            (Session, "BEGIN", &[], &[], "allow"),
            (Read, "SELECT", &["public.orders"], &[], "deny"),
            (Read, "SELECT", &["public.analyticsxdaily"], &[], "deny"),
            (
                Read,
                "SELECT",
                &["public.analytics_daily", "public.orders"],
                &[],
                "deny",
            ),
            (
                Read,
                "SELECT",
                &["pg_catalog.pg_statistic_ext"],
                &[],
                "allow",
            ),
            (Read, "SELECT", &["pg_catalog.pg_stats"], &[], "deny"),
            (Read, "SELECT", &["pg_catalog.pg_stats_ext"], &[], "deny"),
            (
                Read,
                "SELECT",
                &["pg_catalog.pg_stats_ext_exprs"],
                &[],
                "deny",
            ),
            (Read, "SELECT", &["pg_catalog.pg_statistic"], &[], "deny"),
            (
                Read,
                "SELECT",
                &["pg_catalog.pg_statistic_ext_data"],
                &[],
                "deny",
            ),
            (
                Read,
                "SELECT",
                &["pg_catalog.pg_stat_activity"],
                &[],
                "deny",
            ),
            (Read, "SELECT", &["pg_catalog.pg_largeobject"], &[], "deny"),
            (
                Read,
                "SELECT",
                &["pg_catalog.pg_largeobject_metadata"],
                &[],
                "allow",
            ),
            (Write, "UPDATE", &["public.analytics_daily"], &[], "deny"),
            (Unknown, "SELECT", &[], &[], "deny"),
        ],
    );
}

#[test]
fn writes_wait_for_approval() {
    check(
        "approval-for-writes",
        "oidc:agents",
        &[
            (Read, "SELECT", &["public.orders"], &[], "allow"),
            (Write, "UPDATE", &["public.orders"], &[], "hold 1"),
            (Define, "ALTER TABLE", &["public.orders"], &[], "hold 2"),
            // What cannot be told could be a change of the schema.
            (Unknown, "DO", &[], &[Flag::DynamicCode], "hold 2"),
            (Administer, "VACUUM", &[], &[], "deny"),
        ],
    );
}

#[test]
fn support_sees_customers_masked() {
    check(
        "pii-masking",
        "oidc:support",
        &[
            (Read, "SELECT", &["public.customers"], &[], "allow"),
            (Write, "UPDATE", &["public.customers"], &[], "deny"),
        ],
    );
    let snapshot = snapshot_of("pii-masking");
    let masked = |group: &str, column: &str| {
        let groups = vec![group.to_owned()];
        let masks = snapshot
            .masks_for(&Subject {
                groups,
                ..Subject::default()
            })
            .unwrap();
        let transform = masks
            .column(&["public", "customers", column])
            .transform()
            .cloned();
        transform.is_some()
    };
    for column in ["email", "phone", "address_street", "ssn"] {
        assert!(masked("oidc:support", column), "{column}");
        assert!(!masked("oidc:dpo", column), "{column}");
    }
    assert!(!masked("oidc:support", "name"));
    let groups = vec!["oidc:support".to_owned()];
    let masks = snapshot
        .masks_for(&Subject {
            groups,
            ..Subject::default()
        })
        .unwrap();
    assert!(masks.has_detectors() && masks.has_paths());
}

#[test]
fn agents_have_limits_and_office_hours() {
    check(
        "limits",
        "oidc:agents",
        &[
            (Read, "SELECT", &["public.orders"], &[], "allow"),
            (Write, "UPDATE", &["public.orders"], &[], "allow"),
            (Define, "CREATE TABLE", &["public.x"], &[], "deny"),
        ],
    );
    let snapshot = snapshot_of("limits");
    let write = operation(Write, "UPDATE", &["public.orders"], &[]);
    let verdicts: Vec<_> = [6, 7, 18, 19, 21]
        .map(|hour| told(&snapshot, "oidc:agents", &write, hour))
        .into_iter()
        .collect();
    assert_eq!(verdicts, ["deny", "allow", "allow", "deny", "deny"]);
    let read = operation(Read, "SELECT", &["public.orders"], &[]);
    assert_eq!(told(&snapshot, "oidc:agents", &read, 21), "allow");
}

#[test]
fn the_platform_baseline_holds_under_a_tenant_that_allows_everything() {
    check(
        "platform-baseline",
        "oidc:engineers",
        &[
            (Read, "SELECT", &["public.orders"], &[], "allow"),
            (Define, "DROP TABLE", &["public.orders"], &[], "allow"),
            (Define, "GRANT", &[], &[Flag::PrivilegeChange], "deny"),
            (Session, "SET ROLE", &[], &[Flag::RoleChange], "deny"),
            (Define, "CREATE EXTENSION", &[], &[Flag::ServerCode], "deny"),
            (Administer, "ALTER SYSTEM", &[], &[], "hold 2"),
            (Read, "COPY", &[], &[Flag::ServerFile], "deny"),
            (
                Read,
                "SELECT",
                &["pg_catalog.pg_authid"],
                &[Flag::CredentialAccess],
                "deny",
            ),
        ],
    );
    let snapshot = snapshot_of("platform-baseline");
    let masks = snapshot.masks_for(&Subject::default()).unwrap();
    assert!(masks.has_detectors());
}

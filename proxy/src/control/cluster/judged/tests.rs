use std::collections::BTreeSet;

use portcullis_crds::document::{Documents, read};
use portcullis_policy::{Effect, Operation, SessionFacts, Subject, SubjectView, Verdict};

use super::*;
use crate::control::cluster::world::Shelf;

const CLASS: &str = "
apiVersion: portcullis.dev/v1alpha1
kind: ConnectionClass
metadata: {name: default}
spec:
  identity: {apiKeys: [{username: agent, owner: alice, sha256: '0101010101010101010101010101010101010101010101010101010101010101'}]}
";

const CONNECTION: &str = "
apiVersion: portcullis.dev/v1alpha1
kind: Connection
metadata: {name: orders, namespace: shop}
spec:
  protocol: PostgreSQL
  upstream: {host: orders.internal, port: 5432, database: orders}
  credentials: {secretRef: {name: orders}}
  access: {subjects: [{kind: User, name: agent}]}
  sessions: {maxConcurrent: 9}
";

const READS: &str = "
apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata: {name: reads, namespace: shop}
spec:
  targetRefs: [{group: portcullis.dev, kind: Connection, name: orders}]
  enforcement: Enforce
  default: Deny
  rules: [{name: reads, match: {effects: [Read]}, action: Allow}]
";

/// What is seen, edited as an API server would show it.
struct Bed {
    seen: Seen,
    good: LastGood,
    objects: Objects,
    replicas: u32,
    blind_for: Duration,
}

fn documents(text: &str) -> Documents {
    read(text.as_bytes()).unwrap()
}

fn one<T>(mut all: Vec<T>) -> T {
    assert_eq!(all.len(), 1);
    all.remove(0)
}

impl Bed {
    fn new() -> Self {
        let mut bed = Self {
            seen: Seen::default(),
            good: LastGood::default(),
            objects: Objects::default(),
            replicas: 1,
            blind_for: Duration::ZERO,
        };
        bed.class(CLASS, "1");
        bed.connection(CONNECTION, "1");
        bed.guard(READS, "1");
        bed
    }

    fn class(&mut self, text: &str, uid: &str) {
        let mut class = one(documents(text).connection_classes);
        class.metadata.uid = Some(uid.to_owned());
        put(&mut self.seen.classes, class);
    }

    fn connection(&mut self, text: &str, uid: &str) {
        let mut connection = one(documents(text).connections);
        connection.metadata.uid = Some(uid.to_owned());
        put(&mut self.seen.connection, connection);
    }

    fn guard(&mut self, text: &str, uid: &str) -> GuardrailPolicy {
        let mut guard = one(documents(text).guardrail_policies);
        guard.metadata.uid = Some(uid.to_owned());
        put(&mut self.seen.guardrails, guard.clone());
        guard
    }

    /// A policy whose pattern no schema can find wrong.
    fn broken(&mut self, uid: &str) {
        let mut guard = one(documents(READS).guardrail_policies);
        guard.metadata.uid = Some(uid.to_owned());
        guard.metadata.generation = Some(99);
        guard.spec.rules[0].matching.expression = Some("operation.nonsense".to_owned());
        put(&mut self.seen.guardrails, guard);
    }

    fn judge(&mut self) -> Judged {
        let terms = Terms {
            objects: &self.objects,
            cluster: &Cluster::default(),
            replicas: self.replicas,
            blind_for: self.blind_for,
            port: None,
        };
        judge(&self.seen, &mut self.good, &terms)
    }
}

fn put<K: Resource>(shelf: &mut Shelf<K>, object: K) {
    let name = name_of(&object);
    shelf.objects.insert(name, Found::Readable(object));
}

fn verdict(judged: &Judged, effect: Effect) -> (Verdict, String) {
    let served = judged.served.as_ref().unwrap();
    let subject = Subject {
        username: "agent".to_owned(),
        ..Subject::default()
    };
    let snapshot = Arc::clone(&served.compiled.pieces.snapshot);
    let view = SubjectView::new(snapshot, Arc::new(subject));
    let operation = Operation {
        effect,
        verb: "X".to_owned(),
        flags: BTreeSet::new(),
        attributes: Arc::default(),
        text: String::new(),
        accesses: Arc::default(),
    };
    let session = SessionFacts {
        id: String::new(),
        client_address: String::new(),
        started_at: std::time::UNIX_EPOCH,
    };
    let decision = view.decide(&session, &operation, std::time::UNIX_EPOCH);
    let message = decision.reason.map(|reason| reason.message.to_string());
    (decision.verdict, message.unwrap_or_default())
}

fn told(judged: &Judged) -> Vec<(&'static str, &str, &str)> {
    let told = judged.refused.iter();
    // The credential is not mounted here.
    let told = told.filter(|it| it.field != "spec.credentials.secretRef");
    told.map(|it| (it.kind, it.name.as_str(), it.field.as_str()))
        .collect()
}

#[test]
fn what_is_good_is_in_force_under_a_revision_that_the_operator_can_tell_too() {
    let mut bed = Bed::new();
    let judged = bed.judge();
    assert_eq!(told(&judged), []);
    assert_eq!(verdict(&judged, Effect::Read).0, Verdict::Allow);
    assert_eq!(verdict(&judged, Effect::Write).0, Verdict::Deny);
    assert!(judged.revision.starts_with("sha256:"));
    let revision = judged.revision.clone();
    let edited = READS.replace("[Read]", "[Read, Write]");
    bed.guard(&edited, "1");
    let judged = bed.judge();
    assert_ne!(judged.revision, revision);
    assert_eq!(verdict(&judged, Effect::Write).0, Verdict::Allow);
}

#[test]
fn an_edit_that_does_not_compile_keeps_the_version_before_and_is_told() {
    let mut bed = Bed::new();
    let revision = bed.judge().revision;
    bed.broken("1");
    let judged = bed.judge();
    assert_eq!(verdict(&judged, Effect::Read).0, Verdict::Allow);
    assert_eq!(judged.revision, revision);
    let field = "spec.rules[0].match.expression";
    assert_eq!(told(&judged), [("GuardrailPolicy", "reads", field)]);
    // Another's edit is not held up.
    let other = READS
        .replace("name: reads, namespace", "name: none, namespace")
        .replace("action: Allow", "action: Deny")
        .replace("default: Deny", "default: Allow");
    bed.guard(&other, "2");
    let judged = bed.judge();
    assert_eq!(verdict(&judged, Effect::Read).0, Verdict::Deny);
    assert_eq!(told(&judged).len(), 1);
}

#[test]
fn a_policy_that_never_compiled_denies_and_says_which_it_is() {
    let mut bed = Bed::new();
    bed.broken("1");
    let (verdict, message) = verdict(&bed.judge(), Effect::Read);
    assert_eq!(verdict, Verdict::Deny);
    assert!(message.contains("shop/reads"), "{message}");
}

#[test]
fn one_made_anew_under_a_name_has_nothing_of_the_one_before() {
    let mut bed = Bed::new();
    bed.judge();
    bed.broken("2");
    assert_eq!(verdict(&bed.judge(), Effect::Read).0, Verdict::Deny);
}

#[test]
fn a_policy_that_is_deleted_is_gone_also_where_its_last_edit_was_refused() {
    let mut bed = Bed::new();
    bed.judge();
    bed.broken("1");
    bed.judge();
    bed.seen.guardrails.objects.clear();
    let judged = bed.judge();
    // And no policy is no passage.
    assert_eq!(verdict(&judged, Effect::Read).0, Verdict::Deny);
    assert_eq!(told(&judged), []);
}

#[test]
fn what_cannot_even_be_read_keeps_its_last_good_version_or_denies() {
    let mut bed = Bed::new();
    bed.judge();
    let name = ("shop".to_owned(), "reads".to_owned());
    let unreadable = |uid: &str| Found::Unreadable {
        metadata: Box::new(ObjectMeta {
            uid: Some(uid.to_owned()),
            ..ObjectMeta::default()
        }),
        error: "spec.rules: no list".to_owned(),
    };
    let policies = |bed: &mut Bed, uid| {
        let objects = &mut bed.seen.guardrails.objects;
        objects.insert(name.clone(), unreadable(uid));
    };
    policies(&mut bed, "1");
    let judged = bed.judge();
    assert_eq!(verdict(&judged, Effect::Read).0, Verdict::Allow);
    assert_eq!(told(&judged), [("GuardrailPolicy", "reads", "")]);
    policies(&mut bed, "2");
    assert_eq!(verdict(&bed.judge(), Effect::Read).0, Verdict::Deny);
}

#[test]
fn a_class_that_no_longer_takes_the_connection_closes_it_whatever_was_good_before() {
    let mut bed = Bed::new();
    bed.judge();
    for bound in [
        "  allowedUpstreams: [{host: other.internal}]",
        "  allowedNamespaces: {names: [office]}",
    ] {
        bed.class(&format!("{CLASS}{bound}\n"), "1");
        let judged = bed.judge();
        assert!(judged.served.is_none() && judged.revision.is_empty());
        assert_eq!(told(&judged)[0].0, "Connection");
    }
    bed.class(CLASS, "1");
    assert!(bed.judge().served.is_some());
    bed.seen.classes.objects.clear();
    assert!(bed.judge().served.is_none());
}

#[test]
fn an_edit_of_the_connection_that_its_class_refuses_keeps_the_version_before() {
    let mut bed = Bed::new();
    bed.class(
        &format!("{CLASS}  allowedUpstreams: [{{host: orders.internal}}]\n"),
        "1",
    );
    bed.judge();
    bed.connection(
        &CONNECTION.replace("orders.internal", "payroll.internal"),
        "1",
    );
    let judged = bed.judge();
    let upstream = &judged.served.as_ref().unwrap().compiled.pieces.upstream;
    assert_eq!(upstream.host, "orders.internal");
    assert_eq!(
        told(&judged),
        [("Connection", "orders", "spec.upstream.host")]
    );
    // Made anew, it never was good.
    bed.connection(
        &CONNECTION.replace("orders.internal", "payroll.internal"),
        "2",
    );
    assert!(bed.judge().served.is_none());
}

#[test]
fn a_lockdown_holds_also_in_an_edit_of_the_class_that_is_refused() {
    let mut bed = Bed::new();
    bed.judge();
    let edit = CLASS.replace(
        "identity: {",
        "identity: {mtls: {caRef: {name: nowhere, key: ca.crt}}, ",
    );
    let edit = format!("{edit}  lockdown: true\n");
    bed.class(&edit, "1");
    let judged = bed.judge();
    assert_eq!(told(&judged)[0].0, "ConnectionClass");
    assert_eq!(verdict(&judged, Effect::Read).0, Verdict::Deny);
}

#[test]
fn policies_that_may_have_changed_unseen_deny_after_their_time_unless_told_otherwise() {
    let mut bed = Bed::new();
    bed.blind_for = Duration::from_secs(59);
    assert!(!bed.judge().stale);
    bed.blind_for = Duration::from_secs(60);
    let judged = bed.judge();
    assert!(judged.stale);
    let (denied, message) = verdict(&judged, Effect::Read);
    assert_eq!(denied, Verdict::Deny);
    assert!(message.contains("lost sight"), "{message}");
    bed.connection(
        &format!("{CONNECTION}  onPolicyStale: {{action: KeepLastGood}}\n"),
        "1",
    );
    let judged = bed.judge();
    assert!(!judged.stale);
    assert_eq!(verdict(&judged, Effect::Read).0, Verdict::Allow);
}

#[test]
fn replicas_share_what_is_bounded() {
    let mut bed = Bed::new();
    let sessions = |bed: &mut Bed| {
        let judged = bed.judge();
        judged
            .served
            .unwrap()
            .compiled
            .pieces
            .sessions
            .max_concurrent
    };
    assert_eq!(sessions(&mut bed), Some(9));
    bed.replicas = 2;
    assert_eq!(sessions(&mut bed), Some(4));
    bed.replicas = 100;
    assert_eq!(sessions(&mut bed), Some(1));
}

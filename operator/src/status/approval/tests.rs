use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use portcullis_crds::ApprovalRequest;
use portcullis_crds::approval_request::{ApprovalState, DecisionKind};
use portcullis_crds::stamp::{STAMP_PREFIX, Stamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::decision::read;
use super::{Step, is_recorded, step};
use crate::world::proxies::Proxies;
use crate::world::report::{Report, Unstored};

const NOW: i64 = 1_795_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn time(second: i64) -> String {
    at(second).to_string()
}

/// A request of `oidc:agent-7` for two approvals, good for 15 minutes.
fn request(more: &Value) -> ApprovalRequest {
    let mut object = json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "ApprovalRequest",
        "metadata": { "name": "r", "namespace": "shop", "generation": 1, "annotations": {} },
        "spec": {
            "connectionRef": { "name": "orders-db", "uid": "u" },
            "policyRef": { "name": "p", "rule": "no-ddl", "generation": 1 },
            "requester": { "username": "oidc:agent-7", "onBehalfOf": "oidc:alice@corp" },
            "operation": {
                "hash": format!("sha256:{}", "a".repeat(64)),
                "hashVersion": "v1",
                "summary": "DROP TABLE t",
            },
            "requiredApprovals": 2,
            "expiresAt": time(NOW + 900),
        },
        "status": { "observedGeneration": -1, "state": "Pending", "decisions": [] },
    });
    merge(&mut object, more);
    serde_json::from_value(object).unwrap()
}

fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}

fn stamp(word: &str, name: &str) -> Stamp {
    Stamp {
        decision: serde_json::from_value::<DecisionKind>(json!(word)).unwrap(),
        username: name.to_owned(),
        reason: "because".to_owned(),
    }
}

fn key(name: &str) -> String {
    stamp("Approve", name).key()
}

fn stamped(people: &[(&str, &str)]) -> Value {
    let all: serde_json::Map<String, Value> = people
        .iter()
        .map(|(word, name)| {
            let stamp = stamp(word, name);
            (stamp.key(), json!(stamp.value()))
        })
        .collect();
    json!({ "metadata": { "annotations": all } })
}

/// The object after the operator wrote what it decided.
fn written(mut object: ApprovalRequest, step: &Step) -> ApprovalRequest {
    object.status = Some(step.status.clone());
    for key in &step.moved {
        object.metadata.annotations.as_mut().unwrap().remove(key);
    }
    object
}

#[test]
fn a_quorum_opens_a_grant_until_the_deadline() {
    let one = step(&request(&stamped(&[("Approve", "oidc:bob")])), at(NOW));
    assert_eq!(one.status.state, ApprovalState::Pending);
    assert_eq!(one.status.approvals.as_deref(), Some("1/2"));
    assert_eq!(one.after, Some(Duration::from_secs(900)));
    let both = stamped(&[("Approve", "oidc:bob"), ("Approve", "oidc:carol|x")]);
    let two = step(&request(&both), at(NOW));
    assert_eq!(two.status.state, ApprovalState::Approved);
    assert_eq!(two.moved.len(), 2);
    let grant = two.status.grant.clone().unwrap();
    assert_eq!(
        (grant.not_before.0, grant.expires_at.0),
        (at(NOW), at(NOW + 900))
    );
    let condition = &two.status.conditions[0];
    assert_eq!(
        (condition.type_.as_str(), condition.reason.as_str()),
        ("Approved", "QuorumReached")
    );
    // What was written is not written again.
    let again = step(&written(request(&both), &two), at(NOW + 1));
    assert_eq!(again.status, two.status);
    assert!(again.moved.is_empty());
}

#[test]
fn a_status_that_holds_the_decisions_already_still_frees_the_annotations() {
    let both = stamped(&[("Approve", "oidc:bob"), ("Approve", "oidc:carol")]);
    let mut object = request(&both);
    let first = step(&object, at(NOW));
    object.status = Some(first.status.clone());
    let second = step(&object, at(NOW + 1));
    assert_eq!(second.status, first.status);
    assert_eq!(second.moved, first.moved);
}

#[test]
fn one_denial_beats_every_approval() {
    let all = [
        ("Approve", "oidc:bob"),
        ("Approve", "oidc:carol"),
        ("Deny", "oidc:dave"),
    ];
    let denied = step(&request(&stamped(&all)), at(NOW));
    assert_eq!(denied.status.state, ApprovalState::Denied);
    assert_eq!(denied.status.grant, None);
    assert_eq!(denied.status.conditions.len(), 1);
    assert_eq!(denied.status.conditions[0].message, "oidc:dave denied");
}

#[test]
fn who_asks_answers_or_is_no_person_is_not_counted() {
    let all = [
        ("Approve", "oidc:agent-7"),
        ("Approve", "OIDC:Alice@corp"),
        ("Approve", "system:serviceaccount:shop:bot"),
        ("Approve", "oidc:bob"),
        ("Approve", "oidc:BOB"),
    ];
    let found = step(&request(&stamped(&all)), at(NOW));
    assert_eq!(found.status.approvals.as_deref(), Some("1/2"));
    assert_eq!(found.ignored.len(), 4);
    // Written by hand into the status they count no more than that.
    let forged = json!({ "status": { "decisions": [
        { "username": "oidc:agent-7", "decision": "Approve" },
        { "username": "oidc:bob", "decision": "Approve" },
        { "username": "oidc:BOB", "decision": "Approve" },
    ] } });
    let found = step(&request(&forged), at(NOW));
    assert_eq!(found.status.approvals.as_deref(), Some("1/2"));
    assert_eq!(found.status.state, ApprovalState::Pending);
}

#[test]
fn an_annotation_that_is_no_decision_is_left_and_told() {
    let name = "oidc:bob";
    for value in [
        "Approve|8|oidc:bob",
        "Approve|7|oidc:bob|why",
        "Approve|9|oidc:bob|why",
        "Approve|-1|oidc:bob|why",
        "approve|8|oidc:bob|why",
        "Approve|8|oidc:bo|why",
        "Approve|0||why",
        "Approve|99999999999999999999|oidc:bob|why",
        "",
    ] {
        let object = json!({ "metadata": { "annotations": { key(name): value } } });
        let found = step(&request(&object), at(NOW));
        assert_eq!(found.status.approvals.as_deref(), Some("0/2"), "{value}");
        assert_eq!(found.ignored, [key(name)], "{value}");
    }
}

#[test]
fn who_decided_is_read_from_the_value_whatever_the_key() {
    for odd in [
        key("oidc:eve"),
        format!("{STAMP_PREFIX}zz"),
        stamp("Deny", "oidc:eve").second_key(),
        STAMP_PREFIX.to_owned(),
    ] {
        let mut object = stamped(&[("Approve", "oidc:bob"), ("Approve", "oidc:carol")]);
        object["metadata"]["annotations"][&odd] = json!(stamp("Deny", "oidc:dave").value());
        let found = step(&request(&object), at(NOW));
        assert_eq!(found.status.state, ApprovalState::Denied, "{odd}");
        assert_eq!(found.status.grant, None, "{odd}");
        assert!(found.moved.contains(&odd), "{odd}");
        assert_eq!(found.ignored, [""; 0], "{odd}");
        // A key of their own makes nobody count twice.
        let mut object = stamped(&[("Approve", "oidc:bob")]);
        object["metadata"]["annotations"][&odd] = json!(stamp("Approve", "oidc:bob").value());
        let found = step(&request(&object), at(NOW));
        assert_eq!(found.status.approvals.as_deref(), Some("1/2"), "{odd}");
    }
    let other = json!({ "metadata": { "annotations": {
        "decision.example.com/zz": "Deny|9|oidc:dave|why",
    } } });
    let found = step(&request(&other), at(NOW));
    assert_eq!((found.moved.len(), found.ignored.len()), (0, 0));
}

#[test]
fn a_name_may_hold_what_separates_and_more_than_ascii() {
    let annotations = [("Approve", "a|b|c"), ("Deny", "jürgen|ä")];
    let object = request(&stamped(&annotations));
    let (good, bad) = read(object.metadata.annotations.as_ref().unwrap());
    let mut names: Vec<&str> = good
        .iter()
        .map(|it| it.decision.username.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a|b|c", "jürgen|ä"]);
    assert!(bad.is_empty());
    assert_eq!(good[0].decision.reason.as_deref(), Some("because"));
}

#[test]
fn one_person_s_second_thought_has_a_key_of_its_own() {
    let (first, second) = (stamp("Approve", "oidc:bob"), stamp("Revoke", "oidc:bob"));
    let object = json!({ "metadata": { "annotations": {
        first.key(): first.value(), second.second_key(): second.value(),
    } } });
    let found = step(&request(&object), at(NOW));
    assert_eq!(found.moved.len(), 2);
    assert_eq!(found.status.state, ApprovalState::Denied);
}

#[test]
fn a_deadline_ends_what_has_no_quorum_at_the_very_second() {
    let both = stamped(&[("Approve", "oidc:bob"), ("Approve", "oidc:carol")]);
    let before = step(&request(&both), at(NOW + 899));
    assert_eq!(before.status.state, ApprovalState::Approved);
    let after = step(&request(&both), at(NOW + 900));
    assert_eq!(after.status.state, ApprovalState::Expired);
    assert_eq!(after.status.conditions[0].reason, "DeadlinePassed");
}

#[test]
fn an_approval_ends_by_claim_revocation_withdrawal_or_time() {
    let both = stamped(&[("Approve", "oidc:bob"), ("Approve", "oidc:carol")]);
    let approved = written(request(&both), &step(&request(&both), at(NOW)));
    let with = |more: Value| -> ApprovalRequest {
        let mut object = serde_json::to_value(&approved).unwrap();
        merge(&mut object, &more);
        serde_json::from_value(object).unwrap()
    };
    let claim = json!({ "status": { "usage": {
        "claimedBy": "pod/1", "claimedAt": time(NOW + 5),
    } } });
    let withdrawn = json!({ "status": { "usage": { "withdrawnAt": time(NOW + 5) } } });
    let revoked = stamped(&[("Revoke", "oidc:bob")]);
    let mut claimed_then_revoked = claim.clone();
    merge(&mut claimed_then_revoked, &revoked);
    for (more, second, state, reason) in [
        (claim, NOW + 6, ApprovalState::Consumed, "Consumed"),
        (
            claimed_then_revoked,
            NOW + 6,
            ApprovalState::Consumed,
            "Consumed",
        ),
        (withdrawn, NOW + 6, ApprovalState::Withdrawn, "Withdrawn"),
        (
            revoked,
            NOW + 6,
            ApprovalState::Revoked,
            "RevokedByApprover",
        ),
        (json!({}), NOW + 900, ApprovalState::Expired, "GrantExpired"),
    ] {
        let found = step(&with(more), at(second));
        assert_eq!(found.status.state, state);
        assert_eq!(found.status.conditions.last().unwrap().reason, reason);
        assert!(found.status.grant.is_some(), "a grant is never taken out");
    }
    assert_eq!(
        step(&approved, at(NOW + 899)).status.state,
        ApprovalState::Approved
    );
}

#[test]
fn a_time_box_stays_open_after_a_claim_and_ends_by_itself() {
    let boxed = json!({ "spec": { "grant": { "type": "TimeBoxed", "duration": "30m" } } });
    let mut both = stamped(&[("Approve", "oidc:bob"), ("Approve", "oidc:carol")]);
    merge(&mut both, &boxed);
    let first = step(&request(&both), at(NOW));
    let grant = first.status.grant.clone().unwrap();
    assert_eq!(grant.expires_at.0, at(NOW + 1800));
    let mut open = written(request(&both), &first);
    open.status.as_mut().unwrap().usage = serde_json::from_value(json!({
        "claimedBy": "pod/1", "claimedAt": time(NOW + 5),
    }))
    .unwrap();
    assert_eq!(
        step(&open, at(NOW + 1799)).status.state,
        ApprovalState::Approved
    );
    assert_eq!(
        step(&open, at(NOW + 1800)).status.state,
        ApprovalState::Expired
    );
}

#[test]
fn what_is_final_stays_and_is_kept_for_its_time() {
    let deny = stamped(&[("Deny", "oidc:bob")]);
    let mut object = request(&deny);
    object.spec.ttl_seconds_after_finished = 3600;
    let denied = written(object.clone(), &step(&object, at(NOW)));
    let late = step(&denied, at(NOW + 3599));
    assert_eq!(
        (late.delete, late.after),
        (None, Some(Duration::from_secs(1)))
    );
    let over = step(&denied, at(NOW + 3600)).delete;
    assert_eq!(over, Some(Duration::from_secs(3600)));
    // Approvals that come too late are kept with the others and change nothing.
    let mut too_late = denied.clone();
    let approve = stamped(&[("Approve", "oidc:carol"), ("Approve", "oidc:dave")]);
    too_late.metadata.annotations = request(&approve).metadata.annotations;
    let found = step(&too_late, at(NOW + 1));
    assert_eq!(found.status.state, ApprovalState::Denied);
    assert_eq!(found.status.decisions.len(), 3);
    // No TTL is too short for proxies to have told how their record stands.
    let mut hasty = denied;
    hasty.spec.ttl_seconds_after_finished = 0;
    assert_eq!(step(&hasty, at(NOW + 59)).delete, None);
    let over = step(&hasty, at(NOW + 60)).delete;
    assert_eq!(over, Some(Duration::from_secs(60)));
}

#[test]
fn a_record_is_safe_when_every_proxy_s_store_has_what_is_older_than_the_end() {
    let now = Instant::now() + Duration::from_secs(100);
    let says = |unstored: Unstored, ago: u64| {
        let mut report = Report::of("a", "u");
        report.unstored = unstored;
        report.seen = now.checked_sub(Duration::from_secs(ago)).unwrap();
        report
    };
    let aged = |seconds, ago| says(Unstored::For(Duration::from_secs(seconds)), ago);
    let safe = |finished: u64, hushed: usize, reports: Vec<Report>| {
        let proxies = Proxies {
            hushed,
            reports,
            ..Proxies::default()
        };
        is_recorded(Duration::from_secs(finished), &proxies, now)
    };
    // All is stored: what was written within 30 s of the end counts.
    assert!(safe(60, 0, vec![aged(0, 30)]));
    assert!(!safe(60, 0, vec![aged(0, 31)]));
    // What came in the last 20 s may not be there.
    assert!(safe(60, 0, vec![aged(20, 10)]));
    assert!(!safe(60, 0, vec![aged(21, 10)]));
    // The store is away: however long ago it was.
    assert!(!safe(86_400, 0, vec![aged(90_000, 1)]));
    // One of two replicas is behind, does not know, or does not speak.
    assert!(!safe(60, 0, vec![aged(0, 1), aged(60, 1)]));
    assert!(!safe(60, 0, vec![aged(0, 1), says(Unstored::Unknown, 1)]));
    assert!(!safe(60, 1, vec![aged(0, 1)]));
    // What was found and not heard may have been said long ago.
    let mut found = aged(0, 1);
    found.renews = false;
    assert!(!safe(86_400, 0, vec![aged(0, 1), found]));
    // Of an earlier version, or gone.
    assert!(safe(60, 0, vec![says(Unstored::Untold, 30)]));
    assert!(safe(60, 0, Vec::new()));
}

#[test]
fn the_list_of_decisions_has_its_bound() {
    let people: Vec<String> = (0..17).map(|index| format!("oidc:p{index:02}")).collect();
    let all: Vec<(&str, &str)> = people.iter().map(|name| ("Deny", name.as_str())).collect();
    let found = step(&request(&stamped(&all)), at(NOW));
    assert_eq!(found.status.decisions.len(), 16);
    assert_eq!(found.ignored.len(), 1, "it stays where the claim looks");
}

use super::super::standing::LEEWAY;
use super::*;

/// A request as the API server would show it, with this status.
fn request(status: Value) -> ApprovalRequest {
    let mut request = new_request("x", &wanted(), start()).unwrap();
    request.status = Some(serde_json::from_value(status).unwrap());
    request
}

fn status(decisions: &[(&str, &str)], window: (i64, i64)) -> Value {
    let decisions = decisions
        .iter()
        .map(|(username, decision)| json!({ "username": username, "decision": decision }));
    json!({
        "observedGeneration": 1,
        "state": "Approved",
        "decisions": decisions.collect::<Vec<_>>(),
        "conditions": [{
            "type": "Approved", "status": "True", "reason": "QuorumReached", "message": "",
            "lastTransitionTime": at(0),
        }],
        "grant": { "notBefore": at(window.0), "expiresAt": at(window.1) },
    })
}

#[test]
fn only_what_everybody_agrees_on_is_a_grant() {
    let carol = [("carol", "Approve")];
    let good = status(&carol, (0, 900));
    assert_eq!(
        standing(&request(good.clone()), start()),
        approved(&["carol"])
    );
    for (field, value) in [
        ("grant", json!(null)),
        ("conditions", json!([])),
        ("decisions", json!([])),
        ("state", json!("Pending")),
    ] {
        let mut less = good.clone();
        less[field] = value;
        assert_eq!(
            standing(&request(less), start()),
            Standing::Pending,
            "{field}"
        );
    }
}

#[test]
fn who_asks_and_machines_make_no_quorum() {
    for by in [
        "agent-7",
        "AGENT-7",
        "oidc:alice@example.com",
        "system:serviceaccount:shop:bot",
    ] {
        let alone = status(&[(by, "Approve")], (0, 900));
        assert_eq!(
            standing(&request(alone), start()),
            Standing::Pending,
            "{by}"
        );
    }
    let mut two = request(status(
        &[("carol", "Approve"), ("Carol", "Approve")],
        (0, 900),
    ));
    two.spec.required_approvals = 2;
    assert_eq!(standing(&two, start()), Standing::Pending);
}

#[test]
fn one_word_against_it_beats_every_approval() {
    for against in ["Deny", "Revoke"] {
        let said = [("carol", "Approve"), ("bob", against)];
        let found = standing(&request(status(&said, (0, 900))), start());
        let by = "bob".to_owned();
        let reason = String::new();
        assert_eq!(found, Standing::Revoked { by, reason });
    }
}

#[test]
fn a_window_begins_a_little_early_and_ends_on_time() {
    let carol = [("carol", "Approve")];
    let leeway = i64::try_from(LEEWAY.as_secs()).unwrap();
    let found = |window| standing(&request(status(&carol, window)), start());
    assert_eq!(found((leeway, 900)), approved(&["carol"]));
    assert_eq!(found((leeway + 1, 900)), Standing::Pending);
    assert_eq!(found((-9, 1)), approved(&["carol"]));
    assert_eq!(found((-9, 0)), Standing::Expired);
}

#[test]
fn what_a_proxy_wrote_counts_before_the_operator_has_seen_it() {
    let carol = [("carol", "Approve")];
    let mut used = status(&carol, (0, 900));
    used["usage"] = json!({ "claimedBy": "pod/1", "claimedAt": at(0) });
    assert_eq!(
        standing(&request(used.clone()), start()),
        Standing::Consumed
    );
    used["usage"] = json!({ "withdrawnAt": at(0) });
    assert_eq!(standing(&request(used), start()), Standing::Withdrawn);
}

#[test]
fn a_request_nobody_decided_in_time_is_over_without_anybody_saying_so() {
    let pending = json!({ "observedGeneration": -1, "state": "Pending", "decisions": [] });
    let after = |seconds| start() + Duration::from_secs(seconds);
    let found = |seconds| standing(&request(pending.clone()), after(seconds));
    assert_eq!(
        (found(899), found(900)),
        (Standing::Pending, Standing::Expired)
    );
}

/// A box of ten minutes, written by an operator whose clock is another, at the minute when people agreed.
#[test]
fn clocks_that_differ_lengthen_a_grant_by_no_more_than_the_leeway() {
    let carol = [("carol", "Approve")];
    let length = 600;
    let leeway = i64::try_from(LEEWAY.as_secs()).unwrap();
    for ahead in [-3600, -599, -60, -1, 0, 1, 5, 6, 60, 3600] {
        let made = request(status(&carol, (ahead, ahead + length)));
        let passes = |second: i64| {
            let now = start() + Duration::from_secs(u64::try_from(second).unwrap());
            standing(&made, now) == approved(&["carol"])
        };
        let seconds = (0..5000).filter(|second| passes(*second)).count();
        let seconds = i64::try_from(seconds).unwrap();
        let wanted = match ahead {
            // It began before it was given: that much is lost.
            ..=0 => (length + ahead).max(0),
            _ => length + ahead.min(leeway),
        };
        assert_eq!(seconds, wanted, "ahead by {ahead} s");
        // Not before the operator says, but for the leeway.
        assert_eq!(
            passes(0),
            ahead <= leeway && wanted > 0,
            "ahead by {ahead} s"
        );
    }
    // The operator's clock is so far ahead that it gave the request up: nothing passes by ours.
    let mut over = status(&carol, (0, 900));
    over["state"] = json!("Expired");
    assert_eq!(standing(&request(over), start()), Standing::Expired);
}

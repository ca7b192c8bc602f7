//! The API server is out of reach.

use portcullis_e2e::wait_until;
use serde_json::json;

use super::bed::with_bed;

#[test]
fn policies_that_may_be_stale_deny_after_their_time_and_come_back_by_themselves() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({ "onPolicyStale": { "after": "2s" } }));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        assert_eq!(session.ask("select 1"), "1");
        bed.relay.cut();
        wait_until("policies to be stale", || {
            let answer = session.ask("select 1");
            answer.contains("lost sight").then_some(()).ok_or(answer)
        });
        // Not for want of readiness: whoever waits for it to come back is kept.
        assert_eq!(proxy.get("/healthz").unwrap().0, 200);
        bed.guard(
            "all",
            &json!([{ "name": "no", "match": { "verbs": ["INSERT"] }, "action": "Deny" }]),
        );
        bed.relay.mend();
        wait_until("policies to be seen again", || {
            let answer = session.ask("select 1");
            (answer == "1").then_some(()).ok_or(answer)
        });
        // With what was edited meanwhile.
        let answer = session.ask("insert into journal values ('x')");
        assert!(answer.contains("PolicyDenied"), "{answer}");
    });
}

#[test]
fn whoever_keeps_the_last_good_policies_goes_on_by_them_and_gets_no_approvals() {
    with_bed(|bed| {
        bed.guard("all", &json!([
            { "name": "no", "match": { "verbs": ["DELETE"] }, "action": "Deny", "message": "not here" },
            { "name": "held", "match": { "verbs": ["INSERT"] }, "action": "RequireApproval",
              "approval": { "wait": "Reject" } },
        ]));
        bed.connection(&json!({ "onPolicyStale": { "after": "1s", "action": "KeepLastGood" } }));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        assert_eq!(session.ask("select 1"), "1");
        bed.relay.cut();
        wait_until("the outage to be noticed", || {
            proxy
                .log()
                .contains("not renewed")
                .then_some(())
                .ok_or(proxy.log())
        });
        let answer = session.ask("insert into journal values ('x')");
        assert!(answer.contains("PolicyUnavailable"), "{answer}");
        assert_eq!(session.ask("select 1"), "1");
        assert!(session.ask("delete from journal").contains("not here"));
        assert_eq!(bed.target.admin(&bed.namespace.name, "table journal"), "");
    });
}

#[test]
fn a_cold_start_without_an_api_server_serves_nobody_until_it_is_there() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({}));
        bed.relay.cut();
        let proxy = bed.start(7, &[]);
        wait_until("the admin port", || {
            proxy.get("/healthz").ok_or("no".to_owned())
        });
        wait_until("the outage to be told", || {
            let log = proxy.log();
            log.contains("cannot be followed").then_some(()).ok_or(log)
        });
        assert_eq!(proxy.get("/readyz").unwrap().0, 503);
        assert!(!proxy.is_open());
        bed.relay.mend();
        proxy.wait_until_ready();
        assert_eq!(proxy.session().ask("select 1"), "1");
    });
}

//! Operations that wait for people.

use std::thread;
use std::time::Instant;

use portcullis_e2e::{Said, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, OPERATOR, with_bed};
use crate::session::Psql;

pub(super) const INSERT: &str = "insert into journal values ('approved')";

pub(super) fn held(wait: &str, grant: &Value) -> Value {
    let mut approval = json!({ "wait": wait, "holdFor": "60s" });
    for (key, value) in grant.as_object().into_iter().flatten() {
        approval[key] = value.clone();
    }
    json!([{
        "name": "held", "match": { "verbs": ["INSERT"] }, "action": "RequireApproval",
        "approval": approval,
    }])
}

/// The one request that waits.
pub(super) fn pending(bed: &Bed<'_>) -> String {
    wait_until("a request", || {
        let requests = bed.admin.get(&["appr"]);
        let requests = requests["items"].as_array().unwrap().clone();
        let mut waiting = requests
            .iter()
            .filter(|it| it["status"]["state"] == "Pending" && it["status"].get("usage").is_none());
        let one = waiting.next().filter(|_| waiting.next().is_none());
        let name = one.and_then(|it| it["metadata"]["name"].as_str());
        name.map(str::to_owned).ok_or(format!("{requests:?}"))
    })
}

fn patch(bed: &Bed<'_>, who: &str, request: &str, patch: &Value) -> Said {
    let (who, patch) = (bed.admin.impersonating(who), patch.to_string());
    let line = [
        "patch",
        "appr",
        request,
        "--subresource=status",
        "--type=json",
        "-p",
        &patch,
    ];
    who.run(&line)
}

pub(super) fn decide(bed: &Bed<'_>, who: &str, request: &str, decision: &str) {
    let value = json!({ "username": who, "decision": decision, "reason": "for a test" });
    let append = json!([{ "op": "add", "path": "/status/decisions/-", "value": value }]);
    patch(bed, who, request, &append).must_succeed();
}

/// What the operator writes of it, where none runs. The time just before, and how long the write
/// took, are the caller's to know.
pub(super) fn grant(bed: &Bed<'_>, request: &str, seconds: u64) {
    let now = date("now");
    let until = date(&format!("+{seconds} seconds"));
    let condition = json!([{
        "type": "Approved", "status": "True", "reason": "QuorumReached", "message": "",
        "lastTransitionTime": now,
    }]);
    let writes = json!([
        { "op": "add", "path": "/status/conditions", "value": condition },
        { "op": "add", "path": "/status/grant", "value": { "notBefore": now, "expiresAt": until } },
        { "op": "replace", "path": "/status/state", "value": "Approved" },
    ]);
    let _either = patch(bed, OPERATOR, request, &writes);
    wait_until("the grant", || {
        let status = bed.admin.get(&["appr", request])["status"].clone();
        status.get("grant").map(drop).ok_or(status.to_string())
    });
}

fn date(when: &str) -> String {
    let date = ["-u", "-d", when, "+%Y-%m-%dT%H:%M:%SZ"];
    let output = std::process::Command::new("date")
        .args(date)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(super) fn journal(bed: &Bed<'_>) -> String {
    bed.target
        .admin(&bed.namespace.name, "select count(*) from journal")
}

#[test]
#[allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a figure for people, by the clock of the machine"
)]
fn who_waits_runs_once_it_is_approved() {
    with_bed(|bed| {
        bed.guard("all", &held("Hold", &json!({})));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        session.send(INSERT);
        let request = pending(bed);
        let made = bed.admin.get(&["appr", &request]);
        assert_eq!(made["spec"]["operation"]["text"], format!("{INSERT};"));
        assert_eq!(
            made["spec"]["requester"]["onBehalfOf"],
            "oidc:alice@example.com"
        );
        assert_eq!(made["metadata"]["ownerReferences"][0]["kind"], "Connection");
        assert_eq!(journal(bed), "0");
        decide(bed, "carol", &request, "Approve");
        let began = Instant::now();
        grant(bed, &request, 600);
        let answer = session.answer();
        println!("granted (by kubectl) until it ran: {:?}", began.elapsed());
        assert!(answer.contains(&request), "{answer}");
        assert_eq!(journal(bed), "1");
        let usage = bed.admin.get(&["appr", &request])["status"]["usage"].clone();
        assert!(usage["claimedBy"].is_string(), "{usage}");
        // Another time is another request.
        session.send(INSERT);
        let next = pending(bed);
        assert_ne!(next, request);
        decide(bed, "bob", &next, "Deny");
        let answer = session.answer();
        assert!(answer.contains("bob denied this"), "{answer}");
        assert_eq!(journal(bed), "1");
    });
}

#[test]
fn of_twenty_executions_on_three_proxies_one_runs() {
    with_bed(|bed| {
        bed.guard("all", &held("Hold", &json!({})));
        bed.connection(&json!({}));
        let proxies = [7, 8, 9].map(|number| bed.proxy(number));
        let mut sessions: Vec<Psql> = (0..20)
            .map(|number| proxies[number % 3].session())
            .collect();
        for session in &mut sessions {
            session.send(INSERT);
        }
        let request = pending(bed);
        wait_until("all to wait", || {
            let waits = |proxy: &super::bed::Proxy| {
                let (_, metrics) = proxy.get("/metrics").unwrap();
                let lines = metrics
                    .lines()
                    .filter(|it| it.starts_with("portcullis_approvals_waiting"));
                let values = lines.filter_map(|it| it.rsplit(' ').next()?.parse::<u32>().ok());
                values.sum::<u32>()
            };
            let waiting: u32 = proxies.iter().map(waits).sum();
            (waiting == 20).then_some(()).ok_or(waiting.to_string())
        });
        decide(bed, "carol", &request, "Approve");
        grant(bed, &request, 600);
        let answers = thread::scope(|scope| {
            let asked: Vec<_> = sessions
                .iter_mut()
                .map(|it| scope.spawn(|| it.answer()))
                .collect();
            asked
                .into_iter()
                .map(|it| it.join().unwrap())
                .collect::<Vec<_>>()
        });
        let ran = answers
            .iter()
            .filter(|answer| !answer.contains("ERROR"))
            .count();
        assert_eq!(ran, 1, "{answers:#?}");
        assert_eq!(journal(bed), "1");
        let used_up = answers
            .iter()
            .filter(|answer| answer.contains("was used up"))
            .count();
        assert_eq!(used_up, 19, "{answers:#?}");
    });
}

#[test]
fn a_denial_that_stands_as_an_annotation_beats_the_approval_beside_it() {
    with_bed(|bed| {
        bed.guard("all", &held("Reject", &json!({})));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        let answer = session.ask(INSERT);
        let request = pending(bed);
        assert!(answer.contains(&request), "{answer}");
        decide(bed, "carol", &request, "Approve");
        grant(bed, &request, 600);
        let stamp = "decision.portcullis.dev/81b637d8fcd2c6da=Deny|3|bob|wait";
        let bob = bed.admin.impersonating("bob");
        bob.run(&["annotate", "appr", &request, stamp])
            .must_succeed();
        // What is revoked is asked for anew.
        let answer = session.ask(INSERT);
        let next = request.trim_end_matches("-1").to_owned() + "-2";
        assert!(answer.contains(&next), "{answer}");
        assert_eq!(journal(bed), "0");
        let status = bed.admin.get(&["appr", &request])["status"].clone();
        assert_eq!(status.get("usage"), None, "{status}");
    });
}

#[test]
fn a_grant_for_a_time_is_used_again_and_ends() {
    with_bed(|bed| {
        let grant_for = json!({ "grant": "TimeBoxed", "maxDuration": "20s" });
        bed.guard("all", &held("Reject", &grant_for));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        session.ask(INSERT);
        let request = pending(bed);
        decide(bed, "carol", &request, "Approve");
        grant(bed, &request, 20);
        for _ in 0..2 {
            assert_eq!(session.ask(INSERT), "");
        }
        let mut ran = 2;
        wait_until("the grant to end", || {
            let answer = session.ask(INSERT);
            ran += u32::from(answer.is_empty());
            answer
                .contains("ApprovalRequired")
                .then_some(())
                .ok_or(answer)
        });
        assert_eq!(journal(bed), ran.to_string());
    });
}

#[test]
fn who_leaves_takes_the_request_along() {
    with_bed(|bed| {
        bed.guard("all", &held("Hold", &json!({})));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        session.send(INSERT);
        let request = pending(bed);
        drop(session);
        wait_until("the request to be withdrawn", || {
            let status = bed.admin.get(&["appr", &request])["status"].clone();
            let withdrawn = status["usage"]["withdrawnAt"].is_string();
            withdrawn.then_some(()).ok_or(status.to_string())
        });
    });
}

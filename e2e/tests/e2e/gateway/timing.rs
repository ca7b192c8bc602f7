//! How soon an edit or an approval is felt.

use std::thread;
use std::time::{Duration, Instant};

use portcullis_e2e::wait_until;
use serde_json::json;

use super::bed::{Bed, with_gateway};
use crate::session::Psql;

/// How many edits are timed, where it is not this many; `make soak` times ten times as many.
const EDITS: (&str, usize) = ("E2E_EDITS", 20);
/// How many approvals are.
const APPROVALS: usize = 10;
/// Nothing takes longer, however busy the machine is. The figures are for people.
const BOUND: Duration = Duration::from_secs(5);

/// Prints how long edits take to reach a session that is open at each proxy, and how long who waits for
/// an approval waits after it was given.
#[test]
#[allow(clippy::disallowed_methods, reason = "by the clock of the machine")]
fn edits_reach_open_sessions_of_every_proxy_and_approvals_who_waits() {
    with_gateway(|bed| {
        let token = bed.token("dana");
        let proxies = bed.proxies();
        let mut sessions: Vec<Psql> = proxies
            .iter()
            .map(|(_, address)| bed.session_at(address, &token))
            .collect();
        for session in &mut sessions {
            assert_eq!(session.ask("select 1"), "1");
        }
        let (mut denials, mut returns) = (Vec::new(), Vec::new());
        for edit in 0..edits() {
            let denies = edit % 2 == 0;
            let rules = match denies {
                true => {
                    json!([{ "name": "no", "match": { "verbs": ["SELECT"] }, "action": "Deny" }])
                }
                false => json!([]),
            };
            bed.guard("edited", &rules);
            let applied = Instant::now();
            let felt = |session: &mut Psql| {
                while session.ask("select 1").contains("ERROR") != denies {
                    assert!(applied.elapsed() < BOUND, "edit {edit}");
                }
                applied.elapsed()
            };
            let times: Vec<Duration> = thread::scope(|scope| {
                let asked: Vec<_> = sessions
                    .iter_mut()
                    .map(|session| scope.spawn(move || felt(session)))
                    .collect();
                asked.into_iter().map(|it| it.join().unwrap()).collect()
            });
            let all = if denies { &mut denials } else { &mut returns };
            all.extend(times);
        }
        told("kubectl apply to first denial", denials);
        told("kubectl apply to first passage", returns);
        told("kubectl annotate to answer", approvals_felt(bed));
    });
}

fn edits() -> usize {
    let (name, count) = EDITS;
    match std::env::var_os(name) {
        Some(text) => text.to_str().and_then(|text| text.parse().ok()).unwrap(),
        None => count,
    }
}

/// From the approver's word to the requester's answer.
#[allow(clippy::disallowed_methods, reason = "by the clock of the machine")]
fn approvals_felt(bed: &Bed<'_>) -> Vec<Duration> {
    let mut session = bed.session("frank");
    let erin = bed.namespace.user("erin");
    let approved = |number: usize| {
        session.send(&format!(
            "update customers set credit = {number} where id = 2"
        ));
        let request = wait_until("a request", || {
            let shown = erin.must(&["get", "appr", "--no-headers"]);
            let line = shown.lines().find(|line| line.contains("Pending"));
            let name = line.and_then(|line| line.split_whitespace().next());
            name.map(str::to_owned).ok_or(shown)
        });
        erin.must(&["annotate", "appr", &request, "portcullis.dev/approve=yes"]);
        let annotated = Instant::now();
        let answer = session.answer();
        let felt = annotated.elapsed();
        assert!(!answer.contains("ERROR"), "{answer}");
        assert!(felt < BOUND, "{felt:?}");
        // It is not taken for the next one.
        wait_until("the request to be finished", || {
            let status = erin.get(&["appr", &request])["status"].clone();
            (status["state"] != "Pending")
                .then_some(())
                .ok_or(status.to_string())
        });
        felt
    };
    (0..APPROVALS).map(approved).collect()
}

#[allow(clippy::print_stdout, reason = "figures for people")]
fn told(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!(
        "{what}, {} times: p50 {:?}, p99 {:?}, max {:?}",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}

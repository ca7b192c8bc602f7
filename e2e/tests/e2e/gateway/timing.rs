//! How soon an edit or an approval is felt: from when somebody began to say it, and from when kubectl had
//! said it.

use std::thread;
use std::time::{Duration, Instant};

use portcullis_e2e::{count_of, pause, wait_until};
use serde_json::json;

use super::bed::{Bed, with_gateway};
use crate::session::Psql;

/// How many edits are timed, where it is not this many; `make soak` times ten times as many.
const EDITS: (&str, usize) = ("E2E_EDITS", 20);
/// How many approvals are.
const APPROVALS: usize = 10;
/// Nothing takes longer, however busy the machine is. The figures are for people.
const BOUND: Duration = Duration::from_secs(10);
/// What 99 of 100 should take at most, on a machine that does nothing else.
const EDIT: Duration = Duration::from_millis(500);
const APPROVAL: Duration = Duration::from_millis(300);
/// How often an open session asks meanwhile: one that never pauses takes the processor from kubectl.
const ASKED: Duration = Duration::from_millis(2);

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
        // No rules at first, so that the first edit is an edit.
        bed.guard("edited", &json!([]));
        let (mut denials, mut returns) = (Times::default(), Times::default());
        for edit in 0..count_of(EDITS) {
            let denies = edit % 2 == 0;
            let rules = match denies {
                true => {
                    json!([{ "name": "no", "match": { "verbs": ["SELECT"] }, "action": "Deny" }])
                }
                false => json!([]),
            };
            let began = Instant::now();
            let felt = |session: &mut Psql| {
                while session.ask("select 1").contains("ERROR") != denies {
                    assert!(began.elapsed() < BOUND, "edit {edit}");
                    pause(ASKED);
                }
                Instant::now()
            };
            let all = if denies { &mut denials } else { &mut returns };
            thread::scope(|scope| {
                let asked: Vec<_> = sessions
                    .iter_mut()
                    .map(|session| scope.spawn(move || felt(session)))
                    .collect();
                bed.guard("edited", &rules);
                let said = Instant::now();
                for it in asked {
                    all.put(began, said, it.join().unwrap());
                }
            });
        }
        denials.tell("kubectl apply", "first denial", EDIT);
        returns.tell("kubectl apply", "first passage", EDIT);
        approvals_felt(bed).tell("kubectl annotate", "answer", APPROVAL);
    });
}

/// From the approver's word to the requester's answer.
#[allow(clippy::disallowed_methods, reason = "by the clock of the machine")]
fn approvals_felt(bed: &Bed<'_>) -> Times {
    let mut times = Times::default();
    let mut session = bed.session("frank");
    let erin = bed.namespace.user("erin");
    for number in 0..APPROVALS {
        session.send(&format!(
            "update customers set credit = {number} where id = 2"
        ));
        let request = wait_until("a request", || {
            let shown = erin.must(&["get", "appr", "--no-headers"]);
            let line = shown.lines().find(|line| line.contains("Pending"));
            let name = line.and_then(|line| line.split_whitespace().next());
            name.map(str::to_owned).ok_or(shown)
        });
        let began = Instant::now();
        let (said, felt, answer) = thread::scope(|scope| {
            let answered = scope.spawn(|| {
                let answer = session.answer();
                (Instant::now(), answer)
            });
            erin.must(&["annotate", "appr", &request, "portcullis.dev/approve=yes"]);
            let said = Instant::now();
            let (felt, answer) = answered.join().unwrap();
            (said, felt, answer)
        });
        assert!(!answer.contains("ERROR"), "{answer}");
        assert!(felt.duration_since(began) < BOUND, "{number}");
        times.put(began, said, felt);
        // It is not taken for the next one.
        wait_until("the request to be finished", || {
            let status = erin.get(&["appr", &request])["status"].clone();
            (status["state"] != "Pending")
                .then_some(())
                .ok_or(status.to_string())
        });
    }
    times
}

/// How long it took, by two clocks.
#[derive(Default)]
struct Times {
    /// From kubectl's start: with what it takes to start, to read the API server's kinds and to write.
    whole: Vec<Duration>,
    /// From its end; nothing where it was felt before.
    after: Vec<Duration>,
}

// === impl Times ===

impl Times {
    fn put(&mut self, began: Instant, said: Instant, felt: Instant) {
        self.whole.push(felt.duration_since(began));
        self.after.push(felt.saturating_duration_since(said));
    }

    /// Prints both, beside the target.
    #[allow(clippy::print_stdout, reason = "figures for people")]
    fn tell(self, from: &str, to: &str, target: Duration) {
        for (moment, mut times) in [("start", self.whole), ("end", self.after)] {
            times.sort();
            let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
            let reached = if at(99) <= target { "within" } else { "above" };
            println!(
                "from the {moment} of {from} to {to}, {} times: p50 {:?}, p99 {:?}, max {:?} \
                 (p99 {reached} the target of {target:?})",
                times.len(),
                at(50),
                at(99),
                at(100)
            );
        }
    }
}

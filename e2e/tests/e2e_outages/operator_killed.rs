//! The operator is killed, again and again, while Connections come: all of them are made in the end.

use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_e2e::{pause, wait_until, with_namespace};

use crate::connections::{connection, wait_for_all};
use crate::node::Node;
use crate::replicas::{holder, holder_after, platform, ready};

/// How many Connections come, and how long after each other: all the time that holders are killed and
/// replaced.
const COUNT: usize = 50;
const APART: Duration = Duration::from_millis(500);
/// How often the holder of the lease is killed meanwhile.
const KILLS: u64 = 2;

#[test]
fn an_operator_that_is_killed_again_and_again_leaves_nothing_undone() {
    let _alone = crate::alone();
    with_namespace("operator-killed", |namespace| {
        let admin = namespace.admin();
        ready();
        let node = Node::of(namespace);
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..KILLS {
                    // By chance: somewhere in what it does.
                    let chance = RandomState::new().hash_one(number) % 1500;
                    pause(Duration::from_millis(chance));
                    kill_holder(&node);
                }
            });
            for index in 0..COUNT {
                let object = connection(&format!("c{index:02}")).to_string();
                // Who was killed is asked until it is known: then whoever writes tries again.
                wait_until("a Connection to be taken", || {
                    let said = admin.try_apply(&object);
                    said.succeeded.then_some(()).ok_or(said.errors)
                });
                pause(APART);
            }
        });
        // A holder that was killed is waited for, each time as long as its lease holds.
        wait_for_all(&admin, COUNT, Duration::from_secs(120));
        // Whoever was killed waits before it starts again; the next test wants both at once.
        let operator = "deployment/portcullis-operator";
        platform().must(&["rollout", "restart", operator]);
        platform().must(&["rollout", "status", operator, "--timeout=90s"]);
    });
}

/// Kills the process of whoever holds the lease now, without a word of warning.
#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a figure for people, by the clock of the machine"
)]
fn kill_holder(node: &Node) {
    let found = holder();
    let uid = platform().get(&["pod", &found.pod])["metadata"]["uid"].clone();
    let process = node.process("portcullis-operator", uid.as_str().unwrap());
    node.run(&format!("kill -KILL {}", process.unwrap()));
    let killed = Instant::now();
    let (_, after) = holder_after(&found, killed);
    println!("the operator is killed until another holds the lease: {after:?}");
}

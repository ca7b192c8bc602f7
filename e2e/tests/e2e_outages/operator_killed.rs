//! The operator is killed, again and again, while Connections come: all of them are made in the end.

use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_e2e::{Namespace, count_of, pause, wait_until, with_namespace};

use crate::connections::{connection, wait_for_all};
use crate::node::Node;
use crate::replicas::{holder, holder_after, platform, ready};

/// How many Connections come.
const COUNT: u16 = 50;
/// How often the holder of the lease is killed meanwhile, where it is not so often.
const KILLS: (&str, u16) = ("E2E_KILLS", 3);
/// How long Connections come for each of these times. Another holds the lease after 13 to 17 seconds, so
/// some wait for it, and the last ones come while one is there.
const EACH: Duration = Duration::from_secs(10);

#[test]
fn an_operator_that_is_killed_again_and_again_leaves_nothing_undone() {
    let _alone = crate::alone();
    with_namespace("operator-killed", |namespace| {
        let admin = namespace.admin();
        ready();
        // Where no process can be killed this ends here.
        Node::under(&holder().pod, namespace);
        let kills = count_of(KILLS);
        let apart = EACH * u32::from(kills) / u32::from(COUNT);
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..kills {
                    // By chance: somewhere in what it does.
                    let chance = RandomState::new().hash_one(number) % 1500;
                    pause(Duration::from_millis(chance));
                    kill_holder(namespace);
                }
            });
            for index in 0..COUNT {
                let object = connection(&format!("c{index:02}")).to_string();
                // Who was killed is asked until it is known: then whoever writes tries again.
                wait_until("a Connection to be taken", || {
                    let said = admin.try_apply(&object);
                    said.succeeded.then_some(()).ok_or(said.errors)
                });
                pause(apart);
            }
        });
        // A holder that was killed is waited for, each time as long as its lease holds.
        wait_for_all(&admin, usize::from(COUNT), Duration::from_secs(120));
        ready();
    });
}

/// Kills the process of whoever holds the lease now, without a word of warning.
#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a figure for people, by the clock of the machine"
)]
fn kill_holder(namespace: &Namespace) {
    let found = holder();
    let node = Node::under(&found.pod, namespace);
    let uid = platform().get(&["pod", &found.pod])["metadata"]["uid"].clone();
    let process = node.process("portcullis-operator", uid.as_str().unwrap());
    node.run(&format!("kill -KILL {}", process.unwrap()));
    let killed = Instant::now();
    // Started again in its pod it would wait, each time for longer; another pod starts at once.
    let gone = ["--grace-period=0", "--force", "--wait=false"];
    platform().must(&[&["delete", "pod", &found.pod], &gone[..]].concat());
    let (_, after) = holder_after(&found, killed);
    println!("the operator is killed until another holds the lease: {after:?}");
}

//! A proxy whose clock is wrong, before an API server and an operator whose clock is right.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use portcullis_e2e::{lacks, wait_until};
use serde_json::{Value, json};

use super::approving::{INSERT, decide, grant, held, journal, pending};
use super::bed::{Bed, Proxy, with_bed};

const HOUR: i64 = 3600;
/// As much as the proxy allows for, and what a busy machine takes.
const LATE: Duration = Duration::from_secs(5 + 10);

/// What lies between a program and its clock.
fn library() -> PathBuf {
    let places = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut libraries = places.map(|it| it.path().join("faketime/libfaketime.so.1"));
    let found = libraries.find(|it| it.is_file());
    found.unwrap_or_else(|| lacks("libfaketime on this machine (the package of this name)"))
}

/// A proxy that takes the time to be so many seconds later than it is.
fn proxy(bed: &Bed<'_>, seconds: i64) -> Proxy {
    let library = library();
    let kubeconfig = bed.kubeconfig_for_any_clock();
    let proxy = bed.start_as(7, &[], |command| {
        command
            .env("LD_PRELOAD", &library)
            .env("FAKETIME", format!("{seconds:+}s"))
            // How long something takes is no matter of what time it is.
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("KUBECONFIG", kubeconfig);
    });
    proxy.wait_until_ready();
    // It believes so indeed.
    let told = bed.lease(&proxy)["spec"]["renewTime"].clone();
    let ahead = epoch(told.as_str().unwrap()) - epoch("now");
    assert!((ahead - seconds).abs() < 60, "{ahead} s and not {seconds}");
    proxy
}

fn epoch(when: &str) -> i64 {
    let date = Command::new("date")
        .args(["-u", "-d", when, "+%s"])
        .output();
    let text = String::from_utf8(date.unwrap().stdout).unwrap();
    text.trim().parse().unwrap()
}

fn with_held(grant: &Value, test: impl FnOnce(&Bed<'_>)) {
    with_bed(|bed| {
        bed.guard("all", &held("Reject", grant));
        bed.connection(&json!({}));
        test(bed);
    });
}

#[test]
fn a_proxy_an_hour_ahead_takes_a_grant_for_over() {
    with_held(
        &json!({ "grant": "TimeBoxed", "maxDuration": "600s" }),
        |bed| {
            let proxy = proxy(bed, HOUR);
            let mut session = proxy.session();
            // What needs no clock is as ever.
            assert_eq!(session.ask("select 1"), "1");
            session.ask(INSERT);
            let request = pending(bed);
            decide(bed, "carol", &request, "Approve");
            grant(bed, &request, 600);
            for _ in 0..2 {
                let answer = session.ask(INSERT);
                assert!(answer.contains("ApprovalRequired"), "{answer}");
            }
            assert_eq!(journal(bed), "0");
        },
    );
}

#[test]
fn a_proxy_an_hour_behind_takes_no_grant_that_begins_after_its_now() {
    with_held(&json!({}), |bed| {
        let proxy = proxy(bed, -HOUR);
        let mut session = proxy.session();
        assert_eq!(session.ask("select 1"), "1");
        // By the operator's clock whatever it asks for ran out before it was asked.
        for _ in 0..2 {
            let answer = session.ask(INSERT);
            assert!(answer.contains("ApprovalRequired"), "{answer}");
        }
        wait_until("its requests to run out", || {
            let requests = bed.admin.get(&["appr"])["items"].clone();
            let all = requests.as_array().unwrap();
            let over = |it: &Value| it["status"]["state"] == "Expired";
            let is = !all.is_empty() && all.iter().all(over);
            is.then_some(()).ok_or(requests.to_string())
        });
        assert_eq!(journal(bed), "0");
    });
}

/// A grant for fifteen seconds, by clocks that differ by three: it is used, also where kubectl takes
/// seconds on a busy machine, and ends.
#[test]
#[allow(clippy::disallowed_methods, reason = "by the clock of the machine")]
fn a_proxy_a_little_off_uses_a_grant_and_ends_it() {
    for seconds in [-3, 3] {
        let terms = json!({ "grant": "TimeBoxed", "maxDuration": "15s" });
        with_held(&terms, |bed| {
            let proxy = proxy(bed, seconds);
            let mut session = proxy.session();
            session.ask(INSERT);
            let request = pending(bed);
            decide(bed, "carol", &request, "Approve");
            grant(bed, &request, 15);
            let began = Instant::now();
            wait_until("the grant", || {
                let answer = session.ask(INSERT);
                answer.is_empty().then_some(()).ok_or(answer)
            });
            wait_until("the grant to end", || {
                let answer = session.ask(INSERT);
                let over = answer.contains("ApprovalRequired");
                over.then_some(()).ok_or(answer)
            });
            let lasted = began.elapsed();
            assert!(lasted < Duration::from_secs(15) + LATE, "{lasted:?}");
        });
    }
}

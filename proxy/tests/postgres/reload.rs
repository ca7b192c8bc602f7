//! Edits of the directory reach sessions that are open.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::run::{Run, policy};
use crate::talk::{Client, words};

const EDITS: usize = 50;

fn denying(word: &str) -> String {
    policy(&format!(
        "[{{name: r, match: {{effects: [Read]}}, action: Deny, message: {word}}}]"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_in_force_in_open_sessions_within_half_a_second() {
    let run = Run::start("carol", &policy("[]"));
    let mut client = Client::log_in(run.address()).await;
    client
        .say(b'P', &[b"kept\0SELECT 1\0\0\0"])
        .sync()
        .answer()
        .await;
    let mut took = Vec::new();
    for edit in 0..EDITS {
        let word = format!("edit-{edit}-is-in-force");
        let begun = Instant::now();
        run.edit(&denying(&word));
        loop {
            match edit % 2 {
                0 => client.query("SELECT 1"),
                _ => client.bind("kept", &[]).execute(0).sync(),
            };
            let answer = client.answer().await;
            if words(&answer, b'E').contains(&word) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
        took.push(begun.elapsed());
    }
    took.sort();
    let (p50, p99) = (took[EDITS / 2], took[EDITS - 1]);
    println!("from the disk to the denial: p50 {p50:?}, worst of {EDITS} {p99:?}");
    assert!(p99 < Duration::from_millis(500), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_edit_changes_nothing_and_a_removed_key_ends_its_sessions() {
    let run = Run::start("carol", &denying("closed-to-reads"));
    let mut client = Client::log_in(run.address()).await;
    run.edit(&policy("[]").replace("default: Allow", "default: Perhaps"));
    let begun = Instant::now();
    while run.status()["refused"] == json!([]) {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(run.status()["refused"][0]["field"], json!("spec.default"));
    let answer = client.query("SELECT 1").answer().await;
    assert!(words(&answer, b'E').contains("closed-to-reads"));
    run.edit(&policy("[]"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    client.query("SELECT pg_sleep(60)").send().await;
    run.replace_key();
    let answer = client.until(b'Z').await;
    let error = words(&answer, b'E');
    assert!(error.contains("FATAL"), "{error}");
}

//! The same script before the server and before the proxy: the same messages must come back.

use std::net::SocketAddr;

use crate::bed::open_policy;
use crate::house::House;
use crate::wire::Client;

/// A line `# name`, then a script, as [`crate::wire`] reads it; an empty line between cases.
const CASES: &str = include_str!("conversations.txt");

async fn run(address: SocketAddr, script: &[&str], piece: usize) -> Vec<String> {
    let mut client = Client::log_in_by(address, piece).await;
    client.play(script).await
}

/// Notifications of one comparison must not reach the other.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn compared(piece: usize) {
    let _alone = ALONE.lock().await;
    let house = House::open(vec![open_policy()]).await;
    let direct = SocketAddr::from(([127, 0, 0, 1], house.server.port));
    let mut wrong = Vec::new();
    for case in CASES.trim().split("\n\n") {
        let (name, script) = case.split_once('\n').unwrap();
        let script: Vec<&str> = script.lines().collect();
        let expected = run(direct, &script, usize::MAX).await;
        let got = run(house.address, &script, piece).await;
        if got != expected {
            let (expected, got) = (expected.join(" "), got.join(" "));
            wrong.push(format!("{name}\n  server: {expected}\n  proxy:  {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_the_same_as_without_us() {
    compared(usize::MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_that_come_byte_by_byte_are_the_same() {
    compared(1).await;
}

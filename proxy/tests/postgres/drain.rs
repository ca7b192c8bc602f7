//! The end of a drain's patience: what still runs is cut, and everybody is told.

use std::time::{Duration, Instant};

use crate::run::{Run, policy};
use crate::talk::{Client, words};

const GOODBYE: &str = "57P01 Mterminating connection due to administrator command";

/// The last words of a session, and that they were the last.
async fn goodbye(client: &mut Client) -> String {
    let messages = client.until(b'E').await;
    assert!(client.message().await.is_none(), "closed");
    words(&messages, b'E')
}

/// Waits until the server runs, or runs no longer, what looks like this.
async fn until_running(run: &Run, like: &str, count: &str) {
    let begun = Instant::now();
    let ask = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'trusted' \
         AND state = 'active' AND query LIKE '{like}'"
    );
    while run.server.sql("postgres", &ask) != count {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", run.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_grace_cuts_what_runs_here_and_at_the_target() {
    let flags = ["--drain-timeout", "500ms"];
    let mut run = Run::start_with("carol", &policy("[]"), &flags);
    let mut busy = Client::log_in(run.address()).await;
    busy.query("SELECT 'graceful' FROM pg_sleep(60)")
        .send()
        .await;
    until_running(&run, "%graceful%", "1").await;
    run.terminate();
    let last = goodbye(&mut busy).await;
    assert!(last.contains(GOODBYE), "{last}");
    let (code, took) = run.ended().await;
    assert_eq!(code, Some(0));
    println!("ended after {took:?}");
    until_running(&run, "%graceful%", "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts_at_once() {
    let mut run = Run::start("carol", &policy("[]"));
    let mut busy = Client::log_in(run.address()).await;
    busy.query("SELECT 'impatient' FROM pg_sleep(60)")
        .send()
        .await;
    until_running(&run, "%impatient%", "1").await;
    run.terminate();
    // The first was heard.
    while !run.log().contains("draining") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    run.terminate();
    let last = goodbye(&mut busy).await;
    assert!(last.contains(GOODBYE), "{last}");
    let (code, took) = run.ended().await;
    assert_eq!(code, Some(0));
    // The grace is 30 seconds.
    assert!(took < Duration::from_secs(15), "{took:?}");
    until_running(&run, "%impatient%", "0").await;
}

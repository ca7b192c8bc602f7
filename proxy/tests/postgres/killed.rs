//! Sessions that are ended from outside.

use crate::bed::open_policy;
use crate::house::House;
use crate::wire::{Client, until_active};

const KILLED: &str = "E(42501: this session was ended by dave: enough) closed";

async fn kill_all(house: &House) {
    let sessions = &house.bed.house().registry;
    for session in sessions.list() {
        sessions
            .kill(house.bed.house(), session.id, "dave", "enough")
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_that_is_killed_is_told_and_closed() {
    let Some(house) = House::open(vec![open_policy()]).await else {
        return;
    };
    let mut client = Client::log_in(house.address).await;
    kill_all(&house).await;
    assert_eq!(client.line(&["."]).await, KILLED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_statement_of_a_killed_session_is_cancelled() {
    let Some(house) = House::open(vec![open_policy()]).await else {
        return;
    };
    let mut client = Client::log_in(house.address).await;
    let running = tokio::spawn(async move {
        client
            .line(&["Q SELECT pg_sleep(60) AS killed_here", "."])
            .await
    });
    until_active(house.server.port, "killed_here", true).await;
    kill_all(&house).await;
    let told = running.await.unwrap();
    assert!(told.ends_with(KILLED), "{told}");
    until_active(house.server.port, "killed_here", false).await;
}

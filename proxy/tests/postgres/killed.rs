//! Sessions that are ended from outside.

use crate::bed::open_policy;
use crate::house::House;
use crate::wire::{Client, until_active};

pub(crate) const KILLED: &str = "E(57P01: this session was ended by dave: enough) closed";

pub(crate) async fn kill_all(house: &House) {
    let sessions = &house.bed.house().registry;
    for session in sessions.list() {
        sessions
            .kill(house.bed.house(), session.id, "dave", "enough")
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_that_is_killed_is_told_and_closed() {
    let house = House::open(vec![open_policy()]).await;
    let mut client = Client::log_in(house.address).await;
    kill_all(&house).await;
    assert_eq!(client.line(&["."]).await, KILLED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_never_rests_is_killed_all_the_same() {
    let house = House::open(vec![open_policy()]).await;
    let mut client = crate::talk::Client::log_in(house.address).await;
    let endless = "COPY (SELECT repeat('x', 500), generate_series(1, 1000000000)) TO STDOUT";
    client.query(endless).send().await;
    client.until(b'd').await;
    let reading = tokio::spawn(async move {
        let mut last = None;
        while let Some(message) = client.message().await {
            last = Some(message);
        }
        last
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    kill_all(&house).await;
    let (tag, body) = reading.await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&body).into_owned();
    assert!(
        tag == b'E' && told.contains("57P01") && told.contains("enough"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_statement_of_a_killed_session_is_cancelled() {
    let house = House::open(vec![open_policy()]).await;
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

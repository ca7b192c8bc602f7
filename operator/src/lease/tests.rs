use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::Candidate;
use crate::clock::Clock;
use crate::fake::Fake;

const PATH: &str =
    "/apis/coordination.k8s.io/v1/namespaces/portcullis-system/leases/portcullis-operator";
const DURATION: Duration = Duration::from_secs(15);

/// A clock that is of no use: nothing may depend on it.
#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

fn candidate(fake: &Fake, name: &str) -> Candidate<Stopped> {
    Candidate::new(fake.client(), Stopped, name.to_owned(), DURATION)
}

fn holder(fake: &Fake) -> String {
    let lease = fake.kept(|it| it.objects.get(PATH).cloned());
    let holder = lease
        .as_ref()
        .and_then(|it| it.pointer("/spec/holderIdentity"));
    holder
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_first_takes_it_and_the_second_waits_for_silence() {
    let fake = Fake::default();
    let mut first = candidate(&fake, "a");
    let mut second = candidate(&fake, "b");
    first.acquire().await;
    assert_eq!(holder(&fake), "a");
    assert!(
        timeout(DURATION - Duration::from_secs(1), second.acquire())
            .await
            .is_err()
    );
    assert_eq!(holder(&fake), "a");
    // A renewal begins the wait anew.
    assert!(first.take().await.unwrap());
    assert!(
        timeout(DURATION - Duration::from_secs(1), second.acquire())
            .await
            .is_err()
    );
    let began = Instant::now();
    second.acquire().await;
    assert!(
        began.elapsed() <= Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(holder(&fake), "b");
    let changes = fake.kept(|it| it.objects[PATH]["spec"]["leaseTransitions"].clone());
    assert_eq!(changes, 2);
}

#[tokio::test(start_paused = true)]
async fn a_holder_gives_up_when_another_holds_it() {
    let fake = Fake::default();
    let mut first = candidate(&fake, "a");
    first.acquire().await;
    let held = tokio::spawn(async move { first.hold().await });
    sleep(Duration::from_secs(60)).await;
    assert!(!held.is_finished(), "it is renewed for as long as it lives");
    fake.kept(|it| {
        let mut lease = it.objects[PATH].clone();
        lease["spec"]["holderIdentity"] = "b".into();
        it.put(PATH, lease);
    });
    timeout(Duration::from_secs(6), held)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(holder(&fake), "b");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_gives_up_before_others_may_take_it() {
    let fake = Fake::default();
    let mut first = candidate(&fake, "a");
    first.acquire().await;
    fake.kept(|it| it.refuses = true);
    let began = Instant::now();
    first.hold().await;
    let took = began.elapsed();
    assert!(took >= DURATION / 3 && took < DURATION, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_free_at_once() {
    let fake = Fake::default();
    let mut first = candidate(&fake, "a");
    let mut second = candidate(&fake, "b");
    first.acquire().await;
    first.release().await.unwrap();
    second.acquire().await;
    assert_eq!(holder(&fake), "b");
    // Who does not hold it gives nothing back.
    first.release().await.unwrap();
    assert_eq!(holder(&fake), "b");
}

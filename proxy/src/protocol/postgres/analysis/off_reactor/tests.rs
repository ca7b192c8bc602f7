use std::sync::mpsc;
use std::time::Duration;

use super::*;

/// Longer than any of these takes on a slow machine.
const SOON: Duration = Duration::from_secs(5);

/// An analysis that goes on until it is let go.
fn held(workers: &Workers, length: usize) -> (mpsc::SyncSender<()>, tokio::task::JoinHandle<()>) {
    let (let_go, wait) = mpsc::sync_channel(1);
    let workers = workers.clone();
    let running = tokio::spawn(async move {
        let read = move |_| {
            let _ = wait.recv();
            Ok(())
        };
        workers.run(length, read).await.unwrap();
    });
    (let_go, running)
}

/// Until so many turns are left.
async fn left(semaphore: &Semaphore, count: usize) {
    let reached = async {
        while semaphore.available_permits() != count {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, reached).await.unwrap();
}

#[tokio::test]
async fn long_texts_wait_for_each_other_and_others_pass_them_by() {
    let workers = Workers::new(MAX_LONG_ANALYSES);
    let long: Vec<_> = (0..8).map(|_| held(&workers, LONG_BYTES + 1)).collect();
    left(&workers.long, 0).await;
    left(&workers.turns, MAX_ANALYSES - MAX_LONG_ANALYSES).await;

    // While eight long ones are there, whoever comes with a text at the limit is served at once.
    let shorter = workers.run(LONG_BYTES, |_| Ok("served"));
    assert_eq!(timeout(SOON, shorter).await.unwrap(), Ok("served"));

    for (let_go, _) in &long {
        let_go.send(()).unwrap();
    }
    for (_, running) in long {
        timeout(SOON, running).await.unwrap().unwrap();
    }
    left(&workers.long, MAX_LONG_ANALYSES).await;
    left(&workers.turns, MAX_ANALYSES).await;
}

#[tokio::test]
async fn no_more_are_analysed_at_once_than_there_are_turns() {
    let workers = Workers::new(1);
    let running: Vec<_> = (0..MAX_ANALYSES).map(|_| held(&workers, 1)).collect();
    left(&workers.turns, 0).await;
    let one_more = workers.run(1, |_| Ok(()));
    tokio::pin!(one_more);
    assert!(timeout(Duration::ZERO, &mut one_more).await.is_err());
    running[0].0.send(()).unwrap();
    assert_eq!(timeout(SOON, one_more).await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_text_whose_turn_does_not_come_is_refused() {
    let workers = Workers::new(1);
    let _long = Arc::clone(&workers.long).acquire_owned().await.unwrap();
    let refused = workers.run(LONG_BYTES + 1, |_| Ok(())).await;
    assert_eq!(refused, Err(NotAnalysed::TooSlow(ANALYSIS_DEADLINE)));
}

#[tokio::test]
async fn long_texts_share_the_threads_that_are_kept_for_them() {
    let workers = Workers::new(1);
    let mut threads = Vec::new();
    let here = |_| Ok(std::thread::current().id());
    for _ in 0..3 {
        threads.push(workers.run(LONG_BYTES + 1, here).await.unwrap());
    }
    assert_eq!(threads[0], threads[1]);
    assert_eq!(threads[1], threads[2]);
    // One that is lost is replaced.
    let lost = workers.run(LONG_BYTES + 1, |_| -> Result<(), Refused> {
        panic!("lost")
    });
    assert_eq!(lost.await, Err(NotAnalysed::Failed));
    let next = workers.run(LONG_BYTES + 1, here).await.unwrap();
    assert_ne!(next, threads[0]);
    assert_eq!(workers.run(LONG_BYTES + 1, here).await.unwrap(), next);
}

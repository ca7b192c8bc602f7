//! However much passes, and however slowly it is taken, the proxy's memory stays as it is.

use std::time::Duration;

use portcullis_dialect::postgres::wire::write;

use crate::run::{Run, policy};
use crate::wire::Client;

/// What a proxy may take beside what it has with one idle session, in KiB.
const ROOM: usize = 16 * 1024;

/// What it may grow from the first half of a reply to the second, in KiB.
const DRIFT: usize = 4 * 1024;

const DETECTORS: &str = "---
apiVersion: portcullis.dev/v1alpha1
kind: MaskingRule
metadata: {name: cards, namespace: shop}
spec:
  targetRefs: [{name: orders}]
  match: {detectors: [CreditCard, Email]}
  transform: {type: Redact}
";

/// Asks for so many rows of a thousand bytes each and more, takes none of them for a while, then all.
/// Tells how many bytes came.
async fn stays_flat(run: &Run, rows: usize, width: usize) -> usize {
    let mut client = Client::log_in(run.address()).await;
    assert_eq!(
        client.line(&["Q SELECT 1", "= 1"]).await,
        "T(?column?) D(1) C(SELECT 1) Z(I)"
    );
    let before = run.memory();
    let text = format!("SELECT repeat('x', {width}) FROM generate_series(1, {rows})");
    let mut query = Vec::new();
    write::query(&mut query, text.as_bytes());
    client.send(&query).await;
    let mut untaken = 0;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        untaken = untaken.max(run.memory());
    }
    let (mut taken, mut bytes, mut halves) = (0, 0, [0; 2]);
    loop {
        let (tag, body) = client.next().await.unwrap();
        match tag {
            b'D' => {
                bytes += body.len();
                if taken % (rows / 100) == 0 {
                    let half = &mut halves[usize::from(taken >= rows / 2)];
                    *half = run.memory().max(*half);
                }
                taken += 1;
            }
            b'Z' => break,
            _ => assert_ne!(tag, b'E'),
        }
    }
    assert_eq!(taken, rows);
    println!(
        "resident, in KiB: {before} before, {untaken} untaken, {halves:?} while {bytes} bytes came"
    );
    for most in [untaken, halves[0], halves[1]] {
        assert!(most < before + ROOM, "{before} before, {most} at most");
    }
    assert!(halves[1] < halves[0] + DRIFT, "{halves:?}");
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_fills_no_memory() {
    let run = Run::start("carol", &policy("[]"));
    let bytes = stays_flat(&run, 100_000, 2000).await;
    assert!(bytes > 200_000_000, "{bytes}");
    let mut client = Client::log_in(run.address()).await;
    let before = run.memory();
    let big = client
        .play(&["Q SELECT repeat('x', 20000000)", "= 1"])
        .await;
    assert_eq!(big[1], "D(20000000 bytes)");
    assert!(
        run.memory() < before + ROOM,
        "{} after {before}",
        run.memory()
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; `make soak` runs it"]
async fn ten_gigabytes_pass_in_the_memory_of_one_row() {
    let run = Run::start("carol", &policy("[]"));
    let bytes = stays_flat(&run, 1_000_000, 10_000).await;
    assert!(bytes > 10_000_000_000, "{bytes}");
    let looked_through = policy("[]") + DETECTORS;
    let run = Run::start("carol", &looked_through);
    let bytes = stays_flat(&run, 500_000, 2000).await;
    assert!(bytes > 1_000_000_000, "{bytes}");
}

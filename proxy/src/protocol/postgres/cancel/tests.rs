use std::sync::Arc;

use portcullis_dialect::postgres::wire::startup::Startup;

use super::{Cancels, Heard, pass_on};

async fn asked(key: &super::CancelKey) -> bool {
    tokio::time::timeout(std::time::Duration::from_millis(5), key.asked.notified())
        .await
        .is_ok()
}

#[tokio::test]
async fn the_right_key_is_told_to_its_session_and_no_other() {
    let cancels = Arc::new(Cancels::default());
    let one = cancels.register(7, 0).unwrap();
    let two = cancels.register(7, 2).unwrap();
    assert_eq!((one.key.len(), two.key.len()), (4, 32));
    assert_eq!((one.pid >> 16, two.pid >> 16), (7, 7));
    assert_ne!(one.pid, two.pid);
    assert_eq!(cancels.hear(7, two.pid, &two.key), Heard::Settled);
    assert!(asked(&two).await);
    assert!(!asked(&one).await);
}

#[tokio::test]
async fn a_forged_key_is_ignored() {
    let cancels = Arc::new(Cancels::default());
    let key = cancels.register(0, 0).unwrap();
    let mut forged = key.key.clone();
    forged[0] ^= 1;
    for wrong in [
        &forged[..],
        &[],
        &key.key[..3],
        &[key.key.to_vec(), vec![0]].concat(),
    ] {
        assert_eq!(cancels.hear(0, key.pid, wrong), Heard::Settled);
    }
    assert_eq!(cancels.hear(0, key.pid + 1, &key.key), Heard::Settled);
    assert!(!asked(&key).await);
}

#[tokio::test]
async fn a_key_ends_with_its_session() {
    let cancels = Arc::new(Cancels::default());
    let key = cancels.register(0, 0).unwrap();
    let (pid, secret, told) = (key.pid, key.key.clone(), Arc::clone(&key.asked));
    drop(key);
    assert_eq!(cancels.hear(0, pid, &secret), Heard::Settled);
    let told = tokio::time::timeout(std::time::Duration::from_millis(5), told.notified()).await;
    assert!(told.is_err());
    let next = cancels.register(0, 0).unwrap();
    assert_ne!(next.pid, pid, "a slot is not used again at once");
}

#[tokio::test]
async fn a_request_of_another_replica_goes_around_once() {
    let (here, there) = (Arc::new(Cancels::default()), Arc::new(Cancels::default()));
    let key = there.register(2, 2).unwrap();
    let Heard::PassOn(2, packet) = here.hear(1, key.pid, &key.key) else {
        panic!("it was not passed on");
    };
    let Ok(Startup::Cancel { pid, key: marked }) = Startup::decode(&packet) else {
        panic!("no cancel request");
    };
    let bystander = Arc::new(Cancels::default());
    assert_eq!(bystander.hear(3, pid, marked), Heard::Settled);
    assert_eq!(there.hear(2, pid, marked), Heard::Settled);
    assert!(asked(&key).await);
}

#[tokio::test]
async fn peers_get_the_packet_as_it_is() {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = listener.local_addr().unwrap();
    let dead = {
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap()
    };
    let reader = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = [0; 64];
        let count = stream.read(&mut got).await.unwrap();
        got[..count].to_vec()
    });
    pass_on(&[dead, peer], b"packet").await;
    assert_eq!(reader.await.unwrap(), b"packet");
}

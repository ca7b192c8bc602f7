use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{MAX_READ, MIN_READ, ReadBuffer, Stream, TimedOut, within};

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
    (ours.unwrap(), theirs.unwrap().0)
}

#[tokio::test]
async fn what_is_there_is_read_at_once_and_taken_in_pieces() {
    let (mut peer, ours) = pair().await;
    let mut stream = Stream::plain(ours);
    let mut buffer = ReadBuffer::new(1024);
    peer.write_all(b"onetwothree").await.unwrap();
    assert_eq!(buffer.fill(&mut stream, 0).await.unwrap(), 11);
    assert_eq!(buffer.take(12), None);
    assert_eq!(buffer.take(3).unwrap(), "one");
    buffer.skip(3);
    assert_eq!(&buffer[..], b"three");
    drop(peer);
    assert_eq!(buffer.fill(&mut stream, 0).await.unwrap(), 0);
}

#[tokio::test]
async fn an_idle_buffer_holds_no_memory() {
    let (mut peer, ours) = pair().await;
    let mut stream = Stream::plain(ours);
    let mut buffer = ReadBuffer::new(usize::MAX);
    assert_eq!(buffer.capacity(), 0);
    let waiting = within(Duration::from_millis(20), buffer.fill(&mut stream, 0)).await;
    assert!(waiting.is_err());
    assert_eq!(buffer.capacity(), 0);
    peer.write_all(b"x").await.unwrap();
    buffer.fill(&mut stream, 0).await.unwrap();
    assert!(buffer.capacity() >= MIN_READ);
    buffer.skip(1);
    buffer.release();
    assert_eq!(buffer.capacity(), 0);
}

#[tokio::test]
async fn release_keeps_what_is_not_taken() {
    let mut buffer = ReadBuffer::new(64);
    buffer.fill_from(&mut &b"kept"[..], 0).await.unwrap();
    buffer.release();
    assert_eq!(&buffer[..], b"kept");
}

#[tokio::test]
async fn the_limit_is_reached_and_not_passed() {
    let sent = [7_u8; 200];
    let mut from = &sent[..];
    let mut buffer = ReadBuffer::new(100);
    assert_eq!(buffer.fill_from(&mut from, 100).await.unwrap(), 100);
    let full = buffer.fill_from(&mut from, 0).await.unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::OutOfMemory);
    buffer.skip(1);
    assert_eq!(buffer.fill_from(&mut from, 100).await.unwrap(), 1);
    let beyond = ReadBuffer::new(100).fill_from(&mut from, 101).await;
    assert_eq!(beyond.unwrap_err().kind(), std::io::ErrorKind::OutOfMemory);
}

#[tokio::test]
async fn the_head_of_a_huge_frame_alone_takes_no_memory() {
    let mut buffer = ReadBuffer::new(1 << 30);
    buffer.fill_from(&mut &b"Q"[..], 1 << 30).await.unwrap();
    assert!(buffer.capacity() <= 2 * MIN_READ, "{}", buffer.capacity());
}

#[tokio::test]
async fn reads_grow_while_the_peer_fills_them_and_shrink_after() {
    let sent = vec![1_u8; 4 * MAX_READ];
    let mut from = &sent[..];
    let mut buffer = ReadBuffer::new(usize::MAX);
    let mut counts = Vec::new();
    for _ in 0..6 {
        counts.push(buffer.fill_from(&mut from, 0).await.unwrap());
        buffer.skip(usize::MAX);
    }
    assert_eq!(counts[..3], [MIN_READ, 2 * MIN_READ, 4 * MIN_READ]);
    assert_eq!(counts[5], MAX_READ);
    buffer.fill_from(&mut &b"x"[..], 0).await.unwrap();
    buffer.skip(1);
    let mut again = &sent[..];
    let count = buffer.fill_from(&mut again, 0).await.unwrap();
    assert_eq!(count, MIN_READ);
}

#[tokio::test]
async fn within_gives_what_is_done_in_time_only() {
    let limit = Duration::from_millis(20);
    assert_eq!(within(Duration::ZERO, async { 7 }).await, Ok(7));
    let late = within(limit, std::future::pending::<()>()).await;
    assert_eq!(late, Err(TimedOut(limit)));
}

#[tokio::test]
async fn a_finished_side_still_hears_the_other() {
    let (ours, theirs) = pair().await;
    let (mut ours, mut theirs) = (Stream::plain(ours), Stream::plain(theirs));
    ours.finish().await.unwrap();
    let mut rest = Vec::new();
    assert_eq!(theirs.read_to_end(&mut rest).await.unwrap(), 0);
    theirs.send(b"goodbye").await.unwrap();
    drop(theirs);
    ours.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"goodbye");
}

#[tokio::test]
async fn the_first_byte_is_seen_and_left() {
    let (mut peer, ours) = pair().await;
    peer.write_all(b"\x16rest").await.unwrap();
    let mut stream = Stream::plain(ours);
    assert_eq!(stream.first_byte().await.unwrap(), Some(0x16));
    let mut read = [0; 5];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"\x16rest");
    drop(peer);
    assert_eq!(stream.first_byte().await.unwrap(), None);
}

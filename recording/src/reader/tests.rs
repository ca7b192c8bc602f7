use super::payload::event_of;
use super::*;
use crate::crypt::{RecipientPrivateKey, SessionCipher, SessionOpener};
use crate::event::{Body, Output, Timestamp};
use crate::format::{Flags, FormatError, Frame, FrameHeader, MAX_PAYLOAD_BYTES, kind};

use bytes::Bytes;
use object_store::memory::InMemory;

const SESSION: SessionId = SessionId::new([5; 16]);

fn header(flags: Flags) -> FrameHeader {
    FrameHeader {
        kind: kind::OUTPUT,
        flags,
        sequence: 7,
        time: Timestamp(1),
        session: SESSION,
    }
}

fn frame(header: FrameHeader, payload: &[u8]) -> Frame<'_> {
    Frame {
        header,
        payload,
        check: [0; 8],
        linked: &[],
    }
}

/// An output's payload: field 3, the data.
fn payload(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let body = Output {
        data: data.to_vec(),
        ..Output::default()
    };
    let event = crate::event::Event::new(SESSION, Body::Output(body));
    crate::format::encode_event(&event, &mut bytes).unwrap();
    bytes
}

fn ciphers() -> (SessionCipher, Result<SessionOpener, KeyError>) {
    let private = RecipientPrivateKey::generate().unwrap();
    let cipher = SessionCipher::generate(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
    let wrapped = cipher.wrap_key(private.public(), &SESSION).unwrap();
    (
        cipher,
        wrapped
            .unwrap_key(&private, &SESSION)
            .map_err(KeyError::from),
    )
}

#[test]
fn compressed_and_encrypted_payload_is_opened_in_that_order() {
    let (cipher, opener) = ciphers();
    let header = header(Flags::ENCRYPTED.with(Flags::COMPRESSED));
    let packed = zstd::encode_all(payload(&[b'a'; 10_000]).as_slice(), 1).unwrap();
    let mut sealed = Vec::new();
    cipher.seal(&header.encode(), &packed, &mut sealed).unwrap();
    let event = event_of(&frame(header, &sealed), Some(&opener)).unwrap();
    assert!(matches!(event.body, Body::Output(output) if output.data == [b'a'; 10_000]));
    // Moved to another place in the record, it does not open.
    let moved = FrameHeader {
        sequence: 8,
        ..header
    };
    let refused = event_of(&frame(moved, &sealed), Some(&opener)).unwrap_err();
    assert_eq!(
        refused,
        KeyError::from(crate::crypt::CryptError::PayloadChanged).into()
    );
    let refused = event_of(&frame(header, &sealed), None).unwrap_err();
    assert_eq!(refused, KeyError::Missing.into());
}

#[test]
fn payload_that_unfolds_beyond_its_limit_is_a_bomb() {
    let header = header(Flags::COMPRESSED);
    let run = |len: usize| {
        let packed = zstd::encode_all(&vec![0; len][..], 1).unwrap();
        event_of(&frame(header, &packed), None).unwrap_err()
    };
    // Zeros are no event, but they are unfolded first.
    assert!(matches!(run(MAX_PAYLOAD_BYTES), Unreadable::Format(_)));
    let limit = MAX_PAYLOAD_BYTES as u64;
    assert_eq!(
        run(MAX_PAYLOAD_BYTES + 1),
        UnsealError::Bomb { limit }.into()
    );
}

#[test]
fn unknown_flags_are_named() {
    let refused = event_of(&frame(header(Flags(5)), &payload(b"x")), None).unwrap_err();
    assert_eq!(refused, FormatError::UnknownFlags(5).into());
}

#[tokio::test]
async fn segments_are_listed_up_to_the_bound() {
    let store = Store::of(InMemory::new());
    let writer: WriterId = "w".parse().unwrap();
    for number in 1..=3 {
        let name = format!("w/{}", SegmentName::open(number));
        store.create(&name, Bytes::new()).await.unwrap();
    }
    // Neither is a segment of this writer.
    for name in [
        "w/readme",
        "w/keys/00000000000000000001.seg",
        "v/00000000000000000001.seg",
    ] {
        store.create(name, Bytes::new()).await.unwrap();
    }
    let recordings = Recordings::new(store);
    let listed = recordings.segments_up_to(3, &writer).await.unwrap();
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    let refused = recordings.segments_up_to(2, &writer).await;
    assert!(
        matches!(refused, Err(ReadError::TooManySegments { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn keys_are_kept_open_up_to_the_bound_and_fetched_once() {
    let private = RecipientPrivateKey::generate().unwrap();
    let store = Store::of(InMemory::new());
    let writer: WriterId = "w".parse().unwrap();
    let id = |number: usize| SessionId::new((number as u128).to_le_bytes());
    let random = aws_lc_rs::rand::SystemRandom::new();
    for number in 0..=MAX_OPEN_SESSIONS {
        let cipher = SessionCipher::generate(&random).unwrap();
        let wrapped = cipher.wrap_key(private.public(), &id(number)).unwrap();
        let name = format!("w/{}", key_name(&id(number)));
        store
            .create(&name, Bytes::copy_from_slice(wrapped.as_bytes()))
            .await
            .unwrap();
    }
    let recordings = Recordings::new(store);
    let mut keys = Keyring::new([private]);
    for number in 0..MAX_OPEN_SESSIONS {
        assert!(
            keys.opener(&recordings, &writer, id(number))
                .await
                .unwrap()
                .is_ok()
        );
    }
    // The first is still open, though its key is gone; one more puts it out.
    recordings.destroy_session(&writer, &id(0)).await.unwrap();
    assert!(
        keys.opener(&recordings, &writer, id(0))
            .await
            .unwrap()
            .is_ok()
    );
    assert!(
        keys.opener(&recordings, &writer, id(MAX_OPEN_SESSIONS))
            .await
            .unwrap()
            .is_ok()
    );
    let gone = keys.opener(&recordings, &writer, id(0)).await.unwrap();
    assert_eq!(gone.as_ref().err(), Some(&KeyError::Missing));
}

//! Old files stay readable, and are written again byte for byte.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops where something is wrong, and reads its own small files"
)]

mod samples;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use portcullis_recording::chain::{Chain, verify_segment};
use portcullis_recording::checkpoint::{HeadKind, PublicKey, SigningKey, TrustedKeys};
use portcullis_recording::encoder::Encoder;
use portcullis_recording::event::{Event, Timestamp, WriterId};
use portcullis_recording::format::{Frame, Parsed, decode_event, strip_file_header};

const SEGMENT: u64 = 1;
const START: Timestamp = Timestamp(1_763_700_000_000_000);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn key() -> SigningKey {
    let file = fs::read_to_string(folder().join("openssl-private.pem")).unwrap();
    SigningKey::from_pem(&file).unwrap()
}

fn trusted() -> TrustedKeys {
    let file = fs::read_to_string(folder().join("openssl-public.pem")).unwrap();
    TrustedKeys::from_iter([file.parse::<PublicKey>().unwrap()])
}

fn writer() -> WriterId {
    "golden-1".parse().unwrap()
}

/// One segment: start, the events, a checkpoint, a seal. The clock goes on by 1 ms a frame.
fn segment<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<u8> {
    let mut encoder = Encoder::new(Chain::START);
    let tick = |encoder: &Encoder| Timestamp(START.0 + encoder.chain().next * 1_000);
    encoder
        .start_segment(&writer(), SEGMENT, tick(&encoder))
        .unwrap();
    for event in events {
        encoder.event(event, tick(&encoder)).unwrap();
    }
    for kind in [HeadKind::Checkpoint, HeadKind::Seal] {
        let now = tick(&encoder);
        encoder
            .sign(kind, (&writer(), SEGMENT), &key(), now)
            .unwrap();
    }
    encoder.bytes().to_vec()
}

fn decode(bytes: &[u8]) -> Vec<Event> {
    let mut rest = strip_file_header(bytes).unwrap();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let Parsed::Frame { frame, rest: after } = Frame::parse(rest).unwrap() else {
            panic!("torn");
        };
        if frame.is_event() {
            events.push(decode_event(&frame.header, frame.payload).unwrap());
        }
        rest = after;
    }
    events
}

#[test]
fn golden_files_are_read_and_written_again_byte_for_byte() {
    for (name, event) in samples::events() {
        let file = fs::read(folder().join(format!("v0/{name}.seg"))).unwrap();
        let summary = verify_segment(&file, &trusted(), None).unwrap();
        assert_eq!((summary.events, summary.sealed), (1, true), "{name}");
        assert_eq!(summary.heads.len(), 2, "{name}");
        assert_eq!(decode(&file), [event], "{name}");
        assert_eq!(segment(&decode(&file)), file, "{name}");
    }
}

#[test]
fn every_golden_file_has_its_sample_and_every_kind_its_file() {
    let on_disk: BTreeSet<String> = fs::read_dir(folder().join("v0"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let samples = samples::events();
    let named: BTreeSet<String> = samples
        .iter()
        .map(|(name, _)| format!("{name}.seg"))
        .collect();
    assert_eq!(on_disk, named);
    let kinds: BTreeSet<u16> = samples.iter().map(|(_, event)| event.body.kind()).collect();
    assert_eq!(kinds, (16..=25).chain([900]).collect());
}

#[test]
#[ignore = "writes golden files that are not there yet; run by hand when a kind is added"]
fn write_missing_golden_files() {
    for (name, event) in samples::events() {
        let path = folder().join(format!("v0/{name}.seg"));
        if !path.exists() {
            fs::write(path, segment([&event])).unwrap();
        }
    }
}

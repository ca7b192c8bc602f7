//! Segments of a recording, as a reader of a bucket that somebody else wrote to meets them.
//!
//! Input: a segment. It is read as it is, and once more after its sequence numbers and links were
//! made right: without that, nearly every change would stop at the first link.

use portcullis_recording::chain::{Chain, Walk, signed_head, verify_segment};
use portcullis_recording::checkpoint::TrustedKeys;
use portcullis_recording::format::{
    CHECK_BYTES, FILE_HEADER_BYTES, Frame, Parsed, SessionKey, decode_event, kind,
};
use portcullis_recording::seal::Unsealer;

/// Where a frame has its sequence number: after its length, kind and flags.
const SEQUENCE: std::ops::Range<usize> = 8..16;

pub fn check(data: &[u8]) {
    unseal(data);
    walk(data);
    let mut linked = data.to_vec();
    link(&mut linked);
    walk(&linked);
}

fn walk(bytes: &[u8]) {
    let keys = TrustedKeys::from_iter([]);
    let summary = verify_segment(bytes, &keys, None);
    let Ok(mut walk) = Walk::new(bytes) else {
        assert!(summary.is_err(), "what cannot be begun does not verify");
        return;
    };
    let mut events = 0;
    loop {
        let before = walk.chain();
        let Ok(Some(frame)) = walk.next_frame() else {
            break;
        };
        let _ = signed_head(walk.start(), before, &frame);
        let _ = SessionKey::decode(&frame);
        if frame.is_event() {
            events += 1;
            let _ = decode_event(&frame.header, frame.payload);
        }
    }
    if let Ok(summary) = summary {
        assert_eq!(summary.events, events);
        assert_eq!(summary.chain, walk.chain());
        assert_eq!(
            walk.offset(),
            bytes.len(),
            "a segment that verifies was read to its end"
        );
    }
}

/// Gives each frame the sequence number and the link that the chain wants.
fn link(bytes: &mut [u8]) {
    let mut chain: Option<Chain> = None;
    let mut at = FILE_HEADER_BYTES;
    while let Some(Ok(Parsed::Frame { frame, .. })) = bytes.get(at..).map(Frame::parse) {
        let size = frame.size();
        let chain = chain.get_or_insert_with(|| begin(&bytes[at..at + size]));
        bytes[at..][SEQUENCE].copy_from_slice(&chain.next.to_le_bytes());
        let check_at = size - CHECK_BYTES;
        let link = chain.link(&bytes[at..at + check_at]);
        bytes[at + check_at..at + size].copy_from_slice(&link.bytes()[..CHECK_BYTES]);
        *chain = Chain {
            head: link,
            next: chain.next.saturating_add(1),
        };
        at += size;
    }
}

/// The chain that a segment says it continues.
fn begin(first: &[u8]) -> Chain {
    match Frame::parse(first) {
        Ok(Parsed::Frame { frame, .. }) if frame.header.kind == kind::SEGMENT_START => {
            let start = portcullis_recording::format::SegmentStart::decode(&frame);
            let head = start.map_or(Chain::START.head, |start| start.previous);
            Chain {
                head,
                next: frame.header.sequence,
            }
        }
        _ => Chain::START,
    }
}

/// A sealed segment gives back a bounded number of bytes, and comes to an end.
fn unseal(mut sealed: &[u8]) {
    let mut unsealer = Unsealer::new().expect("a decoder needs no input to begin");
    let mut out = vec![0; 64 * 1024];
    loop {
        let before = sealed.len();
        match unsealer.pull(&mut sealed, &mut out) {
            Err(_) => return,
            Ok(0) if sealed.is_empty() => break,
            Ok(0) => assert!(sealed.len() < before, "neither reads nor writes"),
            Ok(_) => {}
        }
    }
    let _ = unsealer.finish();
}

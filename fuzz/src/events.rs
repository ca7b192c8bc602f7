//! Events of a recording: whatever is read is written again byte for byte, since each event has
//! exactly one encoding.
//!
//! Input: the kind, in two bytes, and a payload in the clear.

use portcullis_recording::event::{SessionId, Timestamp};
use portcullis_recording::format::{Flags, FrameHeader, decode_event, encode_event};

pub fn check(data: &[u8]) {
    let Some((kind, payload)) = data.split_first_chunk() else {
        return;
    };
    let header = FrameHeader {
        kind: u16::from_le_bytes(*kind),
        flags: Flags::default(),
        sequence: 1,
        time: Timestamp(0),
        session: SessionId::new([7; 16]),
    };
    let Ok(event) = decode_event(&header, payload) else {
        return;
    };
    let mut again = Vec::new();
    encode_event(&event, &mut again).expect("what was read can be written");
    assert_eq!(again, payload, "one event has one encoding");
    assert_eq!(
        decode_event(&header, &again).expect("and read again"),
        event
    );
}

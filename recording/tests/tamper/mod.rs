//! Manipulations of a record: what somebody with access to the files can do.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::ops::Range;

use portcullis_recording::chain::Chain;
use portcullis_recording::checkpoint::{Head, HeadKind};
use portcullis_recording::encoder::Encoder;
use portcullis_recording::format::{CHECK_BYTES, FILE_HEADER_BYTES, Frame, Parsed};
use portcullis_recording::verify::{Finding, Trust, WriterCheck, WriterReport};

use crate::record::{Recorder, operation, session};

/// Frames of one segment of [`record`]: start, three times four operations and a checkpoint, seal.
pub(crate) const FRAMES: u64 = 17;

/// Four segments. Frames of segment 2 are 18 to 34: start 18, operations 19 to 22, 24 to 27, 29
/// to 32, checkpoints 23, 28 and 33, seal 34.
pub(crate) fn record() -> Recorder {
    Recorder::filled("w", 4, 12)
}

/// A segment cut into its file header and frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cut {
    pub(crate) header: Vec<u8>,
    pub(crate) frames: Vec<Vec<u8>>,
}

impl Cut {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let (header, mut rest) = bytes.split_at(FILE_HEADER_BYTES);
        let mut frames = Vec::new();
        while let Parsed::Frame {
            frame,
            rest: behind,
        } = Frame::parse(rest).unwrap()
        {
            frames.push(rest[..frame.size()].to_vec());
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        Self {
            header: header.to_vec(),
            frames,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.header.as_slice(), &self.frames.concat()].concat()
    }
}

/// The segments of a record, cut into frames; frames are named by their sequence numbers.
pub(crate) fn cut(recorder: &Recorder) -> Vec<Cut> {
    recorder
        .segments
        .iter()
        .map(|bytes| Cut::of(bytes))
        .collect()
}

/// Where the frame of a sequence number stands in segment 2.
pub(crate) fn place(sequence: u64) -> usize {
    usize::try_from(sequence - FRAMES - 1).unwrap()
}

/// Bytes of the payload of a frame.
pub(crate) fn payload(frame: &[u8]) -> Range<usize> {
    40..frame.len() - CHECK_BYTES
}

/// Does what somebody without the key can do: computes all links anew, so that only signatures
/// and anchors tell. With `heads` also the hash in each checkpoint.
pub(crate) fn relink(segments: &mut [Cut], heads: bool) {
    let mut chain = Chain::START;
    for segment in segments {
        for (index, frame) in segment.frames.iter_mut().enumerate() {
            let kind = u16::from_le_bytes([frame[4], frame[5]]);
            let end = frame.len() - CHECK_BYTES;
            if index == 0 {
                // The link is the last field of a start.
                frame[end - 32..end].copy_from_slice(chain.head.bytes());
            } else if heads && (kind == 2 || kind == 3) {
                frame[42..74].copy_from_slice(chain.head.bytes());
            }
            chain.head = chain.link(&frame[..end]);
            let check = chain.head.bytes()[..CHECK_BYTES].to_vec();
            frame[end..].copy_from_slice(&check);
        }
    }
}

/// What somebody with the right key can do: the first two segments as they are, then others.
pub(crate) fn fork(recorder: &Recorder) -> (Vec<Vec<u8>>, Vec<Head>) {
    let chain = chain_after(recorder, 2);
    let mut forked = Recorder {
        writer: recorder.writer.clone(),
        key: portcullis_recording::checkpoint::SigningKey::from_pem(&recorder.pem).unwrap(),
        pem: recorder.pem.clone(),
        encoder: Encoder::new(chain),
        segment: 2,
        now: recorder.now,
        heads: Vec::new(),
        segments: Vec::new(),
    };
    for _ in 0..2 {
        forked.start();
        for number in 0..15 {
            forked.event(session(9), operation(number));
        }
        forked.seal();
    }
    let segments = [&recorder.segments[..2], &forked.segments].concat();
    (segments, forked.heads)
}

fn chain_after(recorder: &Recorder, segments: u64) -> Chain {
    let seal = recorder
        .heads
        .iter()
        .find(|head| head.segment == segments && head.kind == HeadKind::Seal)
        .unwrap();
    let mut chain = Chain {
        head: seal.hash,
        next: seal.sequence + 1,
    };
    let last = Cut::of(&recorder.segments[usize::try_from(segments).unwrap() - 1]);
    let Parsed::Frame { frame, .. } = Frame::parse(last.frames.last().unwrap()).unwrap() else {
        panic!("a whole frame");
    };
    chain.follow(&frame).unwrap();
    chain
}

pub(crate) fn trust(recorder: &Recorder, anchors: &[Head]) -> Trust {
    Trust {
        keys: recorder.keys(),
        anchors: anchors.to_vec(),
        ..Trust::default()
    }
}

/// Verifies segments in memory, numbered from 1.
pub(crate) fn check(recorder: &Recorder, segments: &[Vec<u8>], anchors: &[Head]) -> WriterReport {
    let mut check = WriterCheck::new(recorder.writer.clone(), &trust(recorder, anchors));
    for (number, bytes) in (1..).zip(segments) {
        check.segment(number, bytes);
    }
    check.finish()
}

/// Applies a manipulation to the segments and gives what is found with the last head anchored,
/// and with no anchor but for the finding that says so.
pub(crate) fn both(change: impl Fn(&mut Vec<Cut>)) -> (Vec<Finding>, Vec<Finding>) {
    let recorder = record();
    let mut segments = cut(&recorder);
    change(&mut segments);
    let bytes: Vec<Vec<u8>> = segments.iter().map(Cut::bytes).collect();
    let anchored = check(&recorder, &bytes, &recorder.heads[15..]);
    let alone = check(&recorder, &bytes, &[]);
    (anchored.findings, alone.findings)
}

/// A manipulation inside the record: seen with the keys alone. The anchored end is there.
pub(crate) fn seen(change: impl Fn(&mut Vec<Cut>), expected: &[Finding]) {
    let (anchored, alone) = both(change);
    assert_eq!(anchored, expected);
    let uncovered = Finding::Unanchored { from: 1, to: 68 };
    assert_eq!(alone, [expected, &[uncovered]].concat());
}

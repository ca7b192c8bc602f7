use super::*;
use crate::checkpoint::SigningKey;
use crate::encoder::Encoder;
use crate::event::{Body, Event, Notice, SessionId, Timestamp};

const EVENTS: u64 = 6;

struct Made {
    bytes: Vec<u8>,
    keys: TrustedKeys,
    signing: SigningKey,
    writer: WriterId,
}

fn notice(what: &str) -> Event {
    let notice = Notice {
        what: what.to_owned(),
        ..Notice::default()
    };
    Event::new(SessionId::NONE, Body::Notice(notice))
}

/// Start, three events, a checkpoint, three events, a seal: frames 1 to 9.
fn made() -> Made {
    let (signing, _) = SigningKey::generate().unwrap();
    let writer: WriterId = "w-1".parse().unwrap();
    let mut encoder = Encoder::new(Chain::START);
    encoder.start_segment(&writer, 1, Timestamp(1)).unwrap();
    for number in 0..EVENTS {
        if number == EVENTS / 2 {
            sign(&mut encoder, &writer, &signing, HeadKind::Checkpoint);
        }
        encoder
            .event(&notice(&format!("event {number}")), Timestamp(2))
            .unwrap();
    }
    sign(&mut encoder, &writer, &signing, HeadKind::Seal);
    let keys = TrustedKeys::from_iter([signing.public()]);
    Made {
        bytes: encoder.bytes().to_vec(),
        keys,
        signing,
        writer,
    }
}

fn sign(encoder: &mut Encoder, writer: &WriterId, key: &SigningKey, kind: HeadKind) -> Head {
    encoder.sign(kind, (writer, 1), key, Timestamp(3)).unwrap()
}

impl Made {
    fn verify(&self, bytes: &[u8]) -> Result<SegmentSummary, Break> {
        verify_segment(bytes, &self.keys, None)
    }

    /// Where each frame begins and ends in the bytes.
    fn spans(&self) -> Vec<std::ops::Range<usize>> {
        let mut rest = strip_file_header(&self.bytes).unwrap();
        let mut spans = Vec::new();
        while let Ok(Parsed::Frame { frame, rest: after }) = Frame::parse(rest) {
            let start = self.bytes.len() - rest.len();
            spans.push(start..start + frame.size());
            rest = after;
        }
        spans
    }

    /// The segment with its frames in another order or number, as `places` says.
    fn rearranged(&self, places: &[usize]) -> Vec<u8> {
        let spans = self.spans();
        let frames = places
            .iter()
            .flat_map(|place| &self.bytes[spans[*place].clone()]);
        self.bytes[..8].iter().chain(frames).copied().collect()
    }

    /// The segment with frame `place` changed by `change` and every check made right again.
    fn forged(&self, place: usize, change: impl Fn(&mut [u8])) -> Vec<u8> {
        let mut out = self.bytes[..8].to_vec();
        let mut chain = Chain::START;
        for (at, span) in self.spans().into_iter().enumerate() {
            let mut linked = self.bytes[span.start..span.end - CHECK_BYTES].to_vec();
            if at == place {
                change(&mut linked);
            }
            let link = chain.link(&linked);
            chain.advance(link);
            out.extend_from_slice(&linked);
            out.extend_from_slice(&link.check());
        }
        out
    }
}

#[test]
fn whole_segment_verifies() {
    let made = made();
    let summary = made.verify(&made.bytes).unwrap();
    assert_eq!(
        (summary.segment, summary.events, summary.sealed),
        (1, EVENTS, true)
    );
    assert_eq!(summary.chain.next, 10);
    let heads: Vec<_> = summary
        .heads
        .iter()
        .map(|head| (head.kind, head.sequence))
        .collect();
    assert_eq!(heads, [(HeadKind::Checkpoint, 4), (HeadKind::Seal, 8)]);
}

#[test]
fn link_is_sha256_over_the_link_ahead_and_the_frame() {
    let chain = Chain {
        head: Hash::new([7; 32]),
        next: 1,
    };
    for length in [
        0,
        1,
        SMALL_FRAME_BYTES - 1,
        SMALL_FRAME_BYTES,
        SMALL_FRAME_BYTES + 1,
        70_000,
    ] {
        let frame = vec![9; length];
        let whole = [&[7; 32][..], &frame].concat();
        assert_eq!(chain.link(&frame), Hash::of(&whole), "{length}");
    }
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Hash::of(b"abc").to_string(), known);
    assert_eq!(known.parse::<Hash>().unwrap(), Hash::of(b"abc"));
}

#[test]
fn every_changed_bit_is_found() {
    let made = made();
    for at in 0..made.bytes.len() {
        for bit in [0, 3, 7] {
            let mut changed = made.bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(made.verify(&changed).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn every_cut_is_found_or_leaves_whole_frames() {
    let made = made();
    let ends: Vec<usize> = made.spans().iter().map(|span| span.end).collect();
    for length in 0..made.bytes.len() {
        let result = made.verify(&made.bytes[..length]);
        if ends.contains(&length) {
            assert!(
                !result.unwrap().sealed,
                "{length}: what was cut off is the seal too"
            );
        } else {
            let named = matches!(result, Err(Break::Truncated { .. } | Break::Format { .. }));
            assert!(named, "{length}: {result:?}");
        }
    }
}

#[test]
fn removed_changed_moved_and_added_frames_are_told_apart() {
    let made = made();
    let cases = [
        (
            made.rearranged(&[0, 1, 3, 4, 5, 6, 7, 8]),
            Break::Missing {
                expected: 3,
                found: 4,
            },
        ),
        (
            made.rearranged(&[0, 1, 6, 7, 8]),
            Break::Missing {
                expected: 3,
                found: 7,
            },
        ),
        (
            made.rearranged(&[0, 1, 3, 2, 4]),
            Break::Reordered {
                expected: 3,
                found: 4,
            },
        ),
        (
            made.rearranged(&[0, 1, 1, 2]),
            Break::Reordered {
                expected: 3,
                found: 2,
            },
        ),
        (made.rearranged(&[1, 2]), Break::NoStart),
        (
            made.rearranged(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 8]),
            Break::AfterSeal { sequence: 9 },
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(made.verify(&bytes), Err(expected));
    }
    let mut changed = made.bytes.clone();
    changed[made.spans()[5].end - CHECK_BYTES - 1] ^= 1;
    assert_eq!(made.verify(&changed), Err(Break::Changed { sequence: 6 }));
}

#[test]
fn forger_without_the_key_is_found_at_the_next_checkpoint() {
    let made = made();
    let last_byte = |linked: &mut [u8]| *linked.last_mut().unwrap() ^= 1;
    let before_checkpoint = made.forged(2, last_byte);
    assert_eq!(
        made.verify(&before_checkpoint),
        Err(Break::OtherHead { sequence: 5 })
    );
    let before_seal = made.forged(6, last_byte);
    assert_eq!(
        made.verify(&before_seal),
        Err(Break::OtherHead { sequence: 9 })
    );
    // The last bytes of a checkpoint are its signature.
    let signature = made.forged(4, last_byte);
    assert_eq!(
        made.verify(&signature),
        Err(Break::WrongSignature { sequence: 5 })
    );
}

#[test]
fn forger_with_another_key_is_found() {
    let made = made();
    let other = TrustedKeys::from_iter([self::made().signing.public()]);
    let key = made.signing.id();
    let expected = Break::UntrustedKey { sequence: 5, key };
    assert_eq!(verify_segment(&made.bytes, &other, None), Err(expected));
}

#[test]
fn segment_must_continue_what_is_expected() {
    let made = made();
    let good = Expected {
        writer: made.writer.clone(),
        segment: 1,
        chain: Chain::START,
    };
    let verify = |expected: &Expected| verify_segment(&made.bytes, &made.keys, Some(expected));
    assert!(verify(&good).is_ok());

    let writer: WriterId = "w-2".parse().unwrap();
    let found = made.writer.clone();
    let other = Expected {
        writer: writer.clone(),
        ..good.clone()
    };
    assert_eq!(
        verify(&other),
        Err(Break::OtherWriter {
            expected: writer,
            found
        })
    );

    let other = Expected {
        segment: 2,
        ..good.clone()
    };
    assert_eq!(
        verify(&other),
        Err(Break::OtherSegment {
            expected: 2,
            found: 1
        })
    );

    for chain in [
        Chain {
            next: 2,
            ..Chain::START
        },
        Chain {
            head: Hash::of(b"other"),
            ..Chain::START
        },
    ] {
        let other = Expected {
            chain,
            ..good.clone()
        };
        assert_eq!(verify(&other), Err(Break::NotContinued));
    }
}

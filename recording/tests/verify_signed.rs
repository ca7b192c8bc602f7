//! What signatures and anchors tell, and what nothing tells without an anchor.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod record;
mod tamper;

use portcullis_recording::checkpoint::SigningKey;
use portcullis_recording::verify::Finding::{
    AnchorUntrusted, Forked, FrameChanged, FramesMissing, NotContinued, Rewritten, TailMissing,
    Unanchored, Unsigned, UntrustedKey, WrongSignature,
};
use portcullis_recording::verify::{Class, Finding, Trust, Verdict, WriterCheck};
use record::{Recorder, operation, session};
use tamper::{Cut, both, check, cut, fork, payload, place, record, relink, seen};

/// What cannot be seen without an anchor: a clean cut looks like a record that is still written.
#[test]
fn tail_that_was_cut_off_is_seen_with_an_anchor_only() {
    // Frames.
    let (anchored, alone) = both(|segments| segments[3].frames.truncate(13));
    assert_eq!(
        alone,
        [
            Unanchored { from: 1, to: 62 },
            Unsigned { from: 63, to: 64 }
        ]
    );
    assert_eq!(
        anchored,
        [
            TailMissing {
                last: 64,
                anchored: 68
            },
            Unanchored { from: 1, to: 62 },
            Unsigned { from: 63, to: 64 }
        ]
    );
    // The seal alone.
    let (anchored, alone) = both(|segments| segments[3].frames.truncate(16));
    assert_eq!(alone, [Unanchored { from: 1, to: 67 }]);
    assert_eq!(
        anchored,
        [TailMissing {
            last: 67,
            anchored: 68
        }]
    );
    // Segments.
    let (anchored, alone) = both(|segments| segments.truncate(2));
    assert_eq!(alone, [Unanchored { from: 1, to: 34 }]);
    assert_eq!(
        anchored,
        [
            TailMissing {
                last: 34,
                anchored: 68
            },
            Unanchored { from: 1, to: 34 }
        ]
    );
    // All.
    let (anchored, alone) = both(Vec::clear);
    assert_eq!(alone, []);
    assert_eq!(
        anchored,
        [TailMissing {
            last: 0,
            anchored: 68
        }]
    );
}

#[test]
fn changed_frame_with_all_links_made_anew_is_named_by_the_signature() {
    let change = |segments: &mut Vec<Cut>, heads| {
        let frame = &mut segments[1].frames[place(25)];
        let last = payload(frame).end - 1;
        frame[last] ^= 1;
        relink(segments, heads);
    };
    let (anchored, alone) = both(|segments| change(segments, false));
    let rewritten = Rewritten {
        segment: 2,
        sequence: 28,
    };
    let unsigned = Unsigned { from: 24, to: 68 };
    let uncovered = Unanchored { from: 1, to: 23 };
    assert_eq!(
        alone,
        [rewritten.clone(), uncovered.clone(), unsigned.clone()]
    );
    assert_eq!(
        anchored,
        [
            rewritten,
            Forked { sequence: 67 },
            uncovered.clone(),
            unsigned.clone()
        ]
    );

    // With the hashes in the checkpoints too, their signatures are wrong, all of them.
    let wrong = |sequence: u64| WrongSignature {
        segment: (sequence - 1) / 17 + 1,
        sequence,
    };
    let wrong = [28, 33, 34, 40, 45, 50, 51, 57, 62, 67, 68].map(wrong);
    let (_, alone) = both(|segments| change(segments, true));
    assert_eq!(alone, [wrong.as_slice(), &[uncovered, unsigned]].concat());
}

/// The last frame is covered by nothing but its own signature, which leaves the session out.
#[test]
fn every_byte_of_the_last_seal_counts() {
    let recorder = record();
    let frame = cut(&recorder)[3].frames[16].clone();
    for byte in 4..frame.len() - 8 {
        let (anchored, alone) = both(|segments| {
            segments[3].frames[16][byte] ^= 1;
            relink(segments, false);
        });
        let named = |findings: &[Finding]| {
            findings
                .iter()
                .any(|finding| finding.class() != Class::Uncovered)
        };
        assert!(named(&anchored), "byte {byte}: {anchored:?}");
        // A seal that is none any more is a tail that nothing signs.
        let unsigned = alone.contains(&Unsigned { from: 68, to: 68 });
        assert!(named(&alone) || unsigned, "byte {byte}: {alone:?}");
    }
}

#[test]
fn replaced_key_id_is_named() {
    // Its place in a checkpoint's payload: after the hash, number and length.
    let change = |segments: &mut Vec<Cut>| segments[1].frames[place(28)][40 + 36] ^= 1;
    seen(
        change,
        &[
            FrameChanged {
                segment: 2,
                sequence: 28,
            },
            Unsigned { from: 24, to: 32 },
        ],
    );
    let (_, alone) = both(|segments| {
        change(segments);
        relink(segments, true);
    });
    assert!(
        matches!(alone[0], UntrustedKey { sequence: 28, .. }),
        "{alone:?}"
    );
}

#[test]
fn record_signed_again_by_another_key_is_named() {
    let recorder = record();
    let other = record();
    let key = other.key.id();
    let untrusted = UntrustedKey { sequence: 6, key };
    let unsigned = Unsigned { from: 1, to: 68 };
    let alone = check(&recorder, &other.segments, &[]);
    assert_eq!(alone.findings, [untrusted.clone(), unsigned.clone()]);
    assert_eq!(alone.verdict(), Verdict::Broken);
    let anchored = check(&recorder, &other.segments, &recorder.heads[15..]);
    assert_eq!(
        anchored.findings,
        [untrusted, Forked { sequence: 67 }, unsigned]
    );
}

#[test]
fn key_after_a_rotation_is_believed_only_if_it_is_trusted() {
    let mut recorder = Recorder::filled("w", 1, 4);
    let first = recorder.keys();
    let old = recorder.key.public();
    recorder.key = SigningKey::generate().unwrap().0;
    let new = recorder.key.public();
    recorder.start();
    recorder.event(session(1), operation(1));
    recorder.seal();
    let run = |keys| {
        let anchors = recorder.heads.last().cloned().into_iter().collect();
        let trust = Trust {
            keys,
            anchors,
            ..Trust::default()
        };
        let mut check = WriterCheck::new(recorder.writer.clone(), &trust);
        check.segment(1, &recorder.segments[0]);
        check.segment(2, &recorder.segments[1]);
        check.finish()
    };
    assert_eq!(
        run([old, new].into_iter().collect()).verdict(),
        Verdict::Intact
    );
    let found = run(first).findings;
    let key = new.id();
    assert_eq!(
        found,
        [
            AnchorUntrusted { sequence: 9, key },
            UntrustedKey { sequence: 10, key },
            Unanchored { from: 1, to: 7 },
            Unsigned { from: 8, to: 10 }
        ]
    );
}

#[test]
fn anchor_that_no_trusted_key_signed_is_named_and_not_used() {
    let (recorder, other) = (record(), record());
    let found = check(&recorder, &recorder.segments, &other.heads[15..]).findings;
    let key = other.key.id();
    let untrusted = AnchorUntrusted { sequence: 67, key };
    assert_eq!(found, [untrusted, Unanchored { from: 1, to: 68 }]);
}

/// What cannot be seen without an anchor behind it: the holder of the key wrote another end.
#[test]
fn fork_by_the_right_key_is_seen_with_an_anchor_behind_it_only() {
    let recorder = record();
    let (segments, _) = fork(&recorder);
    let uncovered = Unanchored { from: 35, to: 68 };
    let before = check(&recorder, &segments, &recorder.heads[7..8]);
    assert_eq!(before.findings, std::slice::from_ref(&uncovered));
    assert_eq!(before.verdict(), Verdict::Uncovered);
    let behind = check(&recorder, &segments, &recorder.heads[7..]);
    // The first anchor behind the fork.
    assert_eq!(behind.findings, [Forked { sequence: 39 }, uncovered]);
    assert_eq!((behind.verdict(), behind.anchored), (Verdict::Broken, 34));
}

#[test]
fn end_that_was_cut_at_an_anchor_and_written_anew_is_a_fork() {
    let recorder = record();
    let mut segments = recorder.segments.clone();
    let mut last = Cut::of(&segments[3]);
    last.frames.truncate(16);
    // Without the key, but with a link that fits: an event where the anchored seal stood.
    let mut event = last.frames[1].clone();
    event[8..16].copy_from_slice(&68_u64.to_le_bytes());
    last.frames.push(event);
    let mut all: Vec<Cut> = segments[..3].iter().map(|bytes| Cut::of(bytes)).collect();
    all.push(last);
    relink(&mut all, false);
    segments = all.iter().map(Cut::bytes).collect();
    let found = check(&recorder, &segments, &recorder.heads[15..]).findings;
    assert_eq!(
        found,
        [Forked { sequence: 68 }, Unsigned { from: 68, to: 68 }]
    );
}

#[test]
fn segment_of_another_chain_is_not_continued() {
    let recorder = record();
    let (forked, _) = fork(&recorder);
    // Its start says that it follows the forked third segment.
    let segments = [&recorder.segments[..3], &forked[3..]].concat();
    let found = check(&recorder, &segments, &[]).findings;
    assert_eq!(
        found,
        [NotContinued { segment: 4 }, Unanchored { from: 1, to: 68 }]
    );
}

#[test]
fn record_without_signatures_is_unsigned() {
    let recorder = record();
    let mut unsigned = Recorder::new("w");
    unsigned.start();
    unsigned.event(session(1), operation(1));
    unsigned.leave();
    let report = check(&recorder, &unsigned.segments, &[]);
    assert_eq!(report.findings, [Unsigned { from: 1, to: 2 }]);
    assert_eq!(report.verdict(), Verdict::Uncovered);
    assert!(!report.sealed);
}

/// A number beyond the anchored one does not stand for the end that was cut off, and what lies
/// between is told as missing.
#[test]
fn cut_tail_behind_which_a_higher_number_was_put_is_named() {
    let (anchored, alone) = both(|segments| {
        let last = &mut segments[3];
        last.frames.truncate(13);
        let mut event = last.frames[1].clone();
        event[8..16].copy_from_slice(&1_000_000_u64.to_le_bytes());
        last.frames.push(event);
        relink(segments, false);
    });
    let expected = [
        FramesMissing {
            from: 65,
            to: 999_999,
        },
        Unanchored { from: 1, to: 62 },
        Unsigned {
            from: 63,
            to: 1_000_000,
        },
    ];
    assert_eq!(anchored, expected);
    assert_eq!(alone, expected);
}

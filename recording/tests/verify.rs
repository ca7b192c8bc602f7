//! Each manipulation of a record has its name, with and without an anchor.

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
    AfterSeal, AnchorUntrusted, BeginningMissing, Forked, FrameChanged, FrameForeign, FrameMoved,
    FrameRepeated, FramesMissing, NoStart, NotContinued, OtherWriter, Rewritten, SegmentDamaged,
    SegmentMoved, SegmentTruncated, SegmentsMissing, TailMissing, Unanchored, Unsigned,
    UntrustedKey, WrongSignature,
};
use portcullis_recording::verify::{Class, Finding, MAX_FINDINGS, Trust, Verdict, WriterCheck};
use record::{Recorder, operation, session};
use tamper::{Cut, check, cut, fork, payload, place, record, relink, trust};

/// Applies a manipulation to the segments and gives what is found with the last head anchored,
/// and with no anchor but for the finding that says so.
fn both(change: impl Fn(&mut Vec<Cut>)) -> (Vec<Finding>, Vec<Finding>) {
    let recorder = record();
    let mut segments = cut(&recorder);
    change(&mut segments);
    let bytes: Vec<Vec<u8>> = segments.iter().map(Cut::bytes).collect();
    let anchored = check(&recorder, &bytes, &recorder.heads[15..]);
    let alone = check(&recorder, &bytes, &[]);
    (anchored.findings, alone.findings)
}

/// A manipulation inside the record: seen with the keys alone. The anchored end is there.
fn seen(change: impl Fn(&mut Vec<Cut>), expected: &[Finding]) {
    let (anchored, alone) = both(change);
    assert_eq!(anchored, expected);
    let uncovered = Unanchored { from: 1, to: 68 };
    assert_eq!(alone, [expected, &[uncovered]].concat());
}

#[test]
fn untouched_record_is_intact_as_far_as_anchors_reach() {
    let recorder = record();
    let segments = &recorder.segments;
    let report = check(&recorder, segments, &recorder.heads[15..]);
    assert_eq!(
        (report.verdict(), report.findings.as_slice()),
        (Verdict::Intact, [].as_slice())
    );
    assert_eq!((report.last, report.signed, report.anchored), (68, 68, 68));
    assert_eq!((report.segments, report.frames, report.events), (4, 68, 48));
    assert!(report.sealed);

    let report = check(&recorder, segments, &recorder.heads[4..8]);
    assert_eq!(report.findings, [Unanchored { from: 35, to: 68 }]);
    assert_eq!(
        (report.verdict(), report.anchored),
        (Verdict::Uncovered, 34)
    );

    let report = check(&recorder, segments, &[]);
    assert_eq!(report.findings, [Unanchored { from: 1, to: 68 }]);
    assert_eq!((report.verdict(), report.signed), (Verdict::Uncovered, 68));
}

#[test]
fn removed_frame_is_named() {
    let unsigned = Unsigned { from: 24, to: 27 };
    seen(
        |segments| drop(segments[1].frames.remove(place(25))),
        &[FramesMissing { from: 25, to: 25 }, unsigned.clone()],
    );
    // The last one ahead of a checkpoint: the checkpoint itself is the first that does not fit.
    seen(
        |segments| drop(segments[1].frames.drain(place(26)..place(28))),
        &[
            FramesMissing { from: 26, to: 27 },
            Unsigned { from: 24, to: 25 },
        ],
    );
    // A checkpoint.
    seen(
        |segments| drop(segments[1].frames.remove(place(23))),
        &[
            FramesMissing { from: 23, to: 23 },
            Unsigned { from: 18, to: 27 },
        ],
    );
    // The segment's start.
    seen(
        |segments| drop(segments[1].frames.remove(0)),
        &[
            NoStart { segment: 2 },
            FramesMissing { from: 18, to: 18 },
            Unsigned { from: 18, to: 22 },
        ],
    );
}

#[test]
fn removed_segment_is_named() {
    let (anchored, alone) = without_segments(&[2]);
    assert_eq!(anchored, [SegmentsMissing { from: 2, to: 2 }]);
    assert_eq!(
        alone,
        [
            SegmentsMissing { from: 2, to: 2 },
            Unanchored { from: 1, to: 68 }
        ]
    );
    let (anchored, alone) = without_segments(&[1, 2]);
    assert_eq!(anchored, [BeginningMissing { first: 3 }]);
    assert_eq!(
        alone,
        [
            BeginningMissing { first: 3 },
            Unanchored { from: 35, to: 68 }
        ]
    );
}

fn without_segments(gone: &[u64]) -> (Vec<Finding>, Vec<Finding>) {
    let recorder = record();
    let run = |anchors| {
        let mut check = WriterCheck::new(recorder.writer.clone(), &trust(&recorder, anchors));
        for (number, bytes) in (1..).zip(&recorder.segments) {
            if !gone.contains(&number) {
                check.segment(number, bytes);
            }
        }
        check.finish().findings
    };
    (run(&recorder.heads[15..]), run(&[]))
}

#[test]
fn beginning_that_was_removed_on_purpose_is_no_finding() {
    let recorder = record();
    let mut trust = trust(&recorder, &recorder.heads[15..]);
    trust.begins.insert(recorder.writer.clone(), 3);
    let mut check = WriterCheck::new(recorder.writer.clone(), &trust);
    check.segment(3, &recorder.segments[2]);
    check.segment(4, &recorder.segments[3]);
    assert_eq!(check.finish().verdict(), Verdict::Intact);
    // One more than that is.
    let mut check = WriterCheck::new(recorder.writer.clone(), &trust);
    check.segment(4, &recorder.segments[3]);
    assert_eq!(check.finish().findings, [BeginningMissing { first: 4 }]);
}

#[test]
fn end_of_a_middle_segment_that_was_cut_off_is_named() {
    seen(
        |segments| segments[1].frames.truncate(place(30)),
        &[
            FramesMissing { from: 30, to: 34 },
            Unsigned { from: 29, to: 29 },
        ],
    );
    // At a checkpoint, where nothing unsigned is left.
    seen(
        |segments| segments[1].frames.truncate(place(29)),
        &[FramesMissing { from: 29, to: 34 }],
    );
}

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
fn record_cut_off_in_the_middle_of_a_frame_is_named() {
    let (anchored, alone) = both(|segments| {
        segments[3].frames.truncate(13);
        segments[3].frames[12].truncate(20);
    });
    let truncated = SegmentTruncated {
        segment: 4,
        after: 63,
    };
    let rest = [
        Unanchored { from: 1, to: 62 },
        Unsigned { from: 63, to: 63 },
    ];
    assert_eq!(alone, [[truncated.clone()].as_slice(), &rest].concat());
    let tail = TailMissing {
        last: 63,
        anchored: 68,
    };
    assert_eq!(anchored, [[truncated, tail].as_slice(), &rest].concat());
}

#[test]
fn swapped_and_repeated_frames_are_named() {
    let unsigned = Unsigned { from: 24, to: 27 };
    let segment = 2;
    seen(
        |segments| segments[1].frames.swap(place(25), place(26)),
        &[
            FrameMoved {
                segment,
                sequence: 25,
            },
            unsigned.clone(),
        ],
    );
    seen(
        |segments| {
            let frame = segments[1].frames[place(25)].clone();
            segments[1].frames.insert(place(26), frame);
        },
        &[
            FrameRepeated {
                segment,
                sequence: 25,
            },
            unsigned.clone(),
        ],
    );
    // A signed checkpoint of before, put in again, moves nothing back.
    seen(
        |segments| {
            let frame = segments[1].frames[place(23)].clone();
            segments[1].frames.insert(place(26), frame);
        },
        &[
            FrameRepeated {
                segment,
                sequence: 23,
            },
            unsigned.clone(),
        ],
    );
    // A frame of another segment.
    seen(
        |segments| {
            let frame = segments[3].frames[2].clone();
            segments[1].frames.insert(place(26), frame);
        },
        &[
            FrameForeign {
                segment,
                sequence: 54,
            },
            unsigned,
        ],
    );
}

#[test]
fn changed_byte_anywhere_in_a_frame_is_named() {
    let changed = FrameChanged {
        segment: 2,
        sequence: 25,
    };
    let unsigned = Unsigned { from: 24, to: 27 };
    let recorder = record();
    let frame = &cut(&recorder)[1].frames[place(25)];
    // All but the length, whose change moves everything behind it.
    for byte in 4..frame.len() {
        seen(
            |segments| segments[1].frames[place(25)][byte] ^= 1,
            &[changed.clone(), unsigned.clone()],
        );
    }
    for byte in 0..4 {
        let (anchored, _) = both(|segments| segments[1].frames[place(25)][byte] ^= 1);
        let named = anchored.iter().any(|finding| {
            matches!(
                finding,
                SegmentDamaged { segment: 2, .. }
                    | SegmentTruncated { segment: 2, .. }
                    | FrameChanged {
                        segment: 2,
                        sequence: 25
                    }
            )
        });
        assert!(named, "byte {byte}: {anchored:?}");
    }
}

#[test]
fn changed_file_header_is_named() {
    for byte in 0..8 {
        let (anchored, _) = both(|segments| segments[1].header[byte] ^= 1);
        assert!(
            matches!(
                anchored[..],
                [SegmentDamaged {
                    segment: 2,
                    after: 17,
                    ..
                }]
            ),
            "{anchored:?}"
        );
    }
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
fn old_segment_under_another_number_is_named() {
    let moved = SegmentMoved {
        segment: 3,
        found: 2,
    };
    seen(
        |segments| segments[2] = segments[1].clone(),
        std::slice::from_ref(&moved),
    );
    let moved = SegmentMoved {
        segment: 5,
        found: 2,
    };
    seen(|segments| segments.push(segments[1].clone()), &[moved]);
    let (anchored, _) = both(|segments| segments.swap(1, 2));
    let moved = |segment, found| SegmentMoved { segment, found };
    assert_eq!(anchored, [moved(2, 3), moved(3, 2)]);
}

#[test]
fn segment_of_another_writer_with_the_same_key_is_named() {
    let recorder = record();
    let mut other = Recorder::new("other");
    other.key = SigningKey::from_pem(&recorder.pem).unwrap();
    other.start();
    other.event(session(1), operation(1));
    other.seal();
    let found = other.writer.clone();
    seen(
        move |segments| segments.push(Cut::of(&other.segments[0])),
        &[OtherWriter { segment: 5, found }],
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
fn anything_after_a_seal_is_named() {
    seen(
        |segments| {
            let frame = segments[1].frames[place(25)].clone();
            segments[1].frames.push(frame);
        },
        &[AfterSeal {
            segment: 2,
            sequence: 34,
        }],
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

#[test]
fn findings_are_named_up_to_their_bound_and_then_counted() {
    let recorder = record();
    let run = |count: u64| {
        let mut check = WriterCheck::new(recorder.writer.clone(), &trust(&recorder, &[]));
        (1..=count).for_each(|number| check.segment(number, b"no segment at all"));
        check.finish()
    };
    let limit = MAX_FINDINGS as u64;
    let (at, past) = (run(limit), run(limit + 1));
    assert_eq!((at.findings.len(), at.more), (MAX_FINDINGS, 0));
    assert_eq!((past.findings.len(), past.more), (MAX_FINDINGS, 1));
}

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
    AfterSeal, BeginningMissing, FrameChanged, FrameForeign, FrameMoved, FrameRepeated,
    FramesMissing, NoStart, OtherWriter, SegmentDamaged, SegmentMoved, SegmentTruncated,
    SegmentsMissing, TailMissing, Unanchored, Unsigned,
};
use portcullis_recording::verify::{Finding, MAX_FINDINGS, Verdict, WriterCheck};
use record::{Recorder, operation, session};
use tamper::{Cut, both, check, cut, place, record, seen, trust};

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
fn first_segment_that_must_be_there_and_is_not_is_named() {
    let recorder = record();
    let mut trust = trust(&recorder, &[]);
    trust.begins.insert(recorder.writer.clone(), 3);
    let run = |present: u64| {
        let mut check = WriterCheck::new(recorder.writer.clone(), &trust);
        for (number, bytes) in (1..=present).zip(&recorder.segments) {
            check.segment(number, bytes);
        }
        check.finish()
    };
    let gone = run(0);
    assert_eq!(gone.findings, [SegmentsMissing { from: 3, to: 3 }]);
    assert_eq!(gone.verdict(), Verdict::Broken);
    assert_eq!(
        run(1).findings,
        [
            SegmentsMissing { from: 2, to: 3 },
            Unanchored { from: 1, to: 17 }
        ]
    );
    assert_eq!(run(3).findings, [Unanchored { from: 1, to: 51 }]);
}

/// Nothing ahead of it says how the first segment begins: its start has to agree with itself.
#[test]
fn changed_start_of_the_first_segment_is_named_whatever_was_removed_ahead_of_it() {
    let recorder = record();
    let mut trust = trust(&recorder, &recorder.heads[15..]);
    trust.begins.insert(recorder.writer.clone(), 3);
    let start = &cut(&recorder)[2].frames[0];
    for byte in 4..start.len() {
        let mut changed = cut(&recorder);
        changed[2].frames[0][byte] ^= 1;
        let mut check = WriterCheck::new(recorder.writer.clone(), &trust);
        check.segment(3, &changed[2].bytes());
        check.segment(4, &recorder.segments[3]);
        let report = check.finish();
        assert_eq!(report.verdict(), Verdict::Broken, "byte {byte}: {report:?}");
    }
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

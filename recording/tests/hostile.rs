//! Whatever is done to a record: no panic, no hang, and never "intact".

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod record;
mod tamper;

use std::fs;
use std::sync::LazyLock;

use portcullis_recording::layout::{Content, SegmentName};
use portcullis_recording::reader::{Keyring, Query, Recordings};
use portcullis_recording::seal::{seal, unseal};
use portcullis_recording::store::Store;
use portcullis_recording::verify::Verdict;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::sample::Index;
use record::Recorder;
use tamper::{Cut, check, record, relink};
use tempfile::TempDir;

static RECORD: LazyLock<Recorder> = LazyLock::new(record);

/// One act of somebody with access to the files.
#[derive(Debug, Clone)]
enum Act {
    Flip(Index, u8),
    CutBytes(Index, Index),
    DoubleBytes(Index, Index),
    InsertBytes(Index, Vec<u8>),
    Truncate(Index),
    DropFrame(Index),
    SwapFrames(Index, Index),
    CopyFrame(Index, Index),
    /// Changes a frame, and makes all links anew.
    Rewrite(Index, Index, u8, bool),
    DropSegment,
    SwapWith(Index),
}

fn act() -> impl Strategy<Value = Act> {
    let place = any::<Index>;
    prop_oneof![
        (place(), 0..8_u8).prop_map(|(at, bit)| Act::Flip(at, bit)),
        (place(), place()).prop_map(|(at, to)| Act::CutBytes(at, to)),
        (place(), place()).prop_map(|(at, to)| Act::DoubleBytes(at, to)),
        (place(), proptest::collection::vec(any::<u8>(), 1..64))
            .prop_map(|(at, bytes)| Act::InsertBytes(at, bytes)),
        place().prop_map(Act::Truncate),
        place().prop_map(Act::DropFrame),
        (place(), place()).prop_map(|(one, other)| Act::SwapFrames(one, other)),
        (place(), place()).prop_map(|(from, to)| Act::CopyFrame(from, to)),
        (place(), place(), 0..8_u8, any::<bool>())
            .prop_map(|(frame, at, bit, heads)| Act::Rewrite(frame, at, bit, heads)),
        Just(Act::DropSegment),
        place().prop_map(Act::SwapWith),
    ]
}

/// Does the acts, each to one segment.
fn done(acts: &[(Index, Act)]) -> Vec<Vec<u8>> {
    let mut segments = RECORD.segments.clone();
    for (segment, act) in acts {
        if segments.is_empty() {
            break;
        }
        let number = segment.index(segments.len());
        do_bytes(&mut segments, number, act);
        do_frames(&mut segments, number, act);
    }
    segments
}

fn do_bytes(segments: &mut Vec<Vec<u8>>, number: usize, act: &Act) {
    let count = segments.len();
    let bytes = &mut segments[number];
    let len = bytes.len().max(1);
    let range = |one: &Index, other: &Index| {
        let (one, other) = (one.index(len), other.index(len));
        one.min(other)..one.max(other).min(one.min(other) + 200)
    };
    match act {
        Act::Flip(at, bit) if !bytes.is_empty() => bytes[at.index(len)] ^= 1 << bit,
        Act::CutBytes(one, other) if !bytes.is_empty() => drop(bytes.drain(range(one, other))),
        Act::DoubleBytes(one, other) if !bytes.is_empty() => {
            let range = range(one, other);
            let copy = bytes[range.clone()].to_vec();
            bytes.splice(range.start..range.start, copy);
        }
        Act::InsertBytes(at, more) => {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, more.iter().copied());
        }
        Act::Truncate(at) => bytes.truncate(at.index(len)),
        Act::DropSegment => drop(segments.remove(number)),
        Act::SwapWith(other) => segments.swap(number, other.index(count)),
        _ => {}
    }
}

fn do_frames(segments: &mut [Vec<u8>], number: usize, act: &Act) {
    // Frames can be cut only where earlier acts left them whole.
    let whole = segments.iter().all(|bytes| RECORD.segments.contains(bytes));
    if !whole || number >= segments.len() {
        return;
    }
    let mut cut: Vec<Cut> = segments.iter().map(|bytes| Cut::of(bytes)).collect();
    let frames = &mut cut[number].frames;
    let len = frames.len();
    match act {
        Act::DropFrame(at) => drop(frames.remove(at.index(len))),
        Act::SwapFrames(one, other) => frames.swap(one.index(len), other.index(len)),
        Act::CopyFrame(from, to) => {
            let copy = frames[from.index(len)].clone();
            frames.insert(to.index(len), copy);
        }
        Act::Rewrite(frame, at, bit, heads) => {
            let frame = &mut frames[frame.index(len)];
            let at = 4 + at.index(frame.len() - 12);
            frame[at] ^= 1 << bit;
            relink(&mut cut, *heads);
        }
        _ => return,
    }
    for (bytes, cut) in segments.iter_mut().zip(&cut) {
        *bytes = cut.bytes();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(3_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn change_never_verifies_as_intact(
        acts in proptest::collection::vec((any::<Index>(), act()), 1..4),
    ) {
        let segments = done(&acts);
        let report = check(&RECORD, &segments, &RECORD.heads[15..]);
        let same = segments == RECORD.segments;
        prop_assert!((report.verdict() == Verdict::Intact) == same, "{report:?}");
        // With the end anchored a change is always more than an end that nothing covers.
        prop_assert!((report.verdict() == Verdict::Broken) != same, "{report:?}");
    }

    /// With keys alone: broken, or a record that ends earlier and says how far it is covered.
    #[test]
    fn change_is_seen_by_signatures_or_shortens_what_they_cover(
        acts in proptest::collection::vec((any::<Index>(), act()), 1..4),
    ) {
        let segments = done(&acts);
        let report = check(&RECORD, &segments, &[]);
        let same = segments == RECORD.segments;
        let shorter = report.signed < 68;
        prop_assert!(same || shorter || report.verdict() == Verdict::Broken, "{report:?}");
    }

    #[test]
    fn noise_is_never_a_record(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let report = check(&RECORD, std::slice::from_ref(&bytes), &[]);
        prop_assert!(report.verdict() != Verdict::Intact);
        prop_assert!(report.frames == 0 || report.verdict() == Verdict::Broken);
        let _ = unseal(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(200), failure_persistence: None, ..ProptestConfig::default() })]

    /// Through files, compressed, with names that fit the damaged content.
    #[test]
    fn reader_ends_and_gives_only_events_that_were_written(
        acts in proptest::collection::vec((any::<Index>(), act()), 0..3),
        flips in proptest::collection::vec((any::<Index>(), any::<Index>(), 0..8_u8), 0..2),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let segments = done(&acts);
        let rewritten = acts.iter().any(|(_, act)| matches!(act, Act::Rewrite(..)));
        let (events, errors) = runtime.block_on(read(&segments, &flips));
        let all = runtime.block_on(read(&RECORD.segments, &[])).0;
        prop_assert!(all.len() == 48);
        // Without a key, links can be made anew; that is for verification.
        prop_assert!(rewritten || events.iter().all(|event| all.contains(event)));
        prop_assert!(errors <= segments.len());
    }
}

/// The sequence number and text of each event, and how many errors there were.
async fn read(segments: &[Vec<u8>], flips: &[(Index, Index, u8)]) -> (Vec<String>, usize) {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("w")).unwrap();
    let mut sealed: Vec<Vec<u8>> = segments.iter().map(|raw| seal(raw).unwrap()).collect();
    for (segment, at, bit) in flips {
        if !sealed.is_empty() {
            let number = segment.index(sealed.len());
            let at = at.index(sealed[number].len());
            sealed[number][at] ^= 1 << bit;
        }
    }
    for (number, (raw, sealed)) in (1..).zip(segments.iter().zip(&sealed)) {
        let name = SegmentName {
            number,
            sealed: Some(Content::of(raw)),
        };
        fs::write(folder.path().join("w").join(name.to_string()), sealed).unwrap();
    }
    let recordings = Recordings::new(Store::directory(folder.path()).unwrap());
    let mut events = recordings.events(Query::all(), Keyring::default());
    let (mut found, mut errors) = (Vec::new(), 0);
    while let Some(next) = events.next().await {
        match next {
            Ok(record) => found.push(format!("{} {:?}", record.sequence, record.payload)),
            Err(_) => errors += 1,
        }
        assert!(found.len() + errors < 1_000, "the stream does not end");
    }
    (found, errors)
}

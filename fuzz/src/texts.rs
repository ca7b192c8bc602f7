//! Detectors in a text that arrives in chunks.
//!
//! Input: a pattern of a user's own, a newline, a text of any bytes. Checked: all pieces together
//! are the text; chunks may be cut anywhere; what is held back is bounded.

use std::sync::{Arc, LazyLock};

use portcullis_policy::mask::detect::{CustomPattern, Detector, DetectorKind, DetectorSet};
use portcullis_policy::mask::scan::{CARRY_LIMIT, Piece, Scanner, scan};
use portcullis_policy::mask::{DdlRule, MaskRule, MaskSet, Predicates, Transform};
use portcullis_policy::{ObjectName, Origin};

/// Past this, a text is not cut into single bytes: it would take too long.
const MAX_CUT_SMALL: usize = 2048;

static BUILT_IN: LazyLock<Arc<DetectorSet>> = LazyLock::new(|| {
    Arc::new(DetectorSet::compile(&DetectorKind::ALL, &[]).expect("built-in detectors compile"))
});

pub fn check(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (pattern, text) = (&data[..end], &data[end + 1..]);
    cut_anywhere(&BUILT_IN, text);
    masked_anywhere(text);
    let pattern = std::str::from_utf8(pattern).ok();
    let pattern = pattern.and_then(|pattern| CustomPattern::parse("own", pattern, None).ok());
    if let Some(Ok(set)) = pattern.map(|pattern| DetectorSet::compile(&[], &[pattern])) {
        cut_anywhere(&Arc::new(set), text);
    }
}

static MASK: LazyLock<MaskSet> = LazyLock::new(|| {
    let rule = MaskRule {
        name: ObjectName::new("shop", "pii"),
        origin: Origin::Tenant,
        subjects: Vec::new(),
        exempt: Vec::new(),
        columns: Vec::new(),
        json_paths: Vec::new(),
        keys: Vec::new(),
        headers: Vec::new(),
        detectors: DetectorKind::ALL.to_vec(),
        patterns: Vec::new(),
        transform: Transform::Redact,
        predicates: Predicates::Equality,
        ddl: DdlRule::Deny,
    };
    MaskSet::compile(&[rule]).expect("a rule of built-in detectors compiles")
});

/// Finds and what stands between them, with neighbouring clear pieces joined.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    detector: Option<Detector>,
    is_rest: bool,
    bytes: Vec<u8>,
}

fn cut_anywhere(set: &Arc<DetectorSet>, text: &[u8]) {
    let mut whole = Vec::new();
    scan(set, text, &mut |piece| keep(&mut whole, piece));
    let joined: Vec<_> = whole.iter().flat_map(|found| found.bytes.clone()).collect();
    assert_eq!(joined, text, "the pieces are the text");
    let is_clean = whole.iter().all(|found| found.detector.is_none());
    assert_eq!(set.is_clean(text), is_clean);
    let sizes = [1, 3, 64, 1000, text.len() / 2];
    for size in sizes
        .into_iter()
        .filter(|size| *size >= 64 || text.len() <= MAX_CUT_SMALL)
    {
        assert_eq!(
            in_chunks(set, text, size.max(1)),
            whole,
            "in chunks of {size}"
        );
    }
}

/// A whole mask set gives the same text for every cut, and leaves a clean one alone.
fn masked_anywhere(text: &[u8]) {
    let mask = MASK.text_mask().expect("it has detectors");
    let whole = mask.mask(text);
    assert_eq!(
        whole.is_none(),
        mask.is_clean(text),
        "what is clean is left alone"
    );
    for size in [64, 1000] {
        let mut masker = mask.begin();
        let mut out = Vec::new();
        text.chunks(size)
            .for_each(|chunk| masker.push(chunk, &mut out));
        masker.finish(&mut out);
        assert_eq!(out, whole.as_deref().unwrap_or(text), "in chunks of {size}");
    }
}

fn in_chunks(set: &Arc<DetectorSet>, text: &[u8], size: usize) -> Vec<Found> {
    let mut scanner = Scanner::new(Arc::clone(set));
    let mut found = Vec::new();
    for chunk in text.chunks(size) {
        scanner.feed(chunk, &mut |piece| keep(&mut found, piece));
        assert!(
            scanner.waiting() <= CARRY_LIMIT,
            "{} bytes wait",
            scanner.waiting()
        );
    }
    scanner.finish(&mut |piece| keep(&mut found, piece));
    assert_eq!(scanner.waiting(), 0, "nothing waits after the end");
    found
}

fn keep(found: &mut Vec<Found>, piece: Piece<'_>) {
    let (detector, is_rest, bytes) = match piece {
        Piece::Clear(bytes) => (None, false, bytes),
        Piece::Hit { detector, bytes } => (Some(detector), false, bytes),
        Piece::Rest { detector, bytes } => (Some(detector), true, bytes),
    };
    match found.last_mut() {
        // Where one clear piece or one rest ends and the next begins means nothing.
        Some(last)
            if last.detector == detector
                && last.is_rest == is_rest
                && (is_rest || detector.is_none()) =>
        {
            last.bytes.extend_from_slice(bytes);
        }
        _ if bytes.is_empty() => {}
        _ => found.push(Found {
            detector,
            is_rest,
            bytes: bytes.to_vec(),
        }),
    }
}

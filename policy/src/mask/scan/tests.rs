use std::sync::Arc;

use proptest::prelude::*;

use super::{BLOCK, CARRY_LIMIT, HIT_LIMIT, Piece, Scanner, scan};
use crate::mask::detect::{CustomPattern, Detector, DetectorKind, DetectorSet, LOOK_AHEAD};

const CORPUS: &str = include_str!("../../../tests/corpus/detectors.tsv");

fn set() -> Arc<DetectorSet> {
    let pattern = |name, text, validator| CustomPattern::parse(name, text, validator).unwrap();
    let patterns = [
        pattern("employee", r"\bEMP-\d{6}\b", None),
        pattern("shouting", r"(?-u:\b)[A-Z]{5,40}!", None),
        pattern("start", r"^id=\d{1,9}", None),
        pattern("end", r"(?m)\d{3}$", None),
        pattern("checked", r"\d[ \d]{8,17}\d", Some("Luhn")),
        pattern("wide", r"(?u)\bß\w{1,20}\b", None),
    ];
    Arc::new(DetectorSet::compile(&DetectorKind::ALL, &patterns).unwrap())
}

/// What a reader would see: clear bytes, and a mark with the first bytes of each find.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    masked: Vec<u8>,
    finds: Vec<(Detector, Vec<u8>)>,
    /// All bytes of all pieces.
    whole: Vec<u8>,
}

impl Seen {
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Clear(bytes) => {
                self.masked.extend_from_slice(bytes);
                self.whole.extend_from_slice(bytes);
            }
            Piece::Hit { detector, bytes } => {
                self.masked
                    .extend_from_slice(format!("<{detector:?} {}>", bytes.len()).as_bytes());
                self.finds.push((detector, bytes.to_vec()));
                self.whole.extend_from_slice(bytes);
            }
            Piece::Rest { bytes, .. } => self.whole.extend_from_slice(bytes),
        }
    }
}

fn at_once(set: &DetectorSet, text: &[u8]) -> Seen {
    let mut seen = Seen::default();
    scan(set, text, &mut |piece| seen.take(piece));
    assert_eq!(seen.whole, text, "the pieces are the text");
    seen
}

fn in_chunks<'c>(set: &Arc<DetectorSet>, chunks: impl IntoIterator<Item = &'c [u8]>) -> Seen {
    let mut seen = Seen::default();
    let mut scanner = Scanner::new(set.clone());
    for chunk in chunks {
        scanner.feed(chunk, &mut |piece| seen.take(piece));
        assert!(scanner.waiting() <= CARRY_LIMIT);
    }
    scanner.finish(&mut |piece| seen.take(piece));
    seen
}

/// The texts of the corpus, without its marks.
fn texts() -> Vec<String> {
    let plain = |line: &str| {
        let text = line.splitn(3, '\t').nth(2).unwrap();
        text.replace(['⟦', '⟧'], "")
            .replace("{+}", "")
            .replace("\\n", "\n")
    };
    CORPUS.lines().map(plain).collect()
}

#[test]
fn every_text_of_the_corpus_is_cut_at_every_position() {
    let set = set();
    for text in texts().into_iter().step_by(7) {
        let text = text.as_bytes();
        let whole = at_once(&set, text);
        for cut in 0..=text.len() {
            let (first, second) = text.split_at(cut);
            assert_eq!(in_chunks(&set, [first, second]), whole, "cut at {cut}");
        }
    }
}

#[test]
fn texts_longer_than_the_carry_are_cut_at_every_position() {
    let set = set();
    let filler = "lorem ipsum 2024-05-01 12:34:56 dolor ".repeat(40);
    for text in texts().into_iter().step_by(97) {
        let text = format!("{filler}{text} {filler}");
        let whole = at_once(&set, text.as_bytes());
        let middle = filler.len();
        let end = text.len() - filler.len();
        for cut in (middle - 3..end + 3).chain(middle + LOOK_AHEAD..middle + LOOK_AHEAD + 40) {
            let (first, second) = text.as_bytes().split_at(cut);
            assert_eq!(in_chunks(&set, [first, second]), whole, "cut at {cut}");
        }
    }
}

#[test]
fn single_bytes_give_the_same_as_the_whole() {
    let set = set();
    let text = texts().join(" ");
    let text = &text.as_bytes()[..60_000];
    assert_eq!(in_chunks(&set, text.chunks(1)), at_once(&set, text));
    for size in [7, 64, 1000, 4096, BLOCK - 1, BLOCK, BLOCK + 1] {
        assert_eq!(
            in_chunks(&set, text.chunks(size)),
            at_once(&set, text),
            "{size}"
        );
    }
}

#[test]
fn key_longer_than_any_bound_is_masked_to_its_end_and_given_in_parts() {
    let set = set();
    let body = "QUJD".repeat(10 * HIT_LIMIT / 4);
    let key = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----");
    let text = format!("before {key} after");
    let whole = at_once(&set, text.as_bytes());
    assert_eq!(whole.masked, b"before <Kind(PrivateKey) 16384> after");
    for size in [1000, HIT_LIMIT, 3 * HIT_LIMIT] {
        assert_eq!(
            in_chunks(&set, text.as_bytes().chunks(size)),
            whole,
            "{size}"
        );
    }
}

#[test]
fn token_longer_than_a_view_is_masked_to_its_end() {
    let set = set();
    let header = "eyJhbGciOiJIUzI1NiIsImZha2UiOjF9";
    for length in [LOOK_AHEAD - 60, LOOK_AHEAD, 3 * LOOK_AHEAD, 2 * HIT_LIMIT] {
        let text = format!("x {header}.{}.c2ln y", "QUJD".repeat(length / 4));
        let whole = at_once(&set, text.as_bytes());
        assert!(whole.masked.starts_with(b"x <Kind(Jwt) ") && whole.masked.ends_with(b"> y"));
        assert_eq!(whole.finds.len(), 1);
        assert_eq!(
            in_chunks(&set, text.as_bytes().chunks(97)),
            whole,
            "{length}"
        );
    }
}

#[test]
fn find_of_exactly_the_limit_is_whole_and_one_more_byte_is_rest() {
    let set = set();
    let header = "eyJhbGciOiJIUzI1NiIsImZha2UiOjF9.";
    for (extra, rests) in [(0, 0), (1, 1)] {
        let token = format!("{header}{}", "a".repeat(HIT_LIMIT - header.len() + extra));
        let mut pieces = (0, 0);
        scan(&set, token.as_bytes(), &mut |piece| match piece {
            Piece::Hit { bytes, .. } => pieces.0 += bytes.len(),
            Piece::Rest { bytes, .. } => pieces.1 += bytes.len(),
            Piece::Clear(_) => panic!("all of it is a find"),
        });
        assert_eq!(pieces, (HIT_LIMIT, rests));
        assert_eq!(
            in_chunks(&set, token.as_bytes().chunks(100)),
            at_once(&set, token.as_bytes())
        );
    }
}

#[test]
fn second_key_behind_one_that_was_cut_off_is_masked_too() {
    let set = set();
    let key = |label: &str| format!("-----BEGIN {label}-----\n{}\n", "QUJDREVG".repeat(20));
    let text = format!(
        "{}{}-----END RSA PRIVATE KEY-----\nend",
        key("PRIVATE KEY"),
        key("RSA PRIVATE KEY")
    );
    let whole = at_once(&set, text.as_bytes());
    assert!(
        whole.masked.ends_with(b"\nend"),
        "{:?}",
        String::from_utf8_lossy(&whole.masked)
    );
    assert!(!whole.masked.windows(8).any(|part| part == b"QUJDREVG"));
}

#[test]
fn scanner_begins_anew_after_it_was_finished() {
    let set = set();
    let mut scanner = Scanner::new(set.clone());
    let mut seen = Vec::new();
    for _ in 0..2 {
        scanner.feed(b"id=42 jane@example.com", &mut |_| {});
        let mut text = Seen::default();
        scanner.finish(&mut |piece| text.take(piece));
        seen.push(text);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].finds.len(), 2);
    assert_eq!(scanner.waiting(), 0);
}

#[test]
fn nothing_is_held_beyond_the_carry_however_large_a_chunk() {
    let set = set();
    let text = "quiet words and 12 numbers, ".repeat(20_000);
    let mut scanner = Scanner::new(set);
    scanner.feed(text.as_bytes(), &mut |_| {});
    assert!(
        scanner.waiting() <= super::AHEAD + super::REACH_BACK,
        "{}",
        scanner.waiting()
    );
    assert!(
        scanner.held.capacity() <= 4 * BLOCK,
        "{}",
        scanner.held.capacity()
    );
}

/// Pieces of values, of near misses and of noise, stuck together.
fn mixture() -> impl Strategy<Value = Vec<u8>> {
    let texts = texts();
    let noise = prop_oneof![
        Just(b"-----".to_vec()),
        Just(b"@".to_vec()),
        Just(b" ".to_vec()),
        Just(b"eyJ".to_vec()),
        Just(b".".to_vec()),
        Just(b"://a:".to_vec()),
        Just(b"password=".to_vec()),
        Just(b"token ".to_vec()),
        Just(b"\xc3\xbc".to_vec()),
        Just(b"\xff\xfe".to_vec()),
        Just(vec![b'1'; 40]),
        Just(vec![b'a'; 1100]),
        Just(b"-----BEGIN PRIVATE KEY-----\n".to_vec()),
        Just(b"EMP-123456".to_vec()),
        Just("ßtraße".as_bytes().to_vec()),
        Just(b"dob ".to_vec()),
        Just(vec![b' '; 300]),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    let part = prop_oneof![
        3 => (0..texts.len()).prop_map(move |index| texts[index].clone().into_bytes()),
        2 => noise,
    ];
    proptest::collection::vec(part, 1..14).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cuts_give_the_same_as_the_whole(text in mixture(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..9)) {
        let set = set();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        let whole = at_once(&set, &text);
        prop_assert_eq!(in_chunks(&set, chunks), whole);
        prop_assert_eq!(set.is_clean(&text), set.find(&text).is_empty());
    }

    #[test]
    fn single_bytes_of_any_text_give_the_same(text in mixture()) {
        let set = set();
        prop_assert_eq!(in_chunks(&set, text.chunks(1)), at_once(&set, &text));
    }
}

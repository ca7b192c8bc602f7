//! How fast detectors pass over text: `cargo bench -p portcullis-policy --bench scan`.
//!
//! Twenty detectors: the built-in sixteen and four patterns.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench may fail loudly"
)]

use std::sync::Arc;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use portcullis_policy::mask::detect::{CustomPattern, DetectorKind, DetectorSet};
use portcullis_policy::mask::scan::Scanner;

const MIB: usize = 1 << 20;

fn main() {
    divan::main();
}

fn set() -> Arc<DetectorSet> {
    let patterns = [
        ("employee", r"\bEMP-\d{6}\b"),
        ("project", r"\b[A-Z]{3}-\d{4}-[A-Z]\b"),
        ("record", r"(?i)\bMRN[ :#]{0,3}\d{7,8}\b"),
        ("passport", r"\b[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8}\b"),
    ];
    let patterns = patterns.map(|(name, text)| CustomPattern::parse(name, text, None).unwrap());
    Arc::new(DetectorSet::compile(&DetectorKind::ALL, &patterns).unwrap())
}

/// Numbers without chance of their own, so that each run reads the same text.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// Rows as tables and logs have them: prose, names, numbers, times, UUIDs. Nothing to find.
fn rows() -> Vec<Vec<String>> {
    let mut chance = Sequence(7);
    let words = [
        "the", "shipment", "of", "copper", "lamps", "was", "delayed", "at", "harbour", "until",
        "Monday", "Ada", "Lovelace", "Grace", "Hopper", "Müller", "asked", "for", "another",
        "quote", "and", "a", "blue", "window",
    ];
    let mut row = |index: u64| {
        let mut number = |below: u64| chance.next() % below;
        let prose: Vec<&str> = (0..24)
            .map(|_| words[number(words.len() as u64) as usize])
            .collect();
        vec![
            (100_000 + index).to_string(),
            format!(
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                number(1 << 31),
                number(1 << 16),
                number(1 << 12),
                number(1 << 12),
                number(1 << 31)
            ),
            format!(
                "{} {}",
                words[11 + number(5) as usize],
                words[11 + number(5) as usize]
            ),
            prose.join(" ") + ".",
            format!("{}.{:02}", number(100_000), number(100)),
            format!(
                "2024-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                1 + number(12),
                1 + number(28),
                number(24),
                number(60),
                number(60),
                number(1000)
            ),
            format!("{}", 1_600_000_000 + number(100_000_000)),
            format!(
                "{:.6},{:.6}",
                number(90_000_000) as f64 / 1e6,
                number(180_000_000) as f64 / 1e6
            ),
            "active".to_owned(),
            format!("v{}.{}.{}", number(9), number(20), number(99)),
        ]
    };
    (0..4000).map(&mut row).collect()
}

fn text() -> String {
    rows()
        .iter()
        .map(|row| row.join("\t"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[divan::bench]
fn clean_text_whole(bencher: Bencher<'_, '_>) {
    let (set, text) = (set(), text());
    assert!(
        set.is_clean(text.as_bytes()),
        "{:?}",
        set.find(text.as_bytes()).first()
    );
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| set.find(black_box(text.as_bytes())));
}

#[divan::bench]
fn clean_text_built_in_only(bencher: Bencher<'_, '_>) {
    let (set, text) = (
        DetectorSet::compile(&DetectorKind::ALL, &[]).unwrap(),
        text(),
    );
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| set.find(black_box(text.as_bytes())));
}

#[divan::bench]
fn clean_text_in_fields(bencher: Bencher<'_, '_>) {
    let (set, rows) = (set(), rows());
    let bytes: usize = rows.iter().flatten().map(String::len).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let fields = black_box(&rows).iter().flatten();
        fields
            .filter(|field| set.is_clean(field.as_bytes()))
            .count()
    });
}

#[divan::bench]
fn clean_prose_in_fields(bencher: Bencher<'_, '_>) {
    let (set, rows) = (set(), rows());
    let bytes: usize = rows.iter().map(|row| row[3].len()).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let fields = black_box(&rows).iter().map(|row| &row[3]);
        fields
            .filter(|field| set.is_clean(field.as_bytes()))
            .count()
    });
}

#[divan::bench(args = [1400, 16_384, 65_536])]
fn clean_text_in_chunks(bencher: Bencher<'_, '_>, size: usize) {
    let (set, text) = (set(), text());
    bencher.counter(BytesCount::of_str(&text)).bench(|| {
        let (mut scanner, mut pieces) = (Scanner::new(set.clone()), 0);
        for chunk in black_box(text.as_bytes()).chunks(size) {
            scanner.feed(chunk, &mut |_| pieces += 1);
        }
        scanner.finish(&mut |_| pieces += 1);
        pieces
    });
}

#[divan::bench]
fn text_with_an_address_in_each_row(bencher: Bencher<'_, '_>) {
    let set = set();
    let text: String = rows()
        .iter()
        .map(|row| row.join("\t") + "\tjane.doe@example.com\n")
        .collect();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| set.find(black_box(text.as_bytes())));
}

/// Text made to hurt: each is what one detector looks at, over and over.
#[divan::bench(args = [
    "1", "@", "-----BEGIN ", "a.", "eyJ", "eyJhbGciOiJub25lIn0.", "a@b.", "://a:", "password=", "token ", "dob ", "4111 ",
    "1:", "a:b:", "-", "+1 ", "0", "(", "DE12", "secret=a1B2c3D4e5F6g7H8 ", "-----BEGIN PRIVATE KEY-----\nQUJDREVGR0hJSktMTU5P\n", "\u{fc}", " ",
])]
fn hostile(bencher: Bencher<'_, '_>, unit: &str) {
    let set = set();
    let text = unit.repeat(MIB / unit.len());
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| set.find(black_box(text.as_bytes())));
}

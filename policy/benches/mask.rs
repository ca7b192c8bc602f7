//! What masking costs: a value for each transform, and JSON that streams by.

#![allow(clippy::unwrap_used, reason = "a benchmark may fail by panicking")]

use std::fmt::Write;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::BytesCount;
use portcullis_policy::mask::DetectorKind;
use portcullis_policy::mask::json::{Documents, JsonMasker, JsonPath, JsonPlan};
use portcullis_policy::mask::text::{Finder, TextMask};
use portcullis_policy::mask::transform::{MaskKey, Transform, TypeClass};

/// How a stream is cut.
const CHUNK: usize = 16 * 1024;

const PATHS: [&str; 3] = ["$.items[*].customer.email", "$..ssn", "$.nothing"];

fn main() {
    divan::main();
}

fn key() -> MaskKey {
    MaskKey::new("bench", &[7; 32]).unwrap()
}

fn value(bencher: Bencher<'_, '_>, transform: &Transform, class: TypeClass, value: &str) {
    bencher.bench_local(|| transform.apply(class, divan::black_box(Some(value.as_bytes()))));
}

#[divan::bench]
fn redact_email(bencher: Bencher<'_, '_>) {
    value(
        bencher,
        &Transform::Redact,
        TypeClass::Text,
        "ann.smith@example.com",
    );
}

#[divan::bench]
fn partial_card(bencher: Bencher<'_, '_>) {
    let transform = Transform::Partial {
        keep_first: 0,
        keep_last: 4,
    };
    value(bencher, &transform, TypeClass::Text, "4111 1111 1111 1111");
}

#[divan::bench]
fn hash_email(bencher: Bencher<'_, '_>) {
    value(
        bencher,
        &Transform::Hash { key: key() },
        TypeClass::Text,
        "ann.smith@example.com",
    );
}

#[divan::bench]
fn tokenize_ssn(bencher: Bencher<'_, '_>) {
    value(
        bencher,
        &Transform::Tokenize { key: key() },
        TypeClass::Text,
        "123-45-6789",
    );
}

#[divan::bench]
fn tokenize_number(bencher: Bencher<'_, '_>) {
    value(
        bencher,
        &Transform::Tokenize { key: key() },
        TypeClass::Number,
        "1234567.89",
    );
}

/// A list of 5,000 orders: about a megabyte of short strings, numbers and names.
fn document() -> String {
    let mut json = String::from("{\"items\": [");
    for number in 0..5_000u32 {
        let comma = if number == 0 { "" } else { "," };
        write!(
            json,
            "{comma}\n  {{\"id\": {number}, \"status\": \"shipped\", \"total\": {number}.50, \
             \"customer\": {{\"name\": \"Ann Smith\", \"email\": \"ann{number}@example.com\"}}, \
             \"note\": \"leave it at the \\\"back door\\\", please\", \"tags\": [\"a\", null, true]}}"
        )
        .unwrap();
    }
    json.push_str("\n]}");
    json
}

fn json(bencher: Bencher<'_, '_>, paths: &[&str], text: Option<TextMask>) {
    let paths: Vec<JsonPath> = paths
        .iter()
        .map(|path| JsonPath::parse(path).unwrap())
        .collect();
    let plan = JsonPlan::compile(paths.iter().map(|path| (path, &Transform::Redact))).unwrap();
    let plan = Arc::new(plan.with_text(text.map(Arc::new)));
    let document = document();
    let mut out = Vec::with_capacity(2 * document.len());
    bencher
        .counter(BytesCount::of_str(&document))
        .bench_local(|| {
            out.clear();
            let mut masker = JsonMasker::new(plan.clone(), Documents::One);
            for chunk in document.as_bytes().chunks(CHUNK) {
                masker.push(chunk, &mut out).unwrap();
            }
            masker.finish(&mut out).unwrap()
        });
}

#[divan::bench]
fn json_untouched(bencher: Bencher<'_, '_>) {
    json(bencher, &["$.nothing.here"], None);
}

#[divan::bench]
fn json_untouched_deep_path(bencher: Bencher<'_, '_>) {
    json(bencher, &["$..nothing"], None);
}

#[divan::bench]
fn json_one_path_masked(bencher: Bencher<'_, '_>) {
    json(bencher, &["$.items[*].customer.email"], None);
}

#[divan::bench]
fn json_three_paths(bencher: Bencher<'_, '_>) {
    json(bencher, &PATHS, None);
}

#[divan::bench]
fn json_all_detectors(bencher: Bencher<'_, '_>) {
    let all = DetectorKind::ALL.map(|kind| (Finder::Kind(kind), Transform::Redact));
    json(bencher, &[], TextMask::compile(&all).unwrap());
}

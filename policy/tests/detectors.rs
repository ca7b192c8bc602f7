//! How well the detectors do on the labelled corpus does not get worse.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail loudly"
)]

mod corpus;

use portcullis_policy::mask::detect::DetectorKind;
use portcullis_policy::mask::text::{Finder, TextMask};
use portcullis_policy::mask::{Masked, Transform};

/// Precision and recall in per mille: what was measured when each was last raised. A change that
/// falls below is a regression; one that rises well above should raise its floor.
const FLOORS: [(DetectorKind, usize, usize); 16] = [
    (DetectorKind::CreditCard, 1000, 1000),
    (DetectorKind::SocialSecurityNumber, 1000, 1000),
    (DetectorKind::Email, 1000, 1000),
    (DetectorKind::Phone, 989, 1000),
    (DetectorKind::Iban, 1000, 1000),
    (DetectorKind::IpAddress, 1000, 1000),
    (DetectorKind::MacAddress, 1000, 1000),
    (DetectorKind::Jwt, 1000, 1000),
    (DetectorKind::AwsKey, 1000, 1000),
    (DetectorKind::GcpKey, 1000, 1000),
    (DetectorKind::GithubToken, 1000, 1000),
    (DetectorKind::SlackToken, 1000, 1000),
    (DetectorKind::PrivateKey, 1000, 1000),
    (DetectorKind::ConnectionString, 1000, 1000),
    (DetectorKind::DateOfBirth, 1000, 1000),
    (DetectorKind::ApiKey, 1000, 1000),
];

#[test]
fn precision_and_recall_do_not_fall() {
    let (scores, differences) = corpus::score(&corpus::rows());
    let fallen: Vec<String> = FLOORS
        .iter()
        .zip(&scores)
        .filter(|((kind, precision, recall), (scored, score))| {
            assert_eq!(kind, scored, "floors stand in the order of the detectors");
            score.precision() < *precision || score.recall() < *recall
        })
        .map(|(floor, (_, score))| format!("{floor:?}: {} {}", score.precision(), score.recall()))
        .collect();
    assert!(fallen.is_empty(), "{fallen:#?}\n{differences:#?}");
}

#[test]
fn corpus_is_large_and_half_of_it_are_near_misses() {
    let rows = corpus::rows();
    let misses = rows.iter().filter(|row| row.value.is_none()).count();
    assert!(rows.len() >= 1500, "{}", rows.len());
    assert!(misses * 2 >= rows.len(), "{misses} of {}", rows.len());
    for kind in DetectorKind::ALL {
        let of_kind = |is_hit: bool| {
            rows.iter()
                .filter(|row| row.kind == kind && row.value.is_some() == is_hit)
                .count()
        };
        assert!(of_kind(true) >= 50 && of_kind(false) >= 50, "{kind}");
    }
}

#[test]
fn corpus_has_no_line_twice() {
    let mut texts: Vec<_> = corpus::rows()
        .into_iter()
        .map(|row| (row.kind, row.text))
        .collect();
    let count = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), count);
}

/// Labels as `generate.py` made them: a payment card's number, or one that only looks large.
#[test]
fn numbers_are_found_where_they_are_cards_and_nowhere_else() {
    let card = (Finder::Kind(DetectorKind::CreditCard), Transform::Redact);
    let mask = TextMask::compile(&[card])
        .expect("compiles")
        .expect("finds");
    let mut hits = 0;
    let rows = include_str!("corpus/numbers.tsv").lines();
    for row in rows.clone() {
        let (label, number) = row.split_once('\t').expect("two fields");
        let expected = (label == "hit").then_some(Masked::Null);
        assert_eq!(mask.mask_number(number.as_bytes()), expected, "{row}");
        hits += usize::from(expected.is_some());
    }
    assert!(hits >= 20 && rows.count() >= hits + 200);
}

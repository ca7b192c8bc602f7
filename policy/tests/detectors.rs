//! How well the detectors do on the two labelled corpora does not get worse.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail loudly"
)]

mod corpus;

use corpus::Row;
use portcullis_policy::mask::detect::DetectorKind;

/// A detector with its precision and recall in per mille.
type Floor = (DetectorKind, usize, usize);

/// What was measured on the corpus that grew with the detectors when each was last raised. A
/// change that falls below is a regression; one that rises well above should raise its floor.
const GROWN: [Floor; 16] = [
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

/// What was measured on the corpus that was made without looking at the detectors, after what it
/// showed was mended. It has been looked at since: these figures are no estimate for unseen texts.
/// First measured, with all labels as made: precision 97.5 %, recall 95.3 % over all (474 of 497
/// found, 12 wrong); then, where a detector fell below 1000: SocialSecurityNumber 965 1000,
/// Email 906 1000, Phone 975 975, IpAddress 967 1000, MacAddress 966 966, Jwt 967 1000,
/// SlackToken 923 888, ConnectionString 966 966, DateOfBirth 1000 700, ApiKey 967 857.
///
/// Two labels were wrong and were corrected: `ab:cd:ef:01:23:45` is a hardware address, and
/// `password= dbname=x` gives the password `dbname=x`, for blanks around `=` do not count there.
const BLIND: [Floor; 16] = [
    (DetectorKind::CreditCard, 1000, 1000),
    (DetectorKind::SocialSecurityNumber, 965, 1000),
    (DetectorKind::Email, 1000, 1000),
    (DetectorKind::Phone, 1000, 1000),
    (DetectorKind::Iban, 1000, 1000),
    (DetectorKind::IpAddress, 1000, 1000),
    (DetectorKind::MacAddress, 1000, 967),
    (DetectorKind::Jwt, 967, 1000),
    (DetectorKind::AwsKey, 1000, 1000),
    (DetectorKind::GcpKey, 1000, 1000),
    (DetectorKind::GithubToken, 1000, 1000),
    (DetectorKind::SlackToken, 925, 925),
    (DetectorKind::PrivateKey, 1000, 1000),
    (DetectorKind::ConnectionString, 1000, 1000),
    (DetectorKind::DateOfBirth, 1000, 925),
    (DetectorKind::ApiKey, 972, 1000),
];

#[test]
fn precision_and_recall_do_not_fall() {
    keeps(&GROWN, &corpus::grown());
}

#[test]
fn precision_and_recall_do_not_fall_on_unseen_texts() {
    keeps(&BLIND, &corpus::blind());
}

#[test]
fn blind_corpus_has_enough_of_each_detector() {
    let rows = corpus::blind();
    assert!(rows.len() >= 900, "{}", rows.len());
    for kind in DetectorKind::ALL {
        assert!(
            count(&rows, kind, true) >= 25 && count(&rows, kind, false) >= 35,
            "{kind}"
        );
    }
}

#[test]
fn corpus_is_large_and_half_of_it_are_near_misses() {
    let rows = corpus::grown();
    let misses = rows.iter().filter(|row| row.value.is_none()).count();
    assert!(rows.len() >= 1500, "{}", rows.len());
    assert!(misses * 2 >= rows.len(), "{misses} of {}", rows.len());
    for kind in DetectorKind::ALL {
        assert!(
            count(&rows, kind, true) >= 50 && count(&rows, kind, false) >= 50,
            "{kind}"
        );
    }
}

#[test]
fn no_corpus_has_a_line_twice() {
    for rows in [corpus::grown(), corpus::blind()] {
        let mut texts: Vec<_> = rows.into_iter().map(|row| (row.kind, row.text)).collect();
        let count = texts.len();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), count);
    }
}

fn keeps(floors: &[Floor], rows: &[Row]) {
    let (scores, differences) = corpus::score(rows);
    let fallen: Vec<String> = floors
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

fn count(rows: &[Row], kind: DetectorKind, is_hit: bool) -> usize {
    rows.iter()
        .filter(|row| row.kind == kind && row.value.is_some() == is_hit)
        .count()
}

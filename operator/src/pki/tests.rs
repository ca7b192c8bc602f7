use k8s_openapi::jiff::Timestamp;

use super::{Authority, InvalidAuthority, LEAF_BEFORE, Leaf, certificates, is_signed_by};

const DAY: i64 = 24 * 60 * 60;
const NOW: i64 = 1_795_000_000;

fn day(count: i64) -> Timestamp {
    Timestamp::from_second(NOW + count * DAY).unwrap()
}

fn names() -> Vec<String> {
    ["orders-db", "orders-db.shop.svc", "localhost"]
        .map(str::to_owned)
        .into()
}

#[test]
fn a_ca_is_known_two_weeks_before_it_signs() {
    let first = Authority::new(day(0)).unwrap();
    assert_eq!(first.advanced(day(304)).unwrap(), None);
    let second = first.advanced(day(306)).unwrap().unwrap();
    let old = second.issue(&names(), day(306)).unwrap();
    assert!(is_signed_by(&old.certificate, &first.signing.certificate));
    assert_eq!(certificates(second.authorities().as_bytes()).len(), 2);
    assert_eq!(second.advanced(day(319)).unwrap(), None);
    let third = second.advanced(day(321)).unwrap().unwrap();
    let new = third.issue(&names(), day(321)).unwrap();
    assert!(!is_signed_by(&new.certificate, &first.signing.certificate));
    // Who knew what was told before verifies it, and old ones are vouched for still.
    assert!(second.authorities().contains(&third.signing.certificate));
    assert!(third.authorities().contains(&first.signing.certificate));
    assert_eq!(third.advanced(day(364)).unwrap(), None);
    let fourth = third.advanced(day(366)).unwrap().unwrap();
    assert!(!fourth.authorities().contains(&first.signing.certificate));
}

#[test]
fn a_ca_that_nobody_kept_is_made_anew() {
    let first = Authority::new(day(0)).unwrap();
    let late = first.advanced(day(400)).unwrap().unwrap();
    let leaf = late.issue(&names(), day(400)).unwrap();
    assert!(late.keeps(&leaf.to_data(), &names(), day(400)));
}

#[test]
fn a_ca_is_what_its_secret_says() {
    let first = Authority::new(day(0)).unwrap();
    let second = first.advanced(day(310)).unwrap().unwrap();
    let third = second.advanced(day(330)).unwrap().unwrap();
    for authority in [first.clone(), second, third] {
        assert_eq!(
            Authority::from_data(&authority.to_data()).unwrap(),
            authority
        );
    }
    let other = Authority::new(day(0)).unwrap();
    let mut mixed = first.to_data();
    mixed.insert("tls.key".to_owned(), other.to_data()["tls.key"].clone());
    let refused = Authority::from_data(&mixed);
    assert!(
        matches!(refused, Err(InvalidAuthority::Unreadable("tls.key"))),
        "{refused:?}"
    );
    let mut torn = first.to_data();
    torn.remove("tls.crt");
    let refused = Authority::from_data(&torn);
    assert!(
        matches!(refused, Err(InvalidAuthority::Missing("tls.crt"))),
        "{refused:?}"
    );
}

#[test]
fn a_certificate_stays_while_pair_names_time_and_ca_are_right() {
    let authority = Authority::new(day(0)).unwrap();
    let leaf = authority.issue(&names(), day(0)).unwrap();
    let data = leaf.to_data();
    assert_eq!(Leaf::from_data(&data), Some(leaf));
    assert!(authority.keeps(&data, &names(), day(3)));
    let before = i64::try_from(LEAF_BEFORE.as_secs()).unwrap() / DAY;
    assert!(!authority.keeps(&data, &names(), day(7 - before)));
    let more = [names(), vec!["other".to_owned()]].concat();
    assert!(!authority.keeps(&data, &more, day(1)));
    let next = authority.advanced(day(310)).unwrap().unwrap();
    let told = next.issue(&names(), day(310)).unwrap();
    assert!(next.keeps(&told.to_data(), &names(), day(310)));
    assert!(
        !authority.keeps(&told.to_data(), &names(), day(310)),
        "others vouch for it"
    );
    let other = Authority::new(day(0)).unwrap();
    assert!(!other.keeps(&data, &names(), day(1)));
    for key in ["tls.crt", "tls.key", "ca.crt"] {
        let mut torn = data.clone();
        torn.insert(key.to_owned(), b"not PEM".to_vec());
        assert!(!authority.keeps(&torn, &names(), day(1)), "{key}");
    }
}

#[test]
fn no_key_is_shown() {
    let authority = Authority::new(day(0)).unwrap();
    let leaf = authority.issue(&names(), day(0)).unwrap();
    let shown = format!("{authority:?} {leaf:?}");
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

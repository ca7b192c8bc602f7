use super::*;

#[test]
fn writer_names_are_one_harmless_path_segment() {
    for good in ["a", "0", "gateway-1.demo", &"a".repeat(MAX_WRITER_ID_BYTES)] {
        assert_eq!(good.parse::<WriterId>().unwrap().as_str(), good);
    }
    let long = "a".repeat(MAX_WRITER_ID_BYTES + 1);
    for bad in [
        "", ".", "..", "-a", ".a", "A", "a/b", "a\\b", "a b", "ä", "a\0", "a_b", &long,
    ] {
        assert_eq!(bad.parse::<WriterId>(), Err(InvalidWriterId), "{bad:?}");
    }
}

#[test]
fn session_names_are_32_hexadecimal_digits() {
    let text = "000102030405060708090a0b0c0d0eff";
    let session: SessionId = text.parse().unwrap();
    assert_eq!(session.bytes()[15], 0xff);
    assert_eq!(session.to_string(), text);
    assert!(SessionId::NONE.is_none() && !session.is_none());
    for bad in [
        "",
        "00",
        &text.replacen("0", "", 1),
        &format!("{text}0"),
        &text.replace('f', "g"),
    ] {
        assert_eq!(bad.parse::<SessionId>(), Err(InvalidSessionId), "{bad:?}");
    }
}

#[test]
fn timestamps_count_microseconds_and_survive_strange_clocks() {
    use std::time::{Duration, UNIX_EPOCH};
    assert_eq!(
        Timestamp::from(UNIX_EPOCH + Duration::from_millis(2)),
        Timestamp(2_000)
    );
    assert_eq!(
        Timestamp::from(UNIX_EPOCH - Duration::from_secs(1)),
        Timestamp(0)
    );
    assert_eq!(Timestamp(5).since(Timestamp(3)), Duration::from_micros(2));
    assert_eq!(Timestamp(3).since(Timestamp(5)), Duration::ZERO);
}

use super::*;

#[test]
fn durations_read_and_print_alike() {
    for (text, millis) in [
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("90s", 90_000),
        ("250ms", 250),
        ("1h2m3s4ms", 3_723_004),
        ("0s", 0),
        ("87600h", 87_600 * 3_600_000),
    ] {
        let read: Duration = text.parse().unwrap();
        assert_eq!(read.get(), time::Duration::from_millis(millis), "{text}");
        assert_eq!(
            read.to_string().parse::<Duration>().unwrap(),
            read,
            "{text}"
        );
    }
    assert_eq!("90s".parse::<Duration>().unwrap().to_string(), "1m30s");
}

#[test]
fn malformed_durations_are_refused_by_name() {
    for text in [
        "", "5", "m", "5 m", "-5m", "+5m", "1.5h", "5M", "5d", "5min", "0x5m", "٣m", "5m ",
        "1234567s",
    ] {
        assert_eq!(
            text.parse::<Duration>(),
            Err(InvalidDuration::Malformed(text.to_owned())),
            "{text:?}"
        );
    }
    for text in ["5m1h", "5m5m", "1s1ms1s"] {
        assert_eq!(
            text.parse::<Duration>(),
            Err(InvalidDuration::Disordered(text.to_owned()))
        );
    }
}

#[test]
fn ten_years_are_accepted_and_a_millisecond_more_is_not() {
    assert_eq!("87600h".parse::<Duration>().unwrap().get(), MAX_DURATION);
    assert_eq!(
        "87600h1ms".parse::<Duration>(),
        Err(InvalidDuration::TooLong("87600h1ms".to_owned()))
    );
}

#[test]
fn a_long_text_is_refused_without_being_repeated_whole() {
    let long = "1".repeat(10_000);
    let Err(InvalidDuration::Malformed(shown)) = long.parse::<Duration>() else {
        panic!("a text of 10,000 digits was read as a duration");
    };
    assert_eq!(shown.len(), 40);
}

#[test]
fn sizes_read_and_print_alike() {
    for (text, bytes) in [
        ("1Ki", 1 << 10),
        ("512Mi", 512 << 20),
        ("10Gi", 10 << 30),
        ("1024Ti", MAX_BYTES),
    ] {
        let read: Bytes = text.parse().unwrap();
        assert_eq!(read.get(), bytes, "{text}");
        assert_eq!(read.to_string().parse::<Bytes>().unwrap(), read);
    }
}

#[test]
fn malformed_and_oversize_sizes_are_refused_by_name() {
    for text in [
        "",
        "10",
        "Gi",
        "0Gi",
        "010Gi",
        "1.5Gi",
        "10G",
        "10gi",
        "-1Gi",
        "12345678Ki",
    ] {
        assert_eq!(
            text.parse::<Bytes>(),
            Err(InvalidBytes::Malformed(text.to_owned())),
            "{text:?}"
        );
    }
    assert_eq!(
        "1025Ti".parse::<Bytes>(),
        Err(InvalidBytes::TooLarge("1025Ti".to_owned()))
    );
}

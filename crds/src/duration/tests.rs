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
        ("99999h", 99_999 * 3_600_000),
        ("99999h60m", 100_000 * 3_600_000),
        ("99999h99999m99999s99999ms", 99_999 * 3_661_001),
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
        "", "5", "m", "5 m", "-5m", "+5m", "1.5h", "5M", "5d", "5min", "0x5m", "٣m", "5m ", "5m\n",
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
fn five_digits_before_a_unit_are_accepted_and_six_are_not() {
    assert_eq!(
        "99999s".parse::<Duration>().unwrap().get(),
        time::Duration::from_secs(99_999)
    );
    assert_eq!(
        "100000s".parse::<Duration>(),
        Err(InvalidDuration::Malformed("100000s".to_owned()))
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
        ("9999Ti", 9999 << 40),
    ] {
        let read: Bytes = text.parse().unwrap();
        assert_eq!(read.get(), bytes, "{text}");
        assert_eq!(read.to_string().parse::<Bytes>().unwrap(), read, "{text}");
    }
    assert_eq!("1024Mi".parse::<Bytes>().unwrap().to_string(), "1Gi");
}

#[test]
fn malformed_sizes_are_refused_by_name() {
    for text in [
        "", "10", "Gi", "0Gi", "010Gi", "1.5Gi", "10G", "10gi", "-1Gi", "10000Ti",
    ] {
        assert_eq!(
            text.parse::<Bytes>(),
            Err(InvalidBytes(text.to_owned())),
            "{text:?}"
        );
    }
}

#[test]
fn every_word_of_the_patterns_reads_and_no_other() {
    let duration = regex::Regex::new(DURATION_PATTERN).unwrap();
    let bytes = regex::Regex::new(BYTES_PATTERN).unwrap();
    // All texts of up to five signs over an alphabet that holds every unit.
    let alphabet = ["0", "7", "h", "m", "s", "K", "i", "T", "-", "."];
    let mut texts = vec![String::new()];
    let mut longest = texts.clone();
    for _ in 0..5 {
        longest = longest
            .iter()
            .flat_map(|text| alphabet.iter().map(move |sign| format!("{text}{sign}")))
            .collect();
        texts.extend(longest.iter().cloned());
    }
    assert_eq!(texts.len(), 111_111);
    for text in texts {
        // The schema's minLength is 2, which leaves the empty text out.
        let fits = duration.is_match(&text) && text.len() >= 2;
        assert_eq!(text.parse::<Duration>().is_ok(), fits, "{text:?}");
        assert_eq!(
            text.parse::<Bytes>().is_ok(),
            bytes.is_match(&text),
            "{text:?}"
        );
    }
}

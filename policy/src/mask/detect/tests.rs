use super::checksum::{base62, base64url, crc32, ean13, is_random, luhn, mod97};
use super::lead::Leads;
use super::pattern::{PATTERN_NEST_LIMIT, VALIDATED_MATCH_LIMIT};
use super::view::REACH_BACK;
use super::words::{WORD_LIMIT, Word};
use super::{
    CustomPattern, Detector, DetectorKind, DetectorSet, InvalidCustomPattern, InvalidDetectors,
    LOOK_AHEAD, PATTERN_MATCH_LIMIT, PATTERN_NAME_LIMIT, PATTERN_TEXT_LIMIT, SET_PATTERNS_LIMIT,
    Span,
};

fn pattern(text: &str) -> CustomPattern {
    CustomPattern::parse("p", text, None).unwrap()
}

fn refused(text: &str) -> InvalidCustomPattern {
    CustomPattern::parse("p", text, None).unwrap_err()
}

fn of_patterns(texts: &[(&str, Option<&str>)]) -> DetectorSet {
    let named = texts.iter().enumerate().map(|(index, (text, validator))| {
        CustomPattern::parse(&format!("p{index}"), text, *validator).unwrap()
    });
    DetectorSet::compile(&[], &named.collect::<Vec<_>>()).unwrap()
}

/// What is found, as text and detector.
fn found<'t>(set: &DetectorSet, text: &'t str) -> Vec<(&'t str, String)> {
    let name = |span: &Span| set.name(span.detector).to_owned();
    set.find(text.as_bytes())
        .iter()
        .map(|span| (text.get(span.start..span.end).unwrap(), name(span)))
        .collect()
}

#[test]
fn kinds_are_read_by_the_name_they_print() {
    for kind in DetectorKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    let error = "email".parse::<DetectorKind>().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("unknown detector `email`; one of: CreditCard, ")
    );
}

#[test]
fn pattern_is_refused_for_what_could_not_be_found_across_chunks() {
    assert_eq!(refused("a+"), InvalidCustomPattern::Unbounded);
    assert_eq!(refused("x.*y"), InvalidCustomPattern::Unbounded);
    assert_eq!(refused("a{3,}"), InvalidCustomPattern::Unbounded);
    assert_eq!(refused("a{0,3}"), InvalidCustomPattern::Empty);
    assert_eq!(refused(r"\b"), InvalidCustomPattern::Empty);
    assert_eq!(refused(""), InvalidCustomPattern::Empty);
    assert_eq!(refused("[^\\x00-\\xFF]"), InvalidCustomPattern::Never);
    assert_eq!(
        refused("ab(c"),
        InvalidCustomPattern::Syntax {
            column: 3,
            reason: "unclosed group".to_owned()
        }
    );
}

#[test]
fn pattern_limits_hold_at_the_limit_and_one_past_it() {
    pattern(&format!("a{{{PATTERN_MATCH_LIMIT}}}"));
    assert_eq!(
        refused(&format!("a{{{}}}", PATTERN_MATCH_LIMIT + 1)),
        InvalidCustomPattern::MatchTooLong {
            longest: PATTERN_MATCH_LIMIT + 1,
            limit: PATTERN_MATCH_LIMIT
        }
    );
    let validated = |length: usize| {
        CustomPattern::parse("p", &format!("[0-9]{{{length}}}"), Some("Luhn")).map(|_| ())
    };
    assert_eq!(validated(VALIDATED_MATCH_LIMIT), Ok(()));
    assert!(validated(VALIDATED_MATCH_LIMIT + 1).is_err());

    let alternatives =
        |length: usize| "a|".repeat((length - 1) / 2) + if length % 2 == 1 { "b" } else { "bb" };
    pattern(&alternatives(PATTERN_TEXT_LIMIT));
    assert_eq!(
        refused(&alternatives(PATTERN_TEXT_LIMIT + 1)),
        InvalidCustomPattern::TooLong(PATTERN_TEXT_LIMIT + 1)
    );

    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    pattern(&nested(PATTERN_NEST_LIMIT as usize));
    assert!(matches!(
        refused(&nested(PATTERN_NEST_LIMIT as usize + 1)),
        InvalidCustomPattern::Syntax { .. }
    ));
    assert_eq!(
        refused(r"(?u)(\w{50}|\pL{50}){1}"),
        InvalidCustomPattern::TooBig
    );

    let named = |length: usize| CustomPattern::parse(&"n".repeat(length), "a", None).map(|_| ());
    assert_eq!(named(PATTERN_NAME_LIMIT), Ok(()));
    assert!(named(PATTERN_NAME_LIMIT + 1).is_err() && named(0).is_err());
    assert_eq!(
        CustomPattern::parse("p", "a", Some("luhn")).unwrap_err(),
        InvalidCustomPattern::Validator("luhn".to_owned())
    );
}

#[test]
fn set_is_refused_for_too_many_patterns_and_for_names_used_twice() {
    let many = |count: usize| {
        let all: Vec<_> = (0..count)
            .map(|index| CustomPattern::parse(&format!("p{index}"), "abc", None).unwrap())
            .collect();
        DetectorSet::compile(&[], &all).map(|_| ())
    };
    assert_eq!(many(SET_PATTERNS_LIMIT), Ok(()));
    assert_eq!(
        many(SET_PATTERNS_LIMIT + 1),
        Err(InvalidDetectors::TooManyPatterns(257))
    );
    let twice = DetectorSet::compile(&[], &[pattern("a"), pattern("b")]).unwrap_err();
    assert_eq!(twice, InvalidDetectors::DuplicateName("p".to_owned()));
    let built_in = CustomPattern::parse("Email", "a", None).unwrap();
    assert!(DetectorSet::compile(&[], &[built_in]).is_err());
}

#[test]
fn last_pattern_of_a_full_set_is_found_too() {
    let texts: Vec<String> = (0..SET_PATTERNS_LIMIT)
        .map(|index| format!("key{index:03}"))
        .collect();
    let all = texts
        .iter()
        .map(|text| CustomPattern::parse(text, text, None).unwrap());
    let set = DetectorSet::compile(&[], &all.collect::<Vec<_>>()).unwrap();
    for last in ["key031", "key032", "key255"] {
        let text = format!("a {last} b");
        assert_eq!(found(&set, &text), [(last, last.to_owned())]);
        assert!(!set.is_clean(text.as_bytes()));
    }
    assert!(set.is_clean(b"a key256 b"));
}

#[test]
fn case_counts_in_patterns_unless_they_say_otherwise() {
    let set = of_patterns(&[("abc", None), ("(?i)xyz", None)]);
    assert!(found(&set, "ABC").is_empty());
    assert_eq!(found(&set, "XyZ"), [("XyZ", "p1".to_owned())]);
}

#[test]
fn pattern_sees_what_stands_around_its_match() {
    let set = of_patterns(&[
        (r"\bab\b", None),
        (r"^start", None),
        (r"end$", None),
        ("z", None),
    ]);
    assert_eq!(
        found(&set, "start ab cab abc end"),
        [
            ("start", "p1".to_owned()),
            ("ab", "p0".to_owned()),
            ("end", "p2".to_owned()),
        ]
    );
    assert!(found(&set, "a start, end of").is_empty());
    assert_eq!(found(&set, "z"), [("z", "p3".to_owned())]);
}

#[test]
fn match_that_a_validator_refuses_does_not_hide_the_one_behind_it() {
    let set = of_patterns(&[(r"[0-9][0-9 ]{11,18}", Some("Luhn"))]);
    assert_eq!(
        found(&set, "12 4111111111111111"),
        [("4111111111111111", "p0".to_owned())]
    );
    let set = of_patterns(&[(r"\b[A-Z]{2}\d{2}[A-Z0-9 ]{11,40}", Some("Iban"))]);
    assert_eq!(found(&set, "DE89370400440532013000").len(), 1);
    assert!(found(&set, "DE88370400440532013000").is_empty());
}

#[test]
fn first_to_begin_wins_then_the_longest_and_the_loser_keeps_the_rest() {
    let set = of_patterns(&[
        ("abc", None),
        ("abcd", None),
        ("cdefg", None),
        ("efg", None),
    ]);
    assert_eq!(
        found(&set, "abcdefgh"),
        [("abcd", "p1".to_owned()), ("efg", "p2".to_owned()),]
    );
    let same = of_patterns(&[("ab.", None), (".bc", None)]);
    assert_eq!(found(&same, "abc"), [("abc", "p0".to_owned())]);
}

#[test]
fn no_byte_of_a_find_is_left_clear_where_finds_overlap() {
    let set = DetectorSet::compile(&DetectorKind::ALL, &[pattern("[a-z]{4}@")]).unwrap();
    let text = "to jane@example.com";
    let spans = set.find(text.as_bytes());
    assert_eq!(spans.first().map(|span| span.start), Some(3));
    assert_eq!(spans.last().map(|span| span.end), Some(text.len()));
    assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
}

#[test]
fn only_the_kinds_that_were_asked_for_are_found() {
    let text = b"jane@example.com 4111 1111 1111 1111 10.0.0.1 dob 1985-03-12";
    for kind in DetectorKind::ALL {
        let set = DetectorSet::compile(&[kind, kind], &[]).unwrap();
        assert!(
            set.find(text)
                .iter()
                .all(|span| span.detector == Detector::Kind(kind))
        );
    }
    assert!(DetectorSet::compile(&[], &[]).unwrap().is_clean(text));
}

#[test]
fn bytes_that_are_no_text_are_read_too() {
    let set = DetectorSet::compile(&DetectorKind::ALL, &[]).unwrap();
    let text = b"\xff\xfe\x80 jane@example.com\x00\xc3";
    assert_eq!(set.find(text).len(), 1);
    let all: Vec<u8> = (0..=255).cycle().take(5000).collect();
    assert!(set.find(&all).len() < 5000);
}

#[test]
fn hostile_text_makes_no_more_finds_than_it_has_bytes() {
    let set = DetectorSet::compile(&DetectorKind::ALL, &[pattern(r"\d{4}")]).unwrap();
    let units = [
        "1",
        "@",
        "-----BEGIN ",
        "a.",
        "eyJ",
        "eyJhbGciOiJub25lIn0.",
        "a@b.",
        "://a:",
        "password=",
        "token ",
        "dob ",
        "4111 ",
        "1:",
        "+1 ",
        "DE12",
        "secret=a1B2c3D4e5F6g7H8 ",
        "1.1.1.1 ",
        "-----BEGIN PRIVATE KEY-----\nQUJDREVGR0hJSktMTU5P\n",
    ];
    for unit in units {
        let text = unit.repeat(60_000 / unit.len());
        let spans = set.find(text.as_bytes());
        assert!(spans.len() <= text.len() / 4, "{unit}: {}", spans.len());
        assert!(
            spans.windows(2).all(|pair| pair[0].end <= pair[1].start),
            "{unit}"
        );
        assert!(spans.iter().all(|span| span.start < span.end), "{unit}");
    }
}

#[test]
fn look_alikes_are_told_apart_by_what_ends_them() {
    let set = DetectorSet::compile(&DetectorKind::ALL, &[]).unwrap();
    let values = |text| -> Vec<&str> {
        found(&set, text)
            .into_iter()
            .map(|(text, _)| text)
            .collect()
    };
    for clean in [
        "app@tcp(db:3306)/shop",
        "app:@tcp(db:3306)/shop",
        "app:${DB_PASSWORD}@tcp(db:3306)/shop",
        "libfoo 2.0.4.1-3ubuntu2",
        "user@1000.service",
        "born 31-Feb-85",
        "glpat-your-token-goes-here-please",
    ] {
        assert!(values(clean).is_empty(), "{clean}: {:?}", values(clean));
    }
    for (text, value) in [
        ("x://app:pa:ss@tcp(db:3306)/shop", "pa:ss"),
        ("from 10.0.0.1-20", "10.0.0.1"),
        ("user@mail.service.example", "user@mail.service.example"),
        (
            "nacida el 15 de septiembre de 1980",
            "15 de septiembre de 1980",
        ),
        ("né le 3 août 1980", "3 août 1980"),
    ] {
        assert_eq!(values(text), [value], "{text}");
    }
}

#[test]
fn every_word_fits_what_a_stream_waits_for() {
    for (word, text) in Word::of(&DetectorKind::ALL) {
        assert!(
            text.len() <= WORD_LIMIT && text.len() <= REACH_BACK,
            "{word:?} {text}"
        );
    }
    const { assert!(PATTERN_MATCH_LIMIT + 8 <= LOOK_AHEAD) };
}

#[test]
fn leads_are_never_too_small() {
    let cases: [(&str, &[u8], bool); 12] = [
        ("abcd", b"abcd", true),
        ("abcd", b"abce", false),
        (r"\ba[0-9]{2}", b"a42!", true),
        (r"\ba[0-9]{2}", b"ab", false),
        ("(?:ab){1,3}x", b"abab", true),
        ("(?:ab){1,3}x", b"abx", true),
        ("(?:ab){1,3}x", b"axxx", false),
        ("a?b?c", b"c???", true),
        ("a|bc", b"a\xff\xff", true),
        ("(?u)é.", "éab".as_bytes(), true),
        ("(?i)key", b"KeY", true),
        ("[^a]b", b"ab", false),
    ];
    for (text, here, expected) in cases {
        let pattern = pattern(text);
        let leads = Leads::new([pattern.hir()].into_iter());
        assert_eq!(leads.candidates(here) & 1 == 1, expected, "{text} {here:?}");
    }
}

#[test]
fn checks_agree_with_published_examples() {
    assert!(luhn(b"79927398713") && !luhn(b"79927398710") && !luhn(b""));
    assert!(ean13(b"4006381333931") && !ean13(b"4006381333932") && !ean13(b"400638133393"));
    assert!(mod97(b"GB82 WEST 1234 5698 7654 32") && !mod97(b"GB83WEST12345698765432"));
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    assert_eq!(
        crc32(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"),
        base62(b"0mLq17").unwrap()
    );
    assert_eq!(base62(b"zzzzzz"), None);
    assert_eq!(base64url(b"eyJhIjoxfQ").as_deref(), Some(&b"{\"a\":1}"[..]));
    assert_eq!(base64url(b"a+b"), None);
    assert!(is_random(b"4f9K2x7Qw1Zp8Lr3") && !is_random(b"authentication-handler-2024"));
}

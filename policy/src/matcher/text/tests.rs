use super::*;

#[test]
fn text_patterns_are_found_anywhere_and_bounded() {
    let pattern = TextPattern::parse(r"(?i)\bdrop\s+table\b").unwrap();
    assert_eq!(pattern.matches("begin; DROP\n TABLE x"), Some(true));
    assert_eq!(pattern.matches("drop_table"), Some(false));
    assert!(
        TextPattern::parse("(a{100}){100}{100}")
            .unwrap_err()
            .reason
            .contains("bytes of memory")
    );
    assert!(
        TextPattern::parse("(")
            .unwrap_err()
            .reason
            .contains("unclosed group")
    );
    assert!(
        TextPattern::parse(r"(a)\1")
            .unwrap_err()
            .reason
            .contains("backreferences")
    );
    assert!(
        TextPattern::parse("(?=a)")
            .unwrap_err()
            .reason
            .contains("look-around")
    );
    let nested = format!("{}a{}", "(".repeat(40), ")".repeat(40));
    assert!(TextPattern::parse(&nested).is_err());
    assert!(TextPattern::parse(&"a".repeat(MAX_TEXT_PATTERN_LEN)).is_ok());
    let refused = TextPattern::parse(&"a".repeat(MAX_TEXT_PATTERN_LEN + 1)).unwrap_err();
    assert_eq!(
        refused.reason,
        "the pattern is 4097 bytes long; at most 4096 are allowed"
    );
}

/// Ones and noughts without an order, so that no table of a search is ever used twice.
fn noise(length: usize) -> String {
    let mut state = 12345_u64;
    let bits = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        if state >> 63 == 1 { '1' } else { '0' }
    });
    bits.take(length).collect()
}

#[test]
fn search_that_would_take_seconds_is_given_up() {
    for slow in ["1[01]{9000}x", r"(1|[01]){3000}\bx"] {
        let slow = TextPattern::parse(slow).unwrap();
        assert_eq!(slow.matches(&noise(1 << 16)), None);
        assert!(slow.find(&noise(1 << 16)).is_err());
        assert_eq!(slow.matches(&noise(100)), Some(false));
        assert_eq!(slow.find(&noise(100)), Ok(None));
    }
}

#[test]
fn long_text_is_searched_to_its_end_by_a_usual_pattern() {
    let pattern = TextPattern::parse(r"(?i)\bdrop\s+table\b").unwrap();
    let long = "insert into t values ('it''s', 12); ".repeat(100_000);
    assert_eq!(pattern.matches(&long), Some(false));
    for ends in [
        format!("{long}drop  TABLE t"),
        format!("é{long}édrop  TABLE"),
    ] {
        assert_eq!(pattern.matches(&ends), Some(true));
        assert_eq!(pattern.find(&ends), Ok(Some("drop  TABLE")));
    }
    assert_eq!(pattern.matches(&format!("é{long}ä")), Some(false));
}

#[test]
fn a_misspelt_pattern_is_told_on_one_line_with_its_place() {
    for (pattern, told) in [
        ("(", "unclosed group (at character 1)"),
        ("é\n[a", "unclosed character class (at character 3)"),
        (
            "a{2,1}",
            "invalid repetition count range, the start must be <= the end (at character 2)",
        ),
        (
            r"\p{Nowhere}",
            "Unicode property not found (at character 1)",
        ),
        ("a**{", "unclosed counted repetition (at character 4)"),
    ] {
        let refused = TextPattern::parse(pattern).unwrap_err().to_string();
        assert_eq!(refused, told, "{pattern}");
    }
}

#[test]
fn edges_of_words_are_those_of_ascii_and_classes_know_unicode() {
    for (pattern, text, expected) in [
        (r"\bdrop\b", "édrop", true),
        (r"\bdrop\b", "_drop", false),
        (r"\Bdrop", "xdrop", true),
        (r"\Bdrop", "édrop", false),
        (r"\b{start}drop\b{end}", "(drop)", true),
        (r"\b{start-half}drop\b{end-half}", "drops", false),
        (r"^\w+\s+(drop|TABLE)?x{2,3}$", "é\u{a0}dropxx", true),
        (r"(?i)É", "é", true),
    ] {
        let pattern = TextPattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches(text), Some(expected), "{pattern} {text}");
        assert_eq!(pattern.find(text).unwrap().is_some(), expected, "{pattern}");
    }
}

#[test]
fn many_patterns_are_searched_for_at_once_in_any_text() {
    let pattern = |n| TextPattern::parse(&format!(r"(?i)\bforbidden{n}\s+word\b")).unwrap();
    let patterns: Vec<TextPattern> = (0..512).map(pattern).collect();
    let all = TextPatterns::new(&patterns).unwrap();
    let long = "select 'é' from orders where id = 12; ".repeat(2_000);
    assert!(all.matches(&long).unwrap().is_empty());
    let found = all
        .matches(&format!("{long} Forbidden7 word, forbidden511\nword"))
        .unwrap();
    let found: Vec<usize> = found.iter().map(|pattern| pattern.as_usize()).collect();
    assert_eq!(found, [7, 511]);
}

/// How many states a search of this pattern goes through, as the bound counts them.
fn states_of(pattern: &TextPattern) -> usize {
    pattern.steps("x")
}

/// What a bound is for: at it a search is exact, however dear; one byte past it this pattern's
/// tables, which noise makes grow for ever, are given up.
#[test]
fn a_search_is_exact_up_to_its_steps_and_given_up_past_them() {
    let slow = TextPattern::parse("1[01]{9000}x").unwrap();
    let most = MAX_TEXT_STEPS / states_of(&slow);
    assert_eq!(slow.matches(&noise(most)), Some(false));
    assert_eq!(slow.matches(&noise(most + 1)), None);
    // The same with a bound that the caller gives.
    let steps = states_of(&slow) * 1_500;
    assert_eq!(slow.matches_within(&noise(1_500), steps), Some(false));
    assert_eq!(slow.matches_within(&noise(1_500), steps - 1), None);

    let slow = TextPattern::parse("1[01]{24}x").unwrap();
    let most = MAX_SEARCH_STEPS / states_of(&slow);
    assert_eq!(slow.find(&noise(most)), Ok(None));
    assert!(slow.find(&noise(most + 1)).is_err());
}

/// The largest count that is accepted, of a pattern that grows with it.
fn largest(accepts: impl Fn(usize) -> bool) -> usize {
    let (mut fits, mut too_large) = (1, 100_000);
    assert!(accepts(fits) && !accepts(too_large));
    while too_large - fits > 1 {
        let middle = fits.midpoint(too_large);
        match accepts(middle) {
            true => fits = middle,
            false => too_large = middle,
        }
    }
    fits
}

#[test]
fn a_pattern_takes_its_memory_and_no_more() {
    let pattern = |count: usize| TextPattern::parse(&format!("[01]{{{count}}}x"));
    let most = largest(|count| pattern(count).is_ok());
    let takes = |count| {
        let nfa = pattern(count).unwrap();
        nfa.tables.forward().get_nfa().memory_usage()
    };
    // One more state would not fit; a state takes at most some forty bytes.
    assert!(takes(most) <= MAX_TEXT_PATTERN_BYTES);
    assert!(takes(most) > MAX_TEXT_PATTERN_BYTES / 4, "{}", takes(most));
    assert_eq!(
        pattern(most + 1).unwrap_err().reason,
        "the pattern would take more than 1048576 bytes of memory; shorten its repetitions"
    );
}

/// Past what a search for all of them may take, each is searched for by itself.
#[test]
fn patterns_share_a_search_up_to_its_memory() {
    let pattern = |n: usize| TextPattern::parse(&format!("{n}[01]{{9000}}x")).unwrap();
    let patterns: Vec<TextPattern> = (0..64).map(pattern).collect();
    let most = (1..=patterns.len())
        .take_while(|count| TextPatterns::new(&patterns[..*count]).is_some())
        .count();
    assert!(most < patterns.len(), "all of them fit");
    let shared = TextPatterns::new(&patterns[..most]).unwrap();
    let takes = shared.tables.get_nfa().memory_usage();
    assert!(
        takes <= MAX_SHARED_BYTES && takes > MAX_SHARED_BYTES / 4,
        "{most} take {takes}"
    );
}

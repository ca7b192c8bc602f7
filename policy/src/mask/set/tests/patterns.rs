//! Custom patterns of several rules.

use super::*;

/// `count` rules with `patterns` patterns each, none like another.
fn rules_with_patterns(count: usize, patterns: usize) -> Vec<MaskRule> {
    let pattern = |n: usize| CustomPattern::parse("p", &format!("secret{n:04}"), None).unwrap();
    let rules = (0..count).map(|at| MaskRule {
        patterns: (at * patterns..(at + 1) * patterns).map(pattern).collect(),
        ..rule(&format!("r{at}"), Transform::Redact)
    });
    rules.collect()
}

#[test]
fn patterns_of_many_rules_are_found_together() {
    let full = rules_with_patterns(8, 32);
    let mask = set(&full).text();
    for secret in ["secret0000", "secret0031", "secret0032", "secret0255"] {
        assert_eq!(
            mask.mask(TypeClass::Text, Some(secret.as_bytes())),
            text(REDACTED)
        );
    }
    let more = MaskSet::compile(&rules_with_patterns(257, 1)).unwrap_err();
    let more: Vec<String> = more.iter().map(ToString::to_string).collect();
    assert_eq!(more, ["257 custom patterns together; at most 256"]);
}

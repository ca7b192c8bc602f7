use super::*;

fn object(kind: &str, uid: &str, generation: i64) -> Versioned {
    Versioned {
        kind: kind.to_owned(),
        uid: uid.to_owned(),
        generation,
    }
}

#[test]
fn revision_is_the_digest_of_the_sorted_objects() {
    // SHA-256 of nothing, and of the encoding written out by hand:
    // printf '\0\0\0\0\0\0\0\1A\0\0\0\0\0\0\0\1b\0\0\0\0\0\0\0\7' | sha256sum
    assert_eq!(
        revision([]),
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        revision([object("A", "b", 7)]),
        "sha256:69efbd68cd1b41aac09284e203febdecf2e1aef1576aa5e70dea7d05fbef609f"
    );
}

#[test]
fn order_and_repetition_do_not_count() {
    let (a, b) = (
        object("GuardrailPolicy", "1", 1),
        object("MaskingRule", "2", 4),
    );
    assert_eq!(
        revision([a.clone(), b.clone()]),
        revision([b.clone(), a.clone(), b])
    );
}

#[test]
fn every_part_counts() {
    let base = revision([object("GuardrailPolicy", "12", 3)]);
    for other in [
        vec![object("MaskingRule", "12", 3)],
        vec![object("GuardrailPolicy", "13", 3)],
        vec![object("GuardrailPolicy", "12", 4)],
        vec![object("GuardrailPolicy1", "2", 3)],
        vec![
            object("GuardrailPolicy", "12", 3),
            object("GuardrailPolicy", "13", 3),
        ],
        vec![],
    ] {
        assert_ne!(revision(other.clone()), base, "{other:?}");
    }
}

mod numbers;
mod patterns;

use super::*;
use crate::mask::field::{MustRefuse, Outcome};
use crate::mask::json::InvalidJson;
use crate::mask::transform::{Masked, REDACTED, TypeClass};
use crate::mask::{CustomPattern, DetectorKind, JsonPath, PlaceStep};
use crate::rule::{Origin, SubjectSelector};
use crate::subject::Subject;

const CARD: &str = "4111111111111111";

fn rule(name: &str, transform: Transform) -> MaskRule {
    MaskRule {
        name: ObjectName::new("shop", name),
        origin: Origin::Tenant,
        subjects: vec![],
        exempt: vec![],
        columns: vec![],
        json_paths: vec![],
        keys: vec![],
        headers: vec![],
        detectors: vec![],
        patterns: vec![],
        transform,
        predicates: Predicates::Equality,
        ddl: DdlRule::Deny,
    }
}

fn columns(name: &str, transform: Transform, columns: &[&str]) -> MaskRule {
    let columns = columns
        .iter()
        .map(|column| ColumnPattern::parse(column).unwrap())
        .collect();
    MaskRule {
        columns,
        ..rule(name, transform)
    }
}

fn detect(transform: Transform) -> MaskRule {
    MaskRule {
        detectors: vec![DetectorKind::CreditCard],
        ..rule("detect", transform)
    }
}

fn partial(keep_first: usize, keep_last: usize) -> Transform {
    Transform::Partial {
        keep_first,
        keep_last,
    }
}

fn set(rules: &[MaskRule]) -> MaskSet {
    MaskSet::compile(rules).unwrap()
}

fn text(text: &str) -> Result<Outcome, MustRefuse> {
    Ok(Outcome::Value(Masked::Text(text.to_owned())))
}

fn names(rules: &[ObjectName]) -> Vec<&str> {
    rules.iter().map(|rule| rule.name.as_str()).collect()
}

#[test]
fn no_rules_mask_nothing() {
    let set = set(&[]);
    assert!(set.is_empty() && !set.has_columns() && !set.has_paths() && !set.has_detectors());
    let mask = set.column(&["public", "customers", "email"]);
    assert_eq!(mask.transform(), None);
    assert!(mask.passes(TypeClass::Text) && mask.passes(TypeClass::Json));
    assert_eq!(
        mask.mask(TypeClass::Text, Some(CARD.as_bytes())),
        Ok(Outcome::Unchanged)
    );
    assert!(set.json(Documents::One).is_none() && set.text_mask().is_none());
    assert_eq!(set.denies_ddl(), None);
}

#[test]
fn a_column_is_masked_by_all_rules_that_name_it() {
    let rules = [
        columns("wide", partial(2, 2), &["public.customers.*"]),
        columns("narrow", partial(0, 4), &["**.email", "public.**.email"]),
        columns("other", Transform::Nullify, &["public.orders.email"]),
    ];
    for rules in [rules.clone(), {
        let [a, b, c] = rules;
        [c, b, a]
    }] {
        let set = set(&rules);
        let mask = set.column(&["public", "customers", "email"]);
        assert_eq!(mask.transform(), Some(&partial(0, 2)));
        let mut rules = names(mask.rules());
        rules.sort_unstable();
        assert_eq!(rules, ["narrow", "wide"]);
        assert_eq!(
            mask.mask(TypeClass::Text, Some(b"ann@example.com")),
            text("*************om")
        );
        assert_eq!(mask.mask(TypeClass::Text, None), Ok(Outcome::Unchanged));
        assert_eq!(
            mask.mask(TypeClass::Number, Some(b"42")),
            Ok(Outcome::Value(Masked::Null))
        );
        assert!(!mask.passes(TypeClass::Text) && !mask.passes(TypeClass::Number));
        let order = set.column(&["public", "orders", "email"]);
        assert_eq!(order.transform(), Some(&Transform::Nullify));
        assert_eq!(set.column(&["public", "orders", "id"]).transform(), None);
    }
}

#[test]
fn keys_and_headers_are_matched() {
    let set = set(&[MaskRule {
        keys: vec![Glob::parse("session:*").unwrap()],
        headers: vec![HeaderName::parse("Set-Cookie").unwrap()],
        ..rule("r", Transform::Redact)
    }]);
    assert!(!set.is_empty());
    assert_eq!(
        set.key("session:1").mask(TypeClass::Text, Some(b"x")),
        text(REDACTED)
    );
    assert_eq!(set.key("Session:1").transform(), None);
    assert_eq!(
        set.header("set-COOKIE").mask(TypeClass::Text, Some(b"x")),
        text(REDACTED)
    );
    assert_eq!(set.header("cookie").transform(), None);
}

#[test]
fn what_is_derived_from_a_masked_column_is_redacted() {
    let set = set(&[
        columns("p", partial(0, 4), &["public.customers.phone"]),
        columns("n", Transform::Nullify, &["public.customers.ssn"]),
    ]);
    let [id, phone, ssn] = ["id", "phone", "ssn"].map(|column| ["public", "customers", column]);
    assert_eq!(set.derived([&id[..]]).transform(), None);
    assert_eq!(
        set.derived([&id[..], &phone[..]]).transform(),
        Some(&Transform::Redact)
    );
    assert_eq!(
        set.derived([&phone[..], &ssn[..]]).transform(),
        Some(&Transform::Nullify)
    );
    assert_eq!(set.untraced().transform(), Some(&Transform::Redact));
}

#[test]
fn detectors_look_at_fields_without_a_rule_of_their_own() {
    let set = set(&[detect(Transform::Redact)]);
    let mask = set.column(&["public", "notes", "body"]);
    let value = format!("paid by {CARD}");
    let value = Some(value.as_bytes());
    assert_eq!(
        mask.mask(TypeClass::Text, value),
        text("paid by [redacted]")
    );
    assert_eq!(
        mask.mask(TypeClass::Text, Some(b"paid")),
        Ok(Outcome::Unchanged)
    );
    for class in [TypeClass::Array, TypeClass::Other] {
        assert_eq!(
            mask.mask(class, value),
            Ok(Outcome::Value(Masked::Null)),
            "{class:?}"
        );
        assert_eq!(
            mask.mask(class, Some(b"{paid}")),
            Ok(Outcome::Unchanged),
            "{class:?}"
        );
        assert!(!mask.passes(class));
    }
    for class in [TypeClass::Boolean, TypeClass::Temporal, TypeClass::Bytes] {
        assert_eq!(
            mask.mask(class, Some(CARD.as_bytes())),
            Ok(Outcome::Unchanged),
            "{class:?}"
        );
        assert!(mask.passes(class));
    }
}

#[test]
fn a_find_in_a_partly_shown_value_makes_it_stricter() {
    let phone = columns("p", partial(0, 4), &["**.note"]);
    let set = set(&[phone, detect(Transform::Redact)]);
    let mask = set.column(&["s", "t", "note"]);
    assert_eq!(
        mask.mask(TypeClass::Text, Some(b"0123456789")),
        text("******6789")
    );
    assert_eq!(
        mask.mask(TypeClass::Text, Some(CARD.as_bytes())),
        text(REDACTED)
    );
}

#[test]
fn a_json_value_is_masked_by_paths_and_detectors_or_refused() {
    let paths = MaskRule {
        json_paths: vec![JsonPath::parse("$..ssn").unwrap()],
        ..rule("paths", Transform::Redact)
    };
    let set = set(&[paths, detect(partial(0, 4))]);
    assert!(set.has_paths());
    let mask = set.column(&["s", "t", "document"]);
    let value = format!(r#"{{"ssn" : 1, "note":"pay {CARD}", "n":{CARD}}}"#);
    let expected = r#"{"ssn" : null, "note":"pay ************1111", "n":null}"#;
    assert_eq!(
        mask.mask(TypeClass::Json, Some(value.as_bytes())),
        text(expected)
    );
    assert_eq!(
        mask.mask(TypeClass::Json, Some(b"{\"a\" : [1]}")),
        Ok(Outcome::Unchanged)
    );
    assert_eq!(
        mask.mask(TypeClass::Json, Some(b"{\"a\"")),
        Err(MustRefuse::Json(InvalidJson::Truncated))
    );
}

fn json(set: &MaskSet, document: &str) -> String {
    let run = |chunks: &[&[u8]]| {
        let mut masker = set.json(Documents::One).unwrap();
        let mut out = Vec::new();
        chunks
            .iter()
            .for_each(|chunk| masker.push(chunk, &mut out).unwrap());
        masker.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let whole = run(&[document.as_bytes()]);
    for cut in 0..document.len() {
        let (a, b) = document.as_bytes().split_at(cut);
        assert_eq!(run(&[a, b]), whole, "cut at {cut}");
    }
    whole
}

#[test]
fn detectors_in_json_see_through_escapes_and_keep_them() {
    let set = set(&[detect(Transform::Redact)]);
    for (document, expected) in [
        (format!(r#"["{CARD}"]"#), r#"["[redacted]"]"#.to_owned()),
        (
            r#"["\u0034111111111111111"]"#.into(),
            r#"["[redacted]"]"#.into(),
        ),
        (
            format!(r#"["\u00e9\/ é {CARD} \u003c\ud83d\ude00"]"#),
            r#"["\u00e9\/ é [redacted] \u003c\ud83d\ude00"]"#.into(),
        ),
        (
            r#"["\u0034\u0031\/ \u00e9"]"#.into(),
            r#"["\u0034\u0031\/ \u00e9"]"#.into(),
        ),
        (format!(r#"{{"{CARD}":1}}"#), r#"{"[redacted]":1}"#.into()),
        (format!("[{CARD}]"), "[null]".into()),
        // Not looked at: what two strings make together.
        (
            r#"["41111111","11111111"]"#.into(),
            r#"["41111111","11111111"]"#.into(),
        ),
    ] {
        assert_eq!(json(&set, &document), expected);
    }
}

#[test]
fn a_path_goes_by_the_name_as_it_came() {
    let path = JsonPath::parse(&format!("$['{CARD}']")).unwrap();
    let paths = MaskRule {
        json_paths: vec![path],
        ..rule("p", Transform::Nullify)
    };
    let document = format!(r#"{{"{CARD}":"x","y":"z"}}"#);
    assert_eq!(
        json(&set(&[paths, detect(Transform::Redact)]), &document),
        r#"{"[redacted]":null,"y":"z"}"#
    );
}

#[test]
fn a_partly_shown_string_with_a_find_is_redacted() {
    let path = JsonPath::parse("$.note").unwrap();
    let paths = MaskRule {
        json_paths: vec![path],
        ..rule("p", partial(0, 4))
    };
    let set = set(&[paths, detect(Transform::Redact)]);
    let document = format!(r#"{{"note":"{CARD}"}}"#);
    assert_eq!(json(&set, &document), r#"{"note":"[redacted]"}"#);
    assert_eq!(
        json(&set, r#"{"note":"0123\u0034567"}"#),
        r#"{"note":"****4567"}"#
    );
}

#[test]
fn replacements_in_json_are_escaped() {
    let quote = CustomPattern::parse("q", r#"k"[^"]{6}""#, None).unwrap();
    let rule = MaskRule {
        patterns: vec![quote],
        ..rule("q", partial(2, 1))
    };
    assert_eq!(
        json(&set(&[rule]), r#"["k\"\u0061bcdef\""]"#),
        r#"["k\"******\""]"#
    );
}

#[test]
fn the_strictest_verdict_on_columns_is_told() {
    let lax = MaskRule {
        predicates: Predicates::Allow,
        ddl: DdlRule::Allow,
        ..columns("lax", Transform::Redact, &["public.t.a"])
    };
    let strict = MaskRule {
        predicates: Predicates::Deny,
        ..columns("strict", Transform::Redact, &["public.t.b"])
    };
    let set = set(&[lax.clone(), strict]);
    let [a, b, c] = ["a", "b", "c"].map(|column| ["public", "t", column]);
    for (asked, predicates, rules) in [
        (vec![], Predicates::Allow, vec![]),
        (vec![&c[..]], Predicates::Allow, vec![]),
        (vec![&a[..]], Predicates::Allow, vec!["lax"]),
        (
            vec![&b[..], &a[..]],
            Predicates::Deny,
            vec!["lax", "strict"],
        ),
    ] {
        let verdict = set.verdict(asked);
        assert_eq!(
            (verdict.predicates, names(&verdict.rules)),
            (predicates, rules)
        );
    }
    let denying = set.denies_ddl().map(|rule| rule.name.as_str());
    assert_eq!(denying, Some("strict"));
    assert_eq!(super::tests::set(&[lax]).denies_ddl(), None);
    // A rule without columns does not speak of definitions.
    assert_eq!(
        super::tests::set(&[detect(Transform::Redact)]).denies_ddl(),
        None
    );
    assert!(set.touches(&["public", "t"]) && !set.touches(&["public", "u"]));
}

#[test]
fn a_tenants_exemption_never_weakens_the_platforms_rule() {
    let everybody = |name: &str| SubjectSelector::User(Glob::parse(name).unwrap());
    let platform = MaskRule {
        origin: Origin::Platform,
        ..columns("platform", Transform::Redact, &["**.ssn"])
    };
    let tenant = MaskRule {
        exempt: vec![everybody("*")],
        ..columns("tenant", Transform::Nullify, &["**.ssn"])
    };
    let ann = Subject {
        username: "ann".into(),
        ..Subject::default()
    };
    let applying: Vec<MaskRule> = [platform, tenant]
        .into_iter()
        .filter(|rule| rule.applies_to(&ann))
        .collect();
    assert_eq!(applying.len(), 1);
    let mask = set(&applying).column(&["s", "t", "ssn"]);
    assert_eq!(mask.transform(), Some(&Transform::Redact));
}

#[test]
fn a_rule_applies_to_those_it_names_and_does_not_exempt() {
    let user = |name: &str| SubjectSelector::User(Glob::parse(name).unwrap());
    let ann = Subject {
        username: "ann".into(),
        ..Subject::default()
    };
    for (subjects, exempt, expected) in [
        (vec![], vec![], true),
        (vec![user("ann")], vec![], true),
        (vec![user("bob")], vec![], false),
        (vec![], vec![user("a*")], false),
        (vec![user("ann")], vec![user("ann")], false),
        (vec![user("ann")], vec![user("bob")], true),
    ] {
        let rule = MaskRule {
            subjects,
            exempt,
            ..rule("r", Transform::Redact)
        };
        assert_eq!(rule.applies_to(&ann), expected, "{rule:?}");
    }
}

#[test]
fn all_that_cannot_be_compiled_is_told_at_once() {
    let path = JsonPath::parse("$.a.b.c.d").unwrap();
    let pattern = |n: usize| CustomPattern::parse("p", &format!("secret{n}"), None).unwrap();
    let rule = MaskRule {
        json_paths: vec![path; crate::mask::json::MAX_PLAN_STEPS / 4 + 1],
        patterns: (0..=crate::mask::detect::PATTERNS_LIMIT)
            .map(pattern)
            .collect(),
        ..rule("r", Transform::Redact)
    };
    let errors = MaskSet::compile(&[rule]).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "shop/r has 33 custom patterns; at most 32 are allowed",
            "the JSON paths have 8196 steps in all; at most 8192 are allowed",
        ]
    );
}

#[test]
fn the_strictest_verdict_on_a_place_in_documents_is_told() {
    let paths = |name, predicates, path| MaskRule {
        json_paths: vec![JsonPath::parse(path).unwrap()],
        predicates,
        ..rule(name, Transform::Redact)
    };
    let set = set(&[
        paths("lax", Predicates::Allow, "$.card"),
        paths("by_value", Predicates::Equality, "$..number"),
        paths("strict", Predicates::Deny, "$.pin"),
        columns("other", Transform::Redact, &["public.t.card"]),
    ]);
    for (key, predicates, coverage, rules) in [
        ("name", Predicates::Allow, Coverage::None, vec![]),
        ("pin", Predicates::Deny, Coverage::Whole, vec!["strict"]),
        (
            "number",
            Predicates::Equality,
            Coverage::Whole,
            vec!["by_value"],
        ),
    ] {
        let steps = vec![PlaceStep::Key(key.to_owned())];
        let asked = |whole, steps| DocumentPlace { steps, whole };
        let (verdict, covered) = set.place_verdict(&asked(false, steps));
        let told = (verdict.predicates, covered, names(&verdict.rules));
        assert_eq!(told, (predicates, coverage, rules), "{key}");
        let below = ["card", key].map(|key| PlaceStep::Key(key.to_owned()));
        let (verdict, covered) = set.place_verdict(&asked(false, below.into()));
        // What a rule allows counts for no other.
        let piece = key == "number";
        assert_eq!(covered == Coverage::Whole, piece, "{key}");
        assert_eq!(verdict.rules.len(), 1 + usize::from(piece), "{key}");
    }
}

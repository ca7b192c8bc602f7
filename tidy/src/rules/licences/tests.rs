use super::*;

#[test]
fn expressions_are_judged() {
    for (licence, answer) in [
        ("MIT", Some(true)),
        ("MPL-2.0", Some(false)),
        ("MIT OR GPL-3.0-only", Some(true)),
        ("MIT AND GPL-3.0-only", Some(false)),
        ("MIT/Apache-2.0", Some(true)),
        ("GPL-3.0 / AGPL-3.0", Some(false)),
        // AND binds closer than OR.
        ("MIT OR GPL-3.0-only AND AGPL-3.0-only", Some(true)),
        ("(MIT OR GPL-3.0-only) AND AGPL-3.0-only", Some(false)),
        ("ISC AND (Apache-2.0 OR ISC) AND (X OR MIT-0)", Some(true)),
        ("Apache-2.0 WITH LLVM-exception", Some(true)),
        ("GPL-2.0 WITH Classpath-exception-2.0", Some(false)),
        ("mit", Some(false)),
    ] {
        assert_eq!(allowed(licence), answer, "{licence}");
    }
}

#[test]
fn what_is_no_expression_is_not_allowed() {
    for licence in [
        "",
        "MIT OR",
        "AND MIT",
        "MIT Apache-2.0",
        "(MIT",
        "MIT)",
        "MIT WITH",
        "()",
    ] {
        assert_eq!(allowed(licence), None, "{licence}");
    }
}

#[test]
fn brackets_are_read_to_the_limit_and_no_deeper() {
    let nested = |depth| format!("{}MIT{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(allowed(&nested(MAX_DEPTH)), Some(true));
    assert_eq!(allowed(&nested(MAX_DEPTH + 1)), None);
}

#[test]
fn a_package_without_a_licence_is_found() {
    let package = |licence: Option<&str>| Licensed {
        name: "x".to_owned(),
        version: "1.0.0".to_owned(),
        licence: licence.map(str::to_owned),
    };
    let found = check(&[
        package(None),
        package(Some("MIT")),
        package(Some("AGPL-3.0-only")),
    ]);
    let facts: Vec<_> = found.iter().map(|f| f.fact.as_str()).collect();
    assert_eq!(
        facts,
        [
            "`x` 1.0.0 names no licence",
            "`x` 1.0.0 is under `AGPL-3.0-only`, which is not on the list",
        ]
    );
}

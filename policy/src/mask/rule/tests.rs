use super::*;

fn column(pattern: &str) -> ColumnPattern {
    ColumnPattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

#[test]
fn columns_match_by_all_their_segments() {
    for (pattern, name, expected) in [
        (
            "public.customers.email",
            ["public", "customers", "email"],
            true,
        ),
        (
            "public.customers.email",
            ["sales", "customers", "email"],
            false,
        ),
        (
            "PUBLIC.Customers.Email",
            ["public", "customers", "email"],
            true,
        ),
        (
            "public.customers.\"Email\"",
            ["public", "customers", "Email"],
            true,
        ),
        (
            "public.customers.\"Email\"",
            ["public", "customers", "email"],
            false,
        ),
        (
            "public.customers.*",
            ["public", "customers", "anything"],
            true,
        ),
        ("public.*.ssn", ["public", "people", "ssn"], true),
        ("public.cust*.e?ail", ["public", "customers", "email"], true),
        ("**.ssn", ["any", "table", "ssn"], true),
        ("**.ssn", ["any", "ssn", "other"], false),
        ("public.**", ["public", "t", "c"], true),
        ("**", ["s", "t", "c"], true),
        ("public.orders_1.c", ["public", "ordersx1", "c"], false),
        (r"public.\*.c", ["public", "*", "c"], true),
        (r"public.\*.c", ["public", "x", "c"], false),
        ("public.\"a.b\".c", ["public", "a.b", "c"], true),
    ] {
        assert_eq!(
            column(pattern).matches(&name),
            expected,
            "{pattern} {name:?}"
        );
    }
}

#[test]
fn a_table_is_touched_when_a_column_of_it_may_match() {
    for (pattern, table, expected) in [
        ("public.customers.email", ["public", "customers"], true),
        ("public.customers.email", ["public", "orders"], false),
        ("public.*.email", ["public", "orders"], true),
        ("**.email", ["any", "table"], true),
        ("public.**", ["public", "t"], true),
        ("public.**", ["sales", "t"], false),
        ("public.customers.**", ["public", "customers"], true),
        ("public.customers.**", ["public", "orders"], false),
        ("public.**.email", ["public", "t"], true),
        ("a.**.b.c", ["a", "b"], true),
        ("a.**.b.c", ["a", "x"], false),
        ("**.customers.**", ["s", "customers"], true),
        // A column called `customers` may be in any table.
        ("**.customers.**", ["s", "t"], true),
        ("**", ["s", "t"], true),
    ] {
        assert_eq!(
            column(pattern).touches(&table),
            expected,
            "{pattern} {table:?}"
        );
    }
}

#[test]
fn a_pattern_that_matches_no_column_is_refused() {
    for pattern in [
        "email",
        "customers.email",
        "db.public.customers.email",
        "**.a.b.c.d",
    ] {
        let error = ColumnPattern::parse(pattern).expect_err(pattern);
        assert!(error.reason.contains("`schema.table.column`"), "{error}");
    }
    for pattern in [
        "",
        "public..email",
        "public.customers.\"email",
        "a.b.c\\",
        "a.b.**x",
    ] {
        assert!(ColumnPattern::parse(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn headers_are_compared_without_case() {
    let name = HeaderName::parse("Set-Cookie").unwrap();
    assert_eq!(name.as_str(), "set-cookie");
    assert!(name.matches("SET-COOKIE") && name.matches("set-cookie"));
    assert!(!name.matches("set-cookie2") && !name.matches("set_cookie"));
    for wrong in ["", "a b", "a:b", "é", "a\r\n", "a(b)"] {
        assert!(HeaderName::parse(wrong).is_err(), "{wrong:?}");
    }
    assert!(HeaderName::parse(&"a".repeat(MAX_HEADER_NAME_BYTES)).is_ok());
    let error = HeaderName::parse(&"a".repeat(MAX_HEADER_NAME_BYTES + 1)).unwrap_err();
    assert_eq!(
        error.reason,
        "the header's name is 257 bytes long; at most 256 are allowed"
    );
    assert_eq!(HeaderName::parse("x y").unwrap_err().position, Some(2));
}

#[test]
fn words_are_read_as_they_are_written() {
    assert_eq!("Equality".parse(), Ok(Predicates::Equality));
    assert_eq!("Deny".parse(), Ok(DdlRule::Deny));
    assert!("equality".parse::<Predicates>().is_err());
    assert!(Predicates::Deny > Predicates::Equality && Predicates::Equality > Predicates::Allow);
    assert!(DdlRule::Deny > DdlRule::Allow);
}

use super::*;
use crate::operation::{Resource, ResourceKind};

fn named(kind: ResourceKind, segments: &[&str]) -> Resource {
    Resource::Named {
        kind,
        segments: segments.iter().map(|s| (*s).to_owned()).collect(),
    }
}

fn glob(pattern: &str) -> Glob {
    Glob::parse(pattern).unwrap()
}

fn resource(pattern: &str) -> ResourcePattern {
    ResourcePattern::parse(pattern).unwrap()
}

#[test]
fn stars_and_question_marks_match_runs_and_single_characters() {
    for (pattern, name, expected) in [
        ("orders", "orders", true),
        ("orders", "order", false),
        ("orders", "orders2", false),
        ("*", "", true),
        ("*", "anything at all", true),
        ("?", "", false),
        ("?", "é", true),
        ("?", "ab", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("a?*", "a", false),
        ("a?*", "ab", true),
        ("*a?", "xaxab", true),
        ("**", "x", true),
        ("ab*ab", "ab", false),
        ("ab*ab", "abab", true),
    ] {
        assert_eq!(glob(pattern).matches(name), expected, "{pattern} on {name}");
    }
}

#[test]
fn all_but_star_question_mark_and_backslash_is_literal() {
    for (pattern, name, expected) in [
        ("a_b%", "a_b%", true),
        ("a_b%", "axbc", false),
        ("[ab]", "a", false),
        ("[ab]", "[ab]", true),
        ("{a,b}", "a", false),
        (r"a\*b", "a*b", true),
        (r"a\*b", "axb", false),
        (r"\?", "?", true),
        (r"\?", "x", false),
        (r"\\", r"\", true),
        (r"\a", "a", true),
        ("A", "a", false),
    ] {
        assert_eq!(glob(pattern).matches(name), expected, "{pattern} on {name}");
    }
}

#[test]
fn many_stars_take_no_more_than_quadratic_time() {
    let pattern = glob(&"a*".repeat(MAX_PATTERN_LEN / 2));
    assert!(!pattern.matches(&format!("{}b", "a".repeat(400))));
    let pattern = glob(&format!("{}b", "*a".repeat(500)));
    assert!(!pattern.matches(&"a".repeat(20_000)));
}

#[test]
fn literal_globs_match_only_themselves() {
    for name in ["", "a*b", r"back\slash", "what?"] {
        let pattern = Glob::literal(name);
        assert!(pattern.matches(name));
        assert!(!pattern.matches(&format!("{name}x")));
        if !name.is_empty() {
            assert!(glob(pattern.as_str()).matches(name));
        }
    }
}

#[test]
fn empty_overlong_and_dangling_names_are_refused() {
    let reason = |pattern: &str| Glob::parse(pattern).unwrap_err().to_string();
    assert_eq!(
        reason(""),
        "the pattern is empty; write `*` to match any name"
    );
    assert_eq!(
        reason("abc\\"),
        "`\\` at the end escapes nothing; write `\\\\` for a backslash (at character 4)"
    );
    assert!(Glob::parse(&"a".repeat(MAX_PATTERN_LEN)).is_ok());
    assert_eq!(
        reason(&"a".repeat(MAX_PATTERN_LEN + 1)),
        "the pattern is 1025 bytes long; at most 1024 are allowed"
    );
}

#[test]
fn resources_match_by_segment_and_depth() {
    use ResourceKind::*;
    for (pattern, kind, segments, expected) in [
        (
            "table:public.orders",
            Table,
            &["public", "orders"][..],
            true,
        ),
        ("table:public.orders", Schema, &["public", "orders"], false),
        ("table:public.*", Table, &["public", "orders"], true),
        ("table:public.*", Table, &["private", "orders"], false),
        ("table:**", Table, &["public", "orders"], true),
        ("table:**.orders", Table, &["public", "orders"], true),
        ("table:public.orders_*", Table, &["public", "orders"], false),
        (
            "table:public.orders_*",
            Table,
            &["public", "orders_2024"],
            true,
        ),
        ("schema:*", Schema, &["public"], true),
        ("key:*", Key, &["user:1:name/x.y"], true),
        ("key:user:*", Key, &["user:1:name"], true),
        ("key:user:*", Key, &["session:1"], false),
        ("path:/etc/**", Path, &["etc", "ssh", "config"], true),
        ("path:/etc/**", Path, &["etc"], true),
        ("path:/etc/*", Path, &["etc", "ssh", "config"], false),
        ("path:/**/config", Path, &["etc", "ssh", "config"], true),
        ("path:/", Path, &[], true),
        ("path:/", Path, &["etc"], false),
        ("program:/usr/bin/*", Program, &["/usr/bin/rm"], true),
        ("address:10.0.0.*:5432", Address, &["10.0.0.7:5432"], true),
        (
            "k8s:prod/apps/deployments/scale/web",
            K8s,
            &["prod", "apps", "deployments", "scale", "web"],
            true,
        ),
        (
            "k8s:*/-/secrets/-/*",
            K8s,
            &["prod", "-", "secrets", "-", "db"],
            true,
        ),
        (
            "k8s:*/-/secrets/-/*",
            K8s,
            &["prod", "-", "secrets", "status", "db"],
            false,
        ),
        (
            "k8s:prod/**",
            K8s,
            &["prod", "-", "pods", "exec", "web"],
            true,
        ),
    ] {
        assert_eq!(
            resource(pattern).matches(&named(kind, segments)),
            expected,
            "{pattern} on {segments:?}"
        );
    }
}

#[test]
fn database_names_fold_unless_quoted_and_other_kinds_keep_case() {
    use ResourceKind::*;
    for (pattern, kind, segments, expected) in [
        (
            "table:Public.ORDERS",
            Table,
            &["public", "orders"][..],
            true,
        ),
        (
            r#"table:public."Orders""#,
            Table,
            &["public", "Orders"],
            true,
        ),
        (
            r#"table:public."Orders""#,
            Table,
            &["public", "orders"],
            false,
        ),
        (
            r#"table:public."Odd.Name""#,
            Table,
            &["public", "Odd.Name"],
            true,
        ),
        (r#"table:public."a*""#, Table, &["public", "ab"], false),
        (r#"table:public."a*""#, Table, &["public", "a*"], true),
        (r#"table:public."a""b""#, Table, &["public", "a\"b"], true),
        (r#"table:public."Ord"*"#, Table, &["public", "Orders"], true),
        (r#"role:"""#, Role, &[""], true),
        (r"table:public.a\.b", Table, &["public", "a.b"], true),
        ("table:public.Ä", Table, &["public", "Ä"], true),
        ("path:/Etc", Path, &["etc"], false),
        ("key:User", Key, &["user"], false),
        (r#"key:"x""#, Key, &["\"x\""], true),
    ] {
        assert_eq!(
            resource(pattern).matches(&named(kind, segments)),
            expected,
            "{pattern} on {segments:?}"
        );
    }
}

#[test]
fn what_could_not_be_resolved_matches_no_pattern() {
    let unresolved = Resource::Unresolved {
        kind: ResourceKind::Table,
    };
    assert!(!resource("table:**").matches(&unresolved));
}

#[test]
fn resource_patterns_that_mean_nothing_are_refused_with_what_would_be_right() {
    for (pattern, expected) in [
        (
            "orders",
            "a resource is written `kind:path`, such as `table:public.orders`",
        ),
        (
            "tabel:public.orders",
            "`tabel` is no kind of resource; write one of: database, schema, table, function, \
             role, key, path, program, address, k8s (at character 1)",
        ),
        (
            "table:orders",
            "a table is written `schema.table`: 2 segments, not 1; `**` stands for any number",
        ),
        (
            "table:a.b.c",
            "a table is written `schema.table`: 2 segments, not 3; `**` stands for any number",
        ),
        (
            "table:public.",
            "a segment is empty; `\"\"` is an empty name (at character 13)",
        ),
        (
            "table:.orders",
            "a segment is empty; `\"\"` is an empty name (at character 7)",
        ),
        (
            "path:/etc//passwd",
            "a segment is empty; write `*` for any (at character 10)",
        ),
        (
            "table:public.a**",
            "`**` stands for whole segments; within one segment write `*` (at character 16)",
        ),
        (
            "table:public.a**b",
            "`**` stands for whole segments; within one segment write `*` (at character 17)",
        ),
        (
            "path:/***",
            "`**` stands for whole segments; within one segment write `*` (at character 8)",
        ),
        (
            r#"table:public."orders"#,
            "this quote is never closed (at character 14)",
        ),
        (
            r"key:a\",
            "`\\` at the end escapes nothing; write `\\\\` for a backslash (at character 6)",
        ),
        (
            "k8s:prod/secrets",
            "a k8s is written `namespace/group/resource/subresource/name`: 5 segments, not 2; \
             `**` stands for any number",
        ),
        (
            "key:",
            "a segment is empty; write `*` for any (at character 5)",
        ),
    ] {
        assert_eq!(
            ResourcePattern::parse(pattern).unwrap_err().to_string(),
            expected,
            "{pattern}"
        );
    }
}

#[test]
fn segments_are_counted_up_to_their_limit() {
    let deep = |count: usize| format!("path:{}", "/a".repeat(count));
    assert!(ResourcePattern::parse(&deep(MAX_SEGMENTS)).is_ok());
    let refused = ResourcePattern::parse(&deep(MAX_SEGMENTS + 1)).unwrap_err();
    assert!(
        refused.reason.starts_with("more than 32 segments"),
        "{refused}"
    );
}

#[test]
fn many_double_stars_take_no_more_than_quadratic_time() {
    let pattern = resource(&format!("path:{}/b", "/**/a".repeat(15)));
    let path: Vec<String> = std::iter::repeat_n("a".to_owned(), 5_000).collect();
    assert!(!pattern.matches(&Resource::Named {
        kind: ResourceKind::Path,
        segments: path
    }));
}

#[test]
fn keys_of_paths_begin_with_the_prefix_of_every_pattern_that_matches() {
    let long = "x".repeat(200);
    for (pattern, segments) in [
        ("path:/etc/ssh*", vec!["etc", "sshd"]),
        ("path:/**/b", vec!["a", "b"]),
        (
            &format!("path:/{long}/b*") as &str,
            vec![&long as &str, "bc"],
        ),
        (&format!("path:/{long}"), vec![&long]),
        ("path:/a*", vec!["a"]),
    ] {
        let pattern = resource(pattern);
        let segments: Vec<String> = segments.into_iter().map(str::to_owned).collect();
        let key = PathKey::of(ResourceKind::Path, &segments);
        assert!(
            key.as_bytes()
                .starts_with(pattern.literal_prefix().as_bytes()),
            "{pattern}"
        );
        assert!(
            SegmentPattern::match_path(&pattern.segments, &segments),
            "{pattern}"
        );
    }
}

#[test]
fn words_that_are_not_listed_are_refused_with_the_list() {
    use crate::operation::{Effect, Flag};
    let refused = "read".parse::<Effect>().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`read` is no effect; write one of: Session, Read, Write, Define, Administer, Unknown"
    );
    for (effect, word) in Effect::ALL {
        assert_eq!(word.parse(), Ok(*effect));
    }
    for (flag, word) in Flag::ALL {
        assert_eq!(
            (word.parse(), flag.to_string().as_str()),
            (Ok(*flag), *word)
        );
    }
    for (kind, word) in ResourceKind::ALL {
        assert_eq!(word.parse(), Ok(*kind));
    }
}

//! Each limit at the limit and past it, and texts made to do harm.

use proptest::prelude::*;

use super::*;

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

#[test]
fn a_file_of_the_most_bytes_is_read_and_one_byte_more_is_not() {
    let head = format!("{}data: {{a: ", config_map("a"));
    let fill = MAX_FILE_BYTES - head.len() - 2;
    let text = format!("{head}{}}}\n", "x".repeat(fill));
    assert_eq!(text.len(), MAX_FILE_BYTES);
    assert_eq!(read(text.as_bytes()).unwrap().config_maps.len(), 1);
    let longer = format!("{text}\n");
    assert_eq!(
        errors(&longer),
        "the file has 1048577 bytes; at most 1048576 are read, so split it"
    );
}

#[test]
fn the_most_bytes_of_all_files_are_read_and_one_byte_more_is_not() {
    let comment = format!("#{}", " ".repeat(MAX_FILE_BYTES - 1));
    let mut reader = Reader::new();
    for _ in 0..MAX_TOTAL_BYTES / MAX_FILE_BYTES {
        reader.add("a.yaml", comment.as_bytes());
    }
    reader.add("empty.yaml", b"");
    assert_eq!(reader.errors, []);
    reader.add("b.yaml", b"#");
    assert_eq!(
        reader.finish().unwrap_err()[0].to_string(),
        "b.yaml: with this file there are more than 67108864 bytes; no more are read together"
    );
}

#[test]
fn the_most_documents_are_read_and_one_more_is_not() {
    let text = |count: usize| -> String {
        (0..count)
            .map(|i| format!("---\n{}", config_map(&format!("a{i}"))))
            .collect()
    };
    assert_eq!(
        read(text(MAX_DOCUMENTS).as_bytes())
            .unwrap()
            .config_maps
            .len(),
        MAX_DOCUMENTS
    );
    assert!(
        errors(&text(MAX_DOCUMENTS + 1))
            .starts_with("document 1001: the file has more than 1000 documents; split it")
    );
}

#[test]
fn the_most_objects_are_read_and_one_more_is_not() {
    let mut reader = Reader::new();
    for file in 0..MAX_OBJECTS / MAX_DOCUMENTS {
        let text: String = (0..MAX_DOCUMENTS)
            .map(|i| format!("---\n{}", config_map(&format!("a{file}-{i}"))))
            .collect();
        reader.add("many.yaml", text.as_bytes());
    }
    reader.add("one-more.yaml", config_map("b").as_bytes());
    let wrong = reader.finish().unwrap_err();
    assert_eq!(
        wrong[0].to_string(),
        "one-more.yaml: document 1: there are more than 10000 objects; write fewer (line 3, column 18)"
    );
    assert_eq!(wrong.len(), 1);
}

#[test]
fn the_deepest_document_is_read_as_yaml_and_one_deeper_is_not() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let nested = |depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
        let (roots, wrong) = tree::parse(&nested(MAX_DEPTH));
        assert_eq!((roots.len(), wrong.len()), (1, 0), "{open}");
        let (roots, wrong) = tree::parse(&nested(MAX_DEPTH + 1));
        assert_eq!((roots.len(), wrong.len()), (0, 1), "{open}");
        assert_eq!(
            wrong[0].reason,
            "lists and maps nest deeper than 32; write them flatter"
        );
    }
    let block = |depth: usize| {
        (0..depth)
            .map(|i| format!("{}a:\n", " ".repeat(i)))
            .collect::<String>()
    };
    assert_eq!(tree::parse(&block(MAX_DEPTH)).1, []);
    assert_eq!(tree::parse(&block(MAX_DEPTH + 1)).1.len(), 1);
}

#[test]
fn the_most_keys_and_values_are_read_and_one_more_is_not() {
    // The list itself counts too.
    let list = |count: usize| format!("[{}]", "1,".repeat(count));
    assert_eq!(tree::parse(&list(MAX_NODES - 1)).1, []);
    let wrong = tree::parse(&list(MAX_NODES)).1;
    assert_eq!(wrong.len(), 1);
    assert_eq!(
        wrong[0].reason,
        "the file has more than 200000 keys and values; split it"
    );
    // They are counted over all documents of a file.
    let half = list(MAX_NODES / 2);
    assert_eq!(tree::parse(&format!("{half}\n---\n{half}\n")).1.len(), 1);
}

#[test]
fn no_more_than_the_most_errors_are_told() {
    let broken = |count: usize| -> String {
        (0..count)
            .map(|i| format!("---\n{}bogus: 1\n", config_map(&format!("a{i}"))))
            .collect()
    };
    assert_eq!(errors(&broken(MAX_ERRORS)).lines().count(), MAX_ERRORS);
    let told = errors(&broken(MAX_ERRORS + 5));
    assert_eq!(told.lines().count(), MAX_ERRORS + 1);
    assert_eq!(told.lines().last(), Some("5 more errors are not listed"));
}

#[test]
fn bounds_of_the_schema_hold_at_the_bound_and_past_it() {
    let rules = |count: usize| {
        let rules: String = (0..count)
            .map(|i| format!("  - {{name: r{i}, match: {{effects: [Read]}}, action: Allow}}\n"))
            .collect();
        POLICY.split("  - name").next().unwrap().to_owned() + &rules
    };
    assert!(read(rules(64).as_bytes()).is_ok());
    assert_eq!(
        errors(&rules(65)),
        "document 1: spec.rules: has 65 entries; it may have at most 64 (line 8, column 5)"
    );
    let message = |length: usize| format!("{POLICY}    message: {}\n", "é".repeat(length));
    assert!(read(message(512).as_bytes()).is_ok());
    assert_eq!(
        errors(&message(513)),
        "document 1: spec.rules[0].message: has 513 characters; it may have at most 512 (line 11, column 14)"
    );
    let port =
        |port: i64| CONNECTION.replace("  protocol:", &format!("  port: {port}\n  protocol:"));
    assert!(read(port(65535).as_bytes()).is_ok());
    assert!(read(port(1).as_bytes()).is_ok());
    assert_eq!(
        errors(&port(65536)),
        "document 1: spec.port: 65536 is too large; write at most 65535 (line 6, column 9)"
    );
    assert_eq!(
        errors(&port(0)),
        "document 1: spec.port: 0 is too small; write at least 1 (line 6, column 9)"
    );
}

#[test]
fn keys_of_lists_are_there_once() {
    let text =
        format!("{POLICY}  - name: reads\n    match: {{effects: [Write]}}\n    action: Deny\n");
    assert_eq!(
        errors(&text),
        "document 1: spec.rules[1]: an entry with the same name is there already; keep one (line 11, column 5)"
    );
    // A key that is left out counts as its default.
    let text = POLICY.replace(
        "targetSelector: {}",
        "targetRefs: [{name: a}, {kind: Connection, name: a}]",
    );
    assert_eq!(
        errors(&text),
        "document 1: spec.targetRefs[1]: an entry with the same group and kind and name is there already; keep one (line 5, column 27)"
    );
}

#[test]
fn texts_made_to_do_harm_are_refused_quickly() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        "a: &a [*a]\n".to_owned(),
        "a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n".to_owned(),
        "\"".repeat(100_000),
        format!("a: |\n{}", " x\n".repeat(100_000)),
        "---\n".repeat(100_000),
        format!("{}: a", "k".repeat(500_000)),
        "\u{0}".repeat(1_000),
        "a: \"\\ud800\"\n".to_owned(),
        "%TAG ! tag:x,2000:\n".repeat(10_000),
        "#".repeat(1_000_000),
        "\t".repeat(10_000),
    ] {
        // Either nothing is in it or it is refused; it never ends the process.
        let result = read(text.as_bytes());
        assert!(
            result.is_err() || result == Ok(Documents::default()),
            "{}",
            text.chars().take(20).collect::<String>()
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[ -~\n\t\u{e9}\u{feff}]{0,200}") {
        let _ = read(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn a_damaged_document_is_read_or_refused(at in 0usize..220, with in "[-\\[\\]{}:,&*!|>'\"%@`#? \n\ta0~]{0,4}") {
        let at = at.min(POLICY.len());
        let (start, end) = POLICY.split_at(at);
        let text = format!("{start}{with}{end}");
        if let Err(errors) = read(text.as_bytes()) {
            prop_assert!(!errors.is_empty());
        }
    }
}

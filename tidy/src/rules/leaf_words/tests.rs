use super::*;

fn found(path: &str, text: &str) -> Vec<(usize, String)> {
    let file = SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    check([file].iter())
        .into_iter()
        .map(|f| (f.line, f.subject))
        .collect()
}

#[test]
fn every_word_is_found_in_every_spelling() {
    for word in PROTOCOL_WORDS {
        for text in [word.to_string(), word.to_uppercase(), format!("x_{word}_y")] {
            let line = format!("// a\nlet {text} = 1;");
            assert_eq!(
                found("policy/src/a.rs", &line),
                [(2, word.to_string())],
                "{text}"
            );
        }
    }
    assert_eq!(
        found("recording/src/a.rs", "struct OpenSshKey;"),
        [(1, "ssh".to_owned())]
    );
    assert_eq!(
        found("recording/src/a.rs", "PostgreSQL"),
        [(1, "postgres".to_owned())]
    );
}

#[test]
fn a_word_inside_another_passes() {
    assert_eq!(
        found("policy/src/a.rs", "-----BEGIN OPENSSH PRIVATE KEY-----"),
        []
    );
    assert_eq!(found("policy/src/a.rs", "let upg_rade = k8s;"), []);
}

#[test]
fn a_link_in_a_comment_passes_and_one_in_code_does_not() {
    assert_eq!(found("policy/src/a.rs", "// see https://example.org/x"), []);
    let code = "let x = \"https://a\";";
    assert_eq!(found("policy/src/a.rs", code), [(1, "http".to_owned())]);
}

#[test]
fn tests_and_other_crates_may_say_it() {
    for path in [
        "policy/src/a/tests.rs",
        "policy/tests/a.rs",
        "crds/src/a.rs",
    ] {
        assert_eq!(found(path, "postgres"), [], "{path}");
    }
}

use super::*;

fn file(text: &str) -> [SourceFile; 1] {
    [SourceFile {
        path: "a.md".to_owned(),
        text: text.to_owned(),
    }]
}

#[test]
fn every_note_is_found_with_its_line() {
    for note in NOTES {
        let found = notes(file(&format!("fine\n// {note}: later")).iter());
        let places: Vec<_> = found.iter().map(|f| (f.line, f.subject.as_str())).collect();
        assert_eq!(places, [(2, *note)]);
    }
}

#[test]
fn a_note_inside_another_word_passes() {
    for note in NOTES {
        assert_eq!(
            notes(file(&format!("{note}S and A{note} and a_{note}")).iter()),
            []
        );
    }
}

#[test]
fn every_machine_folder_is_found() {
    for folder in MACHINE_FOLDERS {
        let found = machine_paths(file(&format!("cd {folder}x")).iter());
        assert_eq!(found.len(), 1, "{folder}");
        let found = machine_paths(file(&format!("\"{folder}x\"")).iter());
        assert_eq!(found.len(), 1, "{folder}");
    }
}

#[test]
fn a_resource_pattern_and_a_longer_path_pass() {
    for folder in MACHINE_FOLDERS {
        assert_eq!(machine_paths(file(&format!("path:{folder}x")).iter()), []);
        assert_eq!(machine_paths(file(&format!("/srv{folder}x")).iter()), []);
    }
}

#[test]
fn what_tests_read_may_look_like_anything() {
    let text = format!("{} in {}x", NOTES[0], MACHINE_FOLDERS[0]);
    for (path, expected) in [
        ("a/tests/corpus/x.tsv", 0),
        ("a/tests/x.rs", 1),
        ("x.yaml", 1),
    ] {
        let file = [SourceFile {
            path: path.to_owned(),
            text: text.clone(),
        }];
        assert_eq!(notes(file.iter()).len(), expected, "{path}");
        assert_eq!(machine_paths(file.iter()).len(), expected, "{path}");
    }
}

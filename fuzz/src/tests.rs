use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn every_target_has_a_file_and_seeds() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let files = names(&folder("fuzz_targets"));
    let files: BTreeSet<_> = files.iter().map(|name| name.replace(".rs", "")).collect();
    assert_eq!(files, targets);
    assert_eq!(names(&folder("corpus")), targets);
}

#[test]
fn every_seed_passes() {
    for (target, check) in TARGETS {
        let seeds = folder("corpus").join(target);
        let names = names(&seeds);
        assert!(!names.is_empty(), "{target} has no seeds");
        for name in names {
            // Shown by the test runner when one fails.
            println!("hack/fuzz --reproduce {target} fuzz/corpus/{target}/{name}");
            #[allow(clippy::disallowed_methods, reason = "a committed seed is small")]
            check(&fs::read(seeds.join(name)).unwrap());
        }
    }
}

#[test]
fn lines_split_at_the_first_newlines_only() {
    assert_eq!(lines::<2>(b"a\nb\nc"), Some(["a", "b\nc"]));
    assert_eq!(lines::<2>(b"a"), None);
    assert_eq!(lines::<1>(b"\xff"), None);
}

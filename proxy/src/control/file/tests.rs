use std::os::unix::fs::symlink;
use std::time::Duration;

use tokio::time::timeout;

use super::*;

/// Far less than an edit may take to be enforced.
const SOON: Duration = Duration::from_millis(400);

fn names(files: &Files) -> Vec<(&str, &str)> {
    files
        .iter()
        .map(|(name, content)| (name.as_str(), std::str::from_utf8(content).unwrap()))
        .collect()
}

fn write(folder: &Path, name: &str, content: &str) {
    let next = folder.join(format!(".{name}.next"));
    fs::write(&next, content).unwrap();
    fs::rename(next, folder.join(name)).unwrap();
}

fn changes(path: &Path) -> Changes {
    let directory = Directory::new(path);
    let (look, _) = directory.read().unwrap();
    Changes::new(directory, look).unwrap()
}

async fn soon(changes: &mut Changes) -> Result<Files, Vec<Refusal>> {
    timeout(SOON, changes.next())
        .await
        .expect("the edit was not seen in time")
}

#[test]
fn only_documents_directly_in_the_directory_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "b.yaml", "b");
    write(path, "a.yaml", "a");
    for name in [".hidden.yaml", "c.yml", "d.yaml~", "yaml"] {
        fs::write(path.join(name), "no").unwrap();
    }
    fs::create_dir(path.join("tests")).unwrap();
    fs::write(path.join("tests/e.yaml"), "no").unwrap();
    let (_, files) = Directory::new(path).read().unwrap();
    assert_eq!(names(&files), [("a.yaml", "a"), ("b.yaml", "b")]);
}

#[test]
fn what_is_no_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("x.yaml")).unwrap();
    let refused = Directory::new(folder.path()).read().unwrap_err();
    assert_eq!(refused[0].to_string(), "x.yaml: is no file");
    let refused = Directory::new(folder.path().join("gone"))
        .read()
        .unwrap_err();
    assert!(refused[0].reason.starts_with("cannot be read: "));
    symlink("nowhere", folder.path().join("y.yaml")).unwrap();
    let refused = Directory::new(folder.path()).read().unwrap_err();
    assert_eq!(refused[0].file, "y.yaml");
}

#[test]
fn a_file_is_read_to_its_limit_and_refused_past_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &"#".repeat(MAX_FILE_BYTES));
    assert!(Directory::new(folder.path()).read().is_ok());
    write(folder.path(), "a.yaml", &"#".repeat(MAX_FILE_BYTES + 1));
    let refused = Directory::new(folder.path()).read().unwrap_err();
    assert_eq!(refused[0].file, "a.yaml");
}

#[tokio::test]
async fn an_atomic_rename_a_new_file_and_a_removal_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "a.yaml", "1");
    let mut changes = changes(path);
    write(path, "a.yaml", "2");
    assert_eq!(names(&soon(&mut changes).await.unwrap()), [("a.yaml", "2")]);
    write(path, "b.yaml", "3");
    let files = soon(&mut changes).await.unwrap();
    assert_eq!(names(&files), [("a.yaml", "2"), ("b.yaml", "3")]);
    fs::remove_file(path.join("a.yaml")).unwrap();
    assert_eq!(names(&soon(&mut changes).await.unwrap()), [("b.yaml", "3")]);
    // Nothing more.
    assert!(timeout(SOON, changes.next()).await.is_err());
}

#[tokio::test]
async fn the_swap_of_a_mounted_config_map_is_seen_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (version, content) in [("..1", "old"), ("..2", "new")] {
        fs::create_dir(path.join(version)).unwrap();
        fs::write(path.join(version).join("a.yaml"), content).unwrap();
        fs::write(path.join(version).join("b.yaml"), content).unwrap();
    }
    symlink("..1", path.join("..data")).unwrap();
    for name in ["a.yaml", "b.yaml"] {
        symlink(Path::new("..data").join(name), path.join(name)).unwrap();
    }
    let mut changes = changes(path);
    symlink("..2", path.join("..data_tmp")).unwrap();
    fs::rename(path.join("..data_tmp"), path.join("..data")).unwrap();
    let files = soon(&mut changes).await.unwrap();
    assert_eq!(names(&files), [("a.yaml", "new"), ("b.yaml", "new")]);
    // And an edit in the folder that the links lead to now.
    fs::write(path.join("..2/a.yaml"), "newer").unwrap();
    let files = soon(&mut changes).await.unwrap();
    assert_eq!(names(&files), [("a.yaml", "newer"), ("b.yaml", "new")]);
}

#[tokio::test]
async fn a_directory_that_is_itself_a_link_may_be_swapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (version, content) in [("v1", "old"), ("v2", "new")] {
        fs::create_dir(path.join(version)).unwrap();
        fs::write(path.join(version).join("a.yaml"), content).unwrap();
    }
    let link = path.join("current");
    symlink("v1", &link).unwrap();
    let mut changes = changes(&link);
    symlink("v2", path.join("next")).unwrap();
    fs::rename(path.join("next"), &link).unwrap();
    assert_eq!(
        names(&soon(&mut changes).await.unwrap()),
        [("a.yaml", "new")]
    );
    write(&path.join("v2"), "a.yaml", "newer");
    assert_eq!(
        names(&soon(&mut changes).await.unwrap()),
        [("a.yaml", "newer")]
    );
}

#[tokio::test]
async fn a_directory_that_is_gone_is_told_once_and_seen_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::create_dir(&path).unwrap();
    write(&path, "a.yaml", "1");
    let mut changes = changes(&path);
    fs::rename(&path, folder.path().join("away")).unwrap();
    let gone = timeout(2 * POLL_SECONDS, changes.next())
        .await
        .unwrap()
        .unwrap_err();
    assert!(gone[0].reason.starts_with("cannot be read: "), "{gone:?}");
    fs::rename(folder.path().join("away"), &path).unwrap();
    let back = timeout(2 * POLL_SECONDS, changes.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(names(&back), [("a.yaml", "1")]);
}

const POLL_SECONDS: Duration = Duration::from_secs(1);

#[test]
fn looking_at_the_directory_is_no_reason_to_look_again() {
    use notify::event::{AccessKind, AccessMode, CreateKind};
    let told = |kind| super::watch::may_be_a_change(&Ok(notify::Event::new(kind)));
    assert!(!told(notify::EventKind::Access(AccessKind::Open(
        AccessMode::Any
    ))));
    assert!(told(notify::EventKind::Create(CreateKind::File)));
    assert!(super::watch::may_be_a_change(&Err(notify::Error::generic(
        "lost"
    ))));
}

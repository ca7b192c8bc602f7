use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_state_that_is_made_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("deep/state");
    let state = State::open(&root).unwrap();
    for path in [
        state.root(),
        &state.approvals(),
        &state.spool(),
        &state.recordings(),
    ] {
        assert_eq!(mode(path), 0o700, "{}", path.display());
    }
}

#[test]
fn a_state_that_others_may_write_is_refused_and_one_open_to_a_group_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("state");
    fs::create_dir(&root).unwrap();
    for (bits, fine) in [(0o710, true), (0o750, true), (0o720, false), (0o702, false)] {
        fs::set_permissions(&root, Permissions::from_mode(bits)).unwrap();
        assert_eq!(State::open(&root).is_ok(), fine, "{bits:o}");
        assert_eq!(mode(&root), bits);
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(State::open(&file).is_err());
}

#[test]
fn a_secret_file_is_made_once_and_refused_when_others_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&folder.path().join("state")).unwrap();
    let made = |content: &'static str| {
        state.secret_file("x.key", 8, || {
            Ok::<_, StateError>(content.as_bytes().to_vec())
        })
    };
    assert_eq!(made("first").unwrap(), b"first");
    assert_eq!(made("second").unwrap(), b"first");
    let path = state.root().join("x.key");
    assert_eq!(mode(&path), 0o600);
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        made("third"),
        Err(StateError::ReadableByOthers(_))
    ));
}

#[test]
fn files_are_read_up_to_their_limit_and_no_further() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    write_synced(&path, b"1234").unwrap();
    assert_eq!(read_bounded(&path, 4).unwrap(), b"1234");
    assert!(matches!(
        read_bounded(&path, 3),
        Err(StateError::TooLarge { limit: 3, .. })
    ));
    write_synced(&path, b"5").unwrap();
    assert_eq!(read_bounded(&path, 4).unwrap(), b"5");
    remove_synced(&path).unwrap();
    remove_synced(&path).unwrap();
    assert!(!path.exists());
}

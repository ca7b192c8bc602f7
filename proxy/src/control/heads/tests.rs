use portcullis_recording::checkpoint::SigningKey;
use portcullis_recording::event::{AdminAct, Body, Event, SessionId, Timestamp};
use portcullis_recording::spool::SpoolConfig;

use super::*;

fn writer(folder: &Path) -> Writer {
    let spool = SpoolConfig::new(folder.join("spool"), "test".parse().unwrap());
    let (key, _) = SigningKey::generate().unwrap();
    Writer::open(spool, key, Timestamp(1)).unwrap()
}

/// Something happens, and is on the disk with a signature at this second.
fn happen(writer: &Writer, second: u64) {
    let act = Body::AdminAct(AdminAct::default());
    let now = Timestamp(second * 1_000_000);
    writer
        .append(&Event::new(SessionId::NONE, act), now)
        .unwrap();
    writer.tick(now).unwrap();
    // What was signed is on the disk.
    writer.sync().unwrap();
}

#[allow(clippy::disallowed_methods, reason = "a file of this test")]
fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn lines(path: &Path) -> Vec<Head> {
    let text = text(path);
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn new_heads_go_out_every_ten_seconds_and_the_last_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&folder.path().join("state")).unwrap();
    let path = folder.path().join("heads");
    let writer = Arc::new(writer(folder.path()));
    happen(&writer, 5);
    let stop = CancellationToken::new();
    let heads = Heads::open(&path, &state).unwrap();
    let running = tokio::spawn(heads.run(Arc::clone(&writer), stop.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(lines(&path), [writer.head().unwrap()]);
    tokio::time::sleep(EVERY * 2).await;
    assert_eq!(lines(&path).len(), 1, "nothing new");
    happen(&writer, 20);
    tokio::time::sleep(EVERY).await;
    assert_eq!(lines(&path).len(), 2);
    // Moved away: the next goes into a new one.
    fs::rename(&path, folder.path().join("heads.1")).unwrap();
    happen(&writer, 30);
    stop.cancel();
    running.await.unwrap();
    assert_eq!(lines(&path), [writer.head().unwrap()]);
}

#[test]
fn heads_go_to_a_file_of_their_own_outside_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&folder.path().join("state")).unwrap();
    let inside = Heads::open(&state.spool().join("heads"), &state).unwrap_err();
    assert!(matches!(inside, HeadsError::InState(_)), "{inside}");
    std::os::unix::fs::symlink(state.spool(), folder.path().join("link")).unwrap();
    assert!(
        !state.spool().join("heads").exists(),
        "nothing is made there"
    );
    let hidden = Heads::open(&folder.path().join("link/heads"), &state).unwrap_err();
    assert!(matches!(hidden, HeadsError::InState(_)), "{hidden}");
    let directory = Heads::open(folder.path(), &state).unwrap_err();
    assert!(matches!(directory, HeadsError::NotAFile(_)), "{directory}");
    let missing = Heads::open(&folder.path().join("no/heads"), &state).unwrap_err();
    assert!(matches!(missing, HeadsError::Io { .. }), "{missing}");
}

#[test]
fn a_line_that_a_crash_left_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&folder.path().join("state")).unwrap();
    let path = folder.path().join("heads");
    for (before, after) in [("v0 che", "v0 che\n"), ("v0\n", "v0\n"), ("", "")] {
        fs::write(&path, before).unwrap();
        Heads::open(&path, &state).unwrap();
        assert_eq!(text(&path), after);
    }
}

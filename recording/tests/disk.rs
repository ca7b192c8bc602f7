//! What a real disk does to the writer: full, read-only, shared.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test stops where something is wrong, and says why it cannot run"
)]

mod verified;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use portcullis_recording::event::{SessionId, Timestamp};
use portcullis_recording::spool::{OpenError, SpoolConfig};
use portcullis_recording::writer::{AppendError, Writer};
use tempfile::TempDir;
use verified::{key, operation, started, trusted, verify, writer_folder};

const NOW: Timestamp = Timestamp(1_763_700_000_000_000);
const ALICE: SessionId = SessionId::new([1; 16]);

/// A file system of its own, in memory; taken away in the end.
struct Mounted {
    folder: TempDir,
}

impl Mounted {
    /// Nothing, with the reason printed, where this process may not mount.
    fn new(options: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                println!("skipped: a small file system cannot be mounted here: {why}");
                None
            }
            Err(error) => {
                println!("skipped: there is no mount command: {error}");
                None
            }
        }
    }

    fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        mount
            .arg("-o")
            .arg(format!("remount,{options}"))
            .arg(self.folder.path());
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = Command::new("umount")
            .arg("-l")
            .arg(self.folder.path())
            .status();
        assert!(unmounted.unwrap().success());
    }
}

fn config(folder: &Path) -> SpoolConfig {
    let mut config = SpoolConfig::new(folder, "disk".parse().unwrap());
    config.segment_bytes = 64 * 1024;
    config
}

fn open(folder: &Path) -> Result<Writer, OpenError> {
    Writer::open(config(folder), key(), NOW)
}

#[test]
fn full_disk_refuses_events_and_loses_none() {
    let Some(disk) = Mounted::new("size=1m") else {
        return;
    };
    let folder = disk.folder.path();
    let spool = folder.join("spool");
    // What is not ours takes most of it.
    fs::write(folder.join("other"), vec![1; 500_000]).unwrap();
    let writer = open(&spool).unwrap();
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    let mut recorded = Vec::new();
    let mut fill = |writer: &Writer| loop {
        let name = format!("{:0>300}", recorded.len());
        match writer.append(&operation(ALICE, &name), NOW) {
            Ok(_) => recorded.push(name),
            Err(AppendError::DiskFull(_)) => return recorded.clone(),
            Err(error) => panic!("{error}"),
        }
    };
    let first = fill(&writer);
    assert!(first.len() > 1_000, "{}", first.len());
    assert_eq!(verify(&spool, &trusted(), 1).unwrap().operations(), first);
    assert!(matches!(
        writer.append(&operation(ALICE, "x"), NOW),
        Err(AppendError::DiskFull(_))
    ));
    assert_eq!(writer.status().stopped, None);

    assert_eq!(verify(&spool, &trusted(), 1).unwrap().notices().count(), 0);

    // There is room again: it goes on as if nothing had been.
    fs::write(folder.join("other"), vec![1; 250_000]).unwrap();
    let second = fill(&writer);
    assert!(
        second.len() > first.len() + 400,
        "{} {}",
        first.len(),
        second.len()
    );
    assert_eq!(verify(&spool, &trusted(), 1).unwrap().operations(), second);

    // On a full disk a new run refuses events too; when the store has confirmed what is there,
    // it goes on.
    drop(writer);
    let writer = open(&spool).unwrap();
    assert!(matches!(
        writer.append(&started(ALICE, "alice"), NOW),
        Err(AppendError::DiskFull(_))
    ));
    let sent = writer.sealed().unwrap();
    assert!(!sent.is_empty());
    for segment in &sent {
        writer.confirm(segment.number).unwrap();
    }
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    let first_left = sent.last().unwrap().number + 1;
    let left = verify(&spool, &trusted(), first_left).unwrap();
    assert!(left.operations().len() < second.len());
}

#[test]
fn new_spool_on_a_full_disk_is_refused_by_name() {
    let Some(disk) = Mounted::new("size=64k") else {
        return;
    };
    let folder = disk.folder.path();
    let spool = folder.join("spool");
    fs::create_dir(&spool).unwrap();
    let _ = fs::write(folder.join("other"), vec![1; 100_000]);
    let refused = open(&spool).unwrap_err();
    assert!(matches!(refused, OpenError::DiskFull { .. }), "{refused}");
    fs::remove_file(folder.join("other")).unwrap();
    let writer = open(&spool).unwrap();
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    verify(&spool, &trusted(), 1).unwrap();
}

#[test]
fn read_only_spool_is_refused_by_name_and_left_alone() {
    let Some(disk) = Mounted::new("size=1m") else {
        return;
    };
    let folder = disk.folder.path();
    {
        let writer = open(folder).unwrap();
        writer.append(&started(ALICE, "alice"), NOW).unwrap();
        writer.append(&operation(ALICE, "one"), NOW).unwrap();
    }
    disk.remount("ro");
    let refused = open(folder).unwrap_err();
    assert!(
        matches!(refused, OpenError::NotWritable { .. }),
        "{refused}"
    );
    assert_eq!(verify(folder, &trusted(), 1).unwrap().operations(), ["one"]);
    disk.remount("rw");
    drop(open(folder).unwrap());
    assert_eq!(verify(folder, &trusted(), 1).unwrap().operations(), ["one"]);
}

#[test]
fn folder_without_permission_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        println!("skipped: permissions do not bind root; the read-only file system does");
        return;
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let refused = open(folder.path()).unwrap_err();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(
        matches!(refused, OpenError::NotWritable { .. }),
        "{refused}"
    );
}

#[test]
fn second_writer_of_a_spool_is_refused_and_harms_nothing() {
    let folder = TempDir::new().unwrap();
    let writer = open(folder.path()).unwrap();
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    writer.append(&operation(ALICE, "one"), NOW).unwrap();
    for _ in 0..3 {
        let refused = open(folder.path()).unwrap_err();
        assert!(matches!(refused, OpenError::Locked(_)), "{refused}");
    }
    writer.append(&operation(ALICE, "two"), NOW).unwrap();
    assert_eq!(
        verify(folder.path(), &trusted(), 1).unwrap().operations(),
        ["one", "two"]
    );
    drop(writer);
    drop(open(folder.path()).unwrap());
}

#[test]
fn what_is_written_can_be_read_by_its_owner_alone() {
    let folder = TempDir::new().unwrap();
    let spool = folder.path().join("spool");
    let _writer = open(&spool).unwrap();
    let (_, segments) = writer_folder(&spool);
    for path in [&spool, &segments, &segments.join("keys")] {
        assert_eq!(
            fs::metadata(path).unwrap().mode() & 0o777,
            0o700,
            "{}",
            path.display()
        );
    }
    for path in [
        spool.join("lock"),
        segments.join("00000000000000000001.seg"),
    ] {
        assert_eq!(
            fs::metadata(&path).unwrap().mode() & 0o777,
            0o600,
            "{}",
            path.display()
        );
    }
}

//! The directory of the process's own state, and how its files are written.
//!
//! ```text
//! <state>/            0700 when it is made here
//!   signing-key.pem       Ed25519, signs recordings          0600
//!   approvals.key     what requests on disk are sealed with   0600
//!   approvals/        one readable file a request        0700
//!   spool/            events that wait for the store     0700
//!   recordings/       the store, where no other is named 0700
//!   control.sock      where decisions are heard
//! ```
//!
//! A directory that is there already keeps its permissions, so that whoever runs the proxy may
//! open it to the group of those who decide (`chgrp approvers STATE; chmod 0710 STATE`). Nobody
//! but the owner may write in it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The state directory of a process.
#[derive(Debug, Clone)]
pub struct State {
    root: PathBuf,
}

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} may be written by others; chmod go-w it")]
    WritableByOthers(PathBuf),
    #[error("{0} is no directory")]
    NotADirectory(PathBuf),
    #[error("{0} may be read by others; chmod 0600 it")]
    ReadableByOthers(PathBuf),
    #[error("no randomness to make a key")]
    NoRandomness,
    #[error("{path} has more than {limit} bytes")]
    TooLarge { path: PathBuf, limit: u64 },
}

// === impl State ===

impl State {
    /// Makes the directory and its parts where they are missing.
    pub fn open(root: &Path) -> Result<Self, StateError> {
        let state = Self {
            root: root.to_owned(),
        };
        make_directory(root)?;
        for part in [state.approvals(), state.spool(), state.recordings()] {
            make_directory(&part)?;
        }
        Ok(state)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn approvals(&self) -> PathBuf {
        self.root.join("approvals")
    }

    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    pub fn recordings(&self) -> PathBuf {
        self.root.join("recordings")
    }

    pub fn socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// The content of a secret file, made by `generate` where it is missing. One that others may
    /// read is refused: it is no secret any more.
    pub fn secret_file<E: From<StateError>>(
        &self,
        name: &str,
        limit: u64,
        generate: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        let path = self.root.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.mode() & 0o077 != 0 => {
                Err(StateError::ReadableByOthers(path).into())
            }
            Ok(_) => Ok(read_bounded(&path, limit)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let content = generate()?;
                write_synced(&path, &content)?;
                Ok(content)
            }
            Err(error) => Err(at(&path, error).into()),
        }
    }
}

/// Reads a file whole, refused past the limit.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, StateError> {
    let file = File::open(path).map_err(|error| at(path, error))?;
    let mut content = Vec::new();
    let mut bounded = file.take(limit.saturating_add(1));
    io::copy(&mut bounded, &mut content).map_err(|error| at(path, error))?;
    if content.len() as u64 > limit {
        return Err(StateError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(content)
}

/// Replaces a file whole: after it returns the new content is on the disk, and at no time is
/// there half of it. Only the owner may read it.
pub fn write_synced(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let next = path.with_extension("next");
    let wrote = (|| {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&next)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        sync_directory(path)
    })();
    wrote.map_err(|error| at(path, error))
}

/// Removes a file; the removal is on the disk afterwards.
pub fn remove_synced(path: &Path) -> Result<(), StateError> {
    let removed = match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    removed
        .and_then(|()| sync_directory(path))
        .map_err(|error| at(path, error))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

fn make_directory(path: &Path) -> Result<(), StateError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| at(path, error))?;
    let metadata = fs::metadata(path).map_err(|error| at(path, error))?;
    if !metadata.is_dir() {
        return Err(StateError::NotADirectory(path.to_owned()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(StateError::WritableByOthers(path.to_owned()));
    }
    Ok(())
}

fn at(path: &Path, source: io::Error) -> StateError {
    StateError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;

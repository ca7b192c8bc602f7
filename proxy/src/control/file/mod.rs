//! A run without a cluster: a watched directory of documents.
//!
//! Every `*.yaml` directly in the directory is read, as a shell would list them (names that begin
//! with a dot are passed over). Links are followed, and a set of files that changes while it is
//! read is read again, so that swapping one link (as a mounted ConfigMap does) is seen whole.

#[cfg(test)]
mod tests;
mod watch;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use portcullis_crds::document::{MAX_FILE_BYTES, MAX_TOTAL_BYTES};

use super::refusal::Refusal;
use super::state::read_bounded;

pub use self::watch::{Changes, WatchError};

/// The most files of one directory.
pub const MAX_FILES: usize = 10_000;

/// How often a directory that changes under the reader is read again before it is refused.
const MAX_ATTEMPTS: usize = 5;

/// A directory of documents.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

/// How the files of a directory look from outside: when it is the same, so is what is in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look(Vec<FileLook>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct FileLook {
    name: String,
    path: PathBuf,
    is_file: bool,
    /// Device and inode, size, and the two times that a write cannot leave alone.
    identity: [i128; 7],
}

/// What was read: names and contents, sorted by name.
pub type Files = Vec<(String, Vec<u8>)>;

// === impl Directory ===

impl Directory {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cheap: asks the file system about each file, and reads none.
    pub fn look(&self) -> Result<Look, Refusal> {
        let entries = fs::read_dir(&self.path).map_err(|error| self.unreadable(error))?;
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| self.unreadable(error))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') || !name.ends_with(".yaml") {
                continue;
            }
            if files.len() >= MAX_FILES {
                let reason = format!("holds more than {MAX_FILES} files; merge some");
                return Err(Refusal::of_file(self.shown(), reason));
            }
            files.push(FileLook::of(name, entry.path())?);
        }
        files.sort();
        Ok(Look(files))
    }

    /// All files as they were at one moment, and how they looked then.
    pub fn read(&self) -> Result<(Look, Files), Vec<Refusal>> {
        let mut look = self.look().map_err(|refusal| vec![refusal])?;
        for _ in 0..MAX_ATTEMPTS {
            let files = look.read();
            let after = self.look().map_err(|refusal| vec![refusal])?;
            if after == look {
                return files.map(|files| (look, files));
            }
            look = after;
        }
        let reason = "changes all the time; write other files beside it and rename them";
        Err(vec![Refusal::of_file(self.shown(), reason)])
    }

    fn unreadable(&self, error: std::io::Error) -> Refusal {
        Refusal::of_file(self.shown(), format!("cannot be read: {error}"))
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

// === impl Look ===

impl Look {
    fn read(&self) -> Result<Files, Vec<Refusal>> {
        let mut files = Vec::new();
        let mut refused = Vec::new();
        let mut total = 0_usize;
        for file in &self.0 {
            if !file.is_file {
                refused.push(Refusal::of_file(&file.name, "is no file"));
                continue;
            }
            // One byte more than is taken: the reader of documents refuses it by name.
            match read_bounded(&file.path, MAX_FILE_BYTES as u64) {
                Ok(content) => {
                    total = total.saturating_add(content.len());
                    files.push((file.name.clone(), content));
                }
                Err(error) => refused.push(Refusal::of_file(&file.name, error)),
            }
            if total > MAX_TOTAL_BYTES {
                let reason = format!(
                    "with this file there are more than {MAX_TOTAL_BYTES} bytes; no more are read \
                     together"
                );
                refused.push(Refusal::of_file(&file.name, reason));
                break;
            }
        }
        match refused.is_empty() {
            true => Ok(files),
            false => Err(refused),
        }
    }

    /// Where the files really are: links lead elsewhere.
    fn folders(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().filter_map(|file| {
            let real = fs::canonicalize(&file.path).ok()?;
            real.parent().map(Path::to_owned)
        })
    }
}

// === impl FileLook ===

impl FileLook {
    fn of(name: String, path: PathBuf) -> Result<Self, Refusal> {
        let metadata = fs::metadata(&path)
            .map_err(|error| Refusal::of_file(&name, format!("cannot be read: {error}")))?;
        Ok(Self {
            name,
            path,
            is_file: metadata.is_file(),
            identity: [
                metadata.dev().into(),
                metadata.ino().into(),
                metadata.size().into(),
                metadata.mtime().into(),
                metadata.mtime_nsec().into(),
                metadata.ctime().into(),
                metadata.ctime_nsec().into(),
            ],
        })
    }
}

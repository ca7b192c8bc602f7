//! The repository as the rules see it: every text file that is committed or about to be.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// No file of this repository is longer; what is, was not written by hand.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Folders whose files are written by our own programs, or are input to them byte by byte. They
/// are judged by the tests that own them.
pub const NOT_WRITTEN_BY_HAND: &[&str] = &[
    "charts/portcullis-crds/templates/",
    "crds/generated/",
    "docs/reference/",
    "fuzz/corpus/",
    "recording/tests/golden/",
];

/// A text file and its path from the root.
#[derive(Debug, Clone)]
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

/// All text files under one root.
#[derive(Debug)]
pub struct Repository {
    pub root: PathBuf,
    pub files: Vec<SourceFile>,
    /// All that git knows or would add, whoever wrote it.
    pub paths: BTreeSet<String>,
}

/// Why the repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableRepository {
    #[error("cannot list the files under {0}: {1}")]
    NotListed(PathBuf, String),
    #[error("cannot read {0}: {1}")]
    NotRead(String, io::Error),
    #[error("{0} is longer than {MAX_FILE_BYTES} bytes")]
    TooLong(String),
}

// === impl SourceFile ===

impl SourceFile {
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// What tests and benches read: it may look like anything.
    pub fn is_test_data(&self) -> bool {
        self.is_test() && !self.is_rust()
    }

    /// Tests, benches and their data: they may say what the code itself may not.
    pub fn is_test(&self) -> bool {
        self.path.split('/').any(|part| {
            matches!(
                part,
                "tests" | "tests.rs" | "testdata" | "benches" | "corpus" | "cases" | "golden"
            )
        })
    }
}

// === impl Repository ===

impl Repository {
    /// Reads what git knows or would add. Files that are ignored or removed do not count, nor do
    /// those that are not text.
    pub fn read(root: &Path) -> Result<Self, UnreadableRepository> {
        let paths = listed(root)?;
        let by_hand = |path: &&String| {
            !NOT_WRITTEN_BY_HAND
                .iter()
                .any(|folder| path.starts_with(folder))
        };
        let mut files = Vec::new();
        for path in paths.iter().filter(by_hand) {
            if let Some(text) = read_text(root, path)? {
                files.push(SourceFile {
                    path: path.clone(),
                    text,
                });
            }
        }
        Ok(Self {
            root: root.to_owned(),
            files,
            paths,
        })
    }

    pub fn rust_files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.is_rust())
    }
}

fn listed(root: &Path) -> Result<BTreeSet<String>, UnreadableRepository> {
    let failed = |why: String| UnreadableRepository::NotListed(root.to_owned(), why);
    let output = Command::new("git")
        // A clone may belong to another user, as it does in many a CI container.
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

fn read_text(root: &Path, path: &str) -> Result<Option<String>, UnreadableRepository> {
    let failed = |error| UnreadableRepository::NotRead(path.to_owned(), error);
    let file = match File::open(root.join(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let mut bounded = file.take(MAX_FILE_BYTES + 1);
    #[allow(
        clippy::disallowed_methods,
        reason = "bounded by take, one past the limit"
    )]
    bounded.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(UnreadableRepository::TooLong(path.to_owned()));
    }
    Ok(String::from_utf8(bytes).ok())
}

//! What the API server wrote down about who did what.

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use serde_json::Value;

use crate::lacking::lacks;

/// Names the API server's audit log, in JSON, as `audit.yaml` of the test cluster has it written.
const AUDIT_LOG: &str = "E2E_AUDIT_LOG";
/// How long that was when `e2e/run` began. What is before it others did.
const AUDIT_FROM: &str = "E2E_AUDIT_FROM";

/// The audit log from some moment on.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    from: u64,
}

// === impl Audit ===

impl Audit {
    /// From the beginning of this run of the tests. Without a log the test ends.
    pub fn of_this_run() -> Self {
        Self::named().unwrap_or_else(|| lacks(Self::LACKING))
    }

    /// From now on, where there is one.
    pub fn from_now() -> Option<Self> {
        let mut log = Self::named()?;
        log.from = log.length();
        Some(log)
    }

    /// What is lacking where there is none.
    pub const LACKING: &str = "audit log of the API server (E2E_AUDIT_LOG)";

    fn named() -> Option<Self> {
        let path = env::var_os(AUDIT_LOG).filter(|path| !path.is_empty())?;
        let mut log = Self {
            path: PathBuf::from(path),
            from: 0,
        };
        let from = env::var_os(AUDIT_FROM);
        let from = from.and_then(|from| from.to_str()?.parse().ok());
        let from = from.unwrap_or(0);
        // One that is shorter now was begun anew meanwhile.
        log.from = if from <= log.length() { from } else { 0 };
        Some(log)
    }

    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Where in the file it begins.
    pub fn from(&self) -> u64 {
        self.from
    }

    fn length(&self) -> u64 {
        self.open().metadata().map_or(0, |found| found.len())
    }

    /// What was done since, one by one: the log of a whole run is long.
    pub fn events(&self) -> impl Iterator<Item = Value> {
        let mut file = self.open();
        let sought = file.seek(SeekFrom::Start(self.from));
        sought.unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        // The last may be half written.
        lines.filter_map(|line| serde_json::from_str(&line).ok())
    }

    fn open(&self) -> File {
        let opened = File::open(&self.path);
        opened.unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }
}

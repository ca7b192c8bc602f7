//! What the API server wrote down about who did what.

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use serde_json::Value;

/// Names the API server's audit log, in JSON, as `audit.yaml` of the test cluster has it written.
const AUDIT_LOG: &str = "E2E_AUDIT_LOG";

/// The audit log from some moment on.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    from: u64,
}

// === impl Audit ===

impl Audit {
    /// From its beginning.
    pub fn whole() -> Self {
        let Some(path) = env::var_os(AUDIT_LOG).filter(|path| !path.is_empty()) else {
            panic!("{AUDIT_LOG} names no audit log of the API server; `make e2e` sets it");
        };
        Self {
            path: PathBuf::from(path),
            from: 0,
        }
    }

    /// From now on.
    pub fn from_now() -> Self {
        let mut log = Self::whole();
        log.from = log.open().metadata().map_or(0, |found| found.len());
        log
    }

    pub fn path(&self) -> &PathBuf {
        &self.path
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

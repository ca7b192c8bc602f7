//! What a verification found.

use super::{Class, Finding};
use crate::event::WriterId;

/// Of all writers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    pub writers: Vec<WriterReport>,
}

/// Of one writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterReport {
    pub writer: WriterId,
    pub segments: u64,
    pub frames: u64,
    pub events: u64,
    /// Raw, as they were before compression.
    pub bytes: u64,
    /// The last frame of the record.
    pub last: u64,
    /// Whether the record ends with a seal; one that is still written does not.
    pub sealed: bool,
    /// The last frame that a trusted signature covers.
    pub signed: u64,
    /// The last frame that an anchor covers.
    pub anchored: u64,
    pub findings: Vec<Finding>,
    /// Findings beyond the bound of those that are named.
    pub more: u64,
}

/// The whole in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All of it is proved to be what the writer wrote, and nothing is missing up to
    /// the last anchor, which is its end.
    Intact,
    /// Nothing is wrong as far as signatures and anchors reach; they do not reach to
    /// the end.
    Uncovered,
    Broken,
}

// === impl Report ===

impl Report {
    /// The worst of the writers'. A record of nobody proves nothing.
    pub fn verdict(&self) -> Verdict {
        self.writers
            .iter()
            .map(WriterReport::verdict)
            .max()
            .unwrap_or(Verdict::Uncovered)
    }
}

// === impl WriterReport ===

impl WriterReport {
    pub fn verdict(&self) -> Verdict {
        let broken = |finding: &Finding| finding.class() != Class::Uncovered;
        if self.findings.iter().any(broken) || self.more > 0 {
            Verdict::Broken
        } else if self.findings.is_empty() && self.last > 0 {
            Verdict::Intact
        } else {
            Verdict::Uncovered
        }
    }
}

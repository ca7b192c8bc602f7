//! What masks are made of, once lowered.

mod column;
mod header;

pub use column::ColumnPattern;
pub use header::{HeaderName, MAX_HEADER_NAME_BYTES};

use crate::mask::detect::{CustomPattern, DetectorKind};
use crate::mask::json::JsonPath;
use crate::mask::transform::Transform;
use crate::matcher::Glob;
use crate::rule::{ObjectName, Origin, SubjectSelector};
use crate::subject::Subject;
use crate::word::closed_words;

/// One masking rule: for whom, what is matched, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskRule {
    pub name: ObjectName,
    pub origin: Origin,
    /// Any of them. Empty: everybody.
    pub subjects: Vec<SubjectSelector>,
    /// Lifts this rule alone, so that a tenant's rule never weakens another's.
    pub exempt: Vec<SubjectSelector>,
    pub columns: Vec<ColumnPattern>,
    pub json_paths: Vec<JsonPath>,
    pub keys: Vec<Glob>,
    pub headers: Vec<HeaderName>,
    pub detectors: Vec<DetectorKind>,
    pub patterns: Vec<CustomPattern>,
    pub transform: Transform,
    pub predicates: Predicates,
    pub ddl: DdlRule,
}

/// Whether a masked column may be compared. The later is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Predicates {
    Allow,
    /// With a value that the caller already knows.
    Equality,
    Deny,
}

/// Whether a masked subject may define what could show a masked column. The later is the
/// stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DdlRule {
    Allow,
    Deny,
}

closed_words!(Predicates, "predicates", [
    Allow => "Allow",
    Equality => "Equality",
    Deny => "Deny",
]);
closed_words!(DdlRule, "ddl", [Allow => "Allow", Deny => "Deny"]);

// === impl MaskRule ===

impl MaskRule {
    pub fn applies_to(&self, subject: &Subject) -> bool {
        let chosen = self.subjects.is_empty() || SubjectSelector::any(&self.subjects, subject);
        chosen && !SubjectSelector::any(&self.exempt, subject)
    }
}

#[cfg(test)]
mod tests;

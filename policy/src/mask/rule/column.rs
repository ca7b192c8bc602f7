//! A pattern for columns: `schema.table.column`.

use crate::matcher::{InvalidPattern, SegmentPattern};
use crate::operation::ResourceKind;

/// A table's pattern with the column as one segment more: `*` and `?` within a segment, `**` over
/// segments, `\` escapes, `"…"` keeps case, all else is folded as the server folds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPattern {
    segments: Vec<SegmentPattern>,
    source: String,
}

// === impl ColumnPattern ===

impl ColumnPattern {
    pub fn parse(pattern: &str) -> Result<Self, InvalidPattern> {
        let segments = SegmentPattern::parse_names(pattern)?;
        let named = segments
            .iter()
            .filter(|segment| !segment.is_any_depth())
            .count();
        let expected = ResourceKind::Table.segment_count().unwrap_or(0) + 1;
        let fits = match named == segments.len() {
            true => named == expected,
            false => named <= expected,
        };
        if fits {
            return Ok(Self {
                segments,
                source: pattern.to_owned(),
            });
        }
        // No column would ever match, and nobody would notice.
        Err(InvalidPattern::new(format!(
            "a column is written `schema.table.column`: {expected} segments, not {named}; \
             `**.email` is that column of any table"
        )))
    }

    /// True for a column by all its segments, the column's name last.
    pub fn matches<S: AsRef<str>>(&self, column: &[S]) -> bool {
        SegmentPattern::match_path(&self.segments, column)
    }

    /// True when some column of this table may match.
    pub fn touches<S: AsRef<str>>(&self, table: &[S]) -> bool {
        touches(&self.segments, table)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl std::fmt::Display for ColumnPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.source)
    }
}

impl std::str::FromStr for ColumnPattern {
    type Err = InvalidPattern;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        Self::parse(pattern)
    }
}

/// A last `**` takes the column with any number of segments before it, none included; any other
/// last segment takes the column alone.
fn touches<S: AsRef<str>>(pattern: &[SegmentPattern], table: &[S]) -> bool {
    let Some((last, before)) = pattern.split_last() else {
        return false;
    };
    if !last.is_any_depth() {
        return SegmentPattern::match_path(before, table);
    }
    let beginning = |length| table.get(..length).unwrap_or_default();
    (0..=table.len()).any(|length| SegmentPattern::match_path(before, beginning(length)))
        || touches(before, table)
}

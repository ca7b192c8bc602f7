//! A pattern for a resource: `kind:path`.
//!
//! Segments are joined as their kind joins them: by `.` for the names of a database, by `/` for
//! paths and for `k8s`; a `key`, a `program` and an `address` are one segment. In a segment `*` is
//! any run, `?` one character, `\` takes the next character literally and all else, `_` and `%`
//! too, is itself; `**` as a whole segment is any number of segments, none included.
//!
//! Case: the names of a database are compared as the server folds them, so an unquoted part of
//! their patterns is folded (A-Z only, as servers do), and `"…"` keeps case and takes everything
//! between the quotes literally (`""` is one quote). In all other kinds case counts and `"` is a
//! character like any other.

use super::glob::{Atom, dangling_escape, matches, push_literal, push_run};
use super::{InvalidPattern, MAX_PATTERN_LEN, check_length};
use crate::operation::{Resource, ResourceKind};

/// Most segments in a resource pattern.
pub const MAX_SEGMENTS: usize = 32;

/// How much of a pattern's literal beginning an index looks at.
const LITERAL_PREFIX_LEN: usize = 128;

/// Ends each segment of a path in an index key.
const SEGMENT_END: u8 = 0x1f;

/// A compiled pattern for resources of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePattern {
    kind: ResourceKind,
    pub(super) segments: Vec<SegmentPattern>,
    source: String,
}

/// One segment of a path's pattern, or `**`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPattern {
    /// `None` is `**`.
    atoms: Option<Vec<Atom>>,
}

/// The beginning of a path, in the form that the index of patterns compares. It may be shared by
/// different paths, and so only ever finds too much.
#[derive(Debug)]
pub(crate) struct PathKey {
    bytes: [u8; LITERAL_PREFIX_LEN],
    length: usize,
}

// === impl ResourcePattern ===

impl ResourcePattern {
    pub fn parse(pattern: &str) -> Result<Self, InvalidPattern> {
        check_length(pattern, MAX_PATTERN_LEN)?;
        let Some((word, path)) = pattern.split_once(':') else {
            return Err(InvalidPattern::new(
                "a resource is written `kind:path`, such as `table:public.orders`",
            ));
        };
        let kind: ResourceKind = word
            .parse()
            .map_err(|error| InvalidPattern::at(format!("{error}"), 0))?;
        let offset = word.chars().count() + 1;
        let segments = parse_path(path, kind, offset)?;
        check_count(kind, &segments)?;
        Ok(Self {
            kind,
            segments,
            source: pattern.to_owned(),
        })
    }

    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// True for a resource of this kind whose name is known and matches. What could not be told by
    /// name matches no pattern; the caller decides what that means.
    pub fn matches(&self, resource: &Resource) -> bool {
        match resource {
            Resource::Named { kind, segments } => {
                *kind == self.kind && SegmentPattern::match_path(&self.segments, segments)
            }
            Resource::Unresolved { .. } => false,
        }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// What every path that matches begins with.
    pub(crate) fn literal_prefix(&self) -> PathKey {
        let mut key = PathKey::new(self.kind);
        for segment in &self.segments {
            match segment.atoms.as_deref() {
                Some([Atom::Literal(text)]) => key.push_segment(text),
                Some([Atom::Literal(text), ..]) => {
                    key.push(text.as_bytes());
                    return key;
                }
                _ => return key,
            }
        }
        key
    }
}

impl std::fmt::Display for ResourcePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.source)
    }
}

impl std::str::FromStr for ResourcePattern {
    type Err = InvalidPattern;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        Self::parse(pattern)
    }
}

// === impl SegmentPattern ===

impl SegmentPattern {
    /// Parses segments joined by `.`, with the case rules of database names: the grammar of
    /// `table:` without its prefix.
    pub fn parse_names(path: &str) -> Result<Vec<Self>, InvalidPattern> {
        check_length(path, MAX_PATTERN_LEN)?;
        parse_path(path, ResourceKind::Table, 0)
    }

    /// True for `**`.
    pub fn is_any_depth(&self) -> bool {
        self.atoms.is_none()
    }

    /// True when this one segment matches `name`; `**` matches any.
    pub fn matches(&self, name: &str) -> bool {
        self.atoms.as_ref().is_none_or(|atoms| matches(atoms, name))
    }

    /// True when the whole path matches. As with the characters of a name, going back only to the
    /// last `**` is enough.
    pub fn match_path<S: AsRef<str>>(pattern: &[Self], path: &[S]) -> bool {
        let (mut rest, mut left) = (pattern, path);
        let mut star: Option<(&[Self], &[S])> = None;
        loop {
            let step = match (rest.split_first(), left.split_first()) {
                (None, None) => return true,
                (Some((first, after)), _) if first.is_any_depth() => {
                    star = Some((after, left));
                    Some((after, left))
                }
                (Some((first, after)), Some((name, names))) if first.matches(name.as_ref()) => {
                    Some((after, names))
                }
                _ => None,
            };
            (rest, left) = match step {
                Some(next) => next,
                None => {
                    let Some((after, [_, from @ ..])) = star else {
                        return false;
                    };
                    star = Some((after, from));
                    (after, from)
                }
            };
        }
    }
}

// === impl PathKey ===

impl PathKey {
    fn new(kind: ResourceKind) -> Self {
        let mut key = Self {
            bytes: [0; LITERAL_PREFIX_LEN],
            length: 0,
        };
        key.push(&[kind as u8]);
        key
    }

    /// The key of a path, cut to what the index looks at.
    pub(crate) fn of(kind: ResourceKind, segments: &[String]) -> Self {
        let mut key = Self::new(kind);
        for segment in segments {
            key.push_segment(segment);
        }
        key
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push_segment(&mut self, segment: &str) {
        self.push(segment.as_bytes());
        self.push(&[SEGMENT_END]);
    }

    fn push(&mut self, bytes: &[u8]) {
        let free = self.bytes.get_mut(self.length..).unwrap_or_default();
        let taken = bytes.len().min(free.len());
        for (to, from) in free.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.length += taken;
    }
}

// === parsing ===

/// Reads segments until the end of the pattern. `offset` is what went before, for positions.
fn parse_path(
    path: &str,
    kind: ResourceKind,
    offset: usize,
) -> Result<Vec<SegmentPattern>, InvalidPattern> {
    let separator = kind.separator();
    let path = match kind {
        ResourceKind::Path => match path {
            "/" => return Ok(Vec::new()),
            _ => path.strip_prefix('/').unwrap_or(path),
        },
        _ => path,
    };
    let mut reader = SegmentReader::new(kind.folds_case());
    let mut characters = path
        .chars()
        .enumerate()
        .map(|(index, c)| (index + offset, c))
        .peekable();
    let mut last = offset;
    while let Some((index, character)) = characters.next() {
        last = index;
        match character {
            c if Some(c) == separator => reader.end_segment(index)?,
            '*' => reader.run(),
            '?' => reader.one(),
            '\\' => match characters.next() {
                Some((_, escaped)) => reader.literal(escaped),
                None => return Err(dangling_escape(index)),
            },
            '"' if kind.folds_case() => {
                reader.quoted = true;
                loop {
                    match characters.next() {
                        Some((_, '"')) if characters.peek().is_some_and(|(_, c)| *c == '"') => {
                            characters.next();
                            reader.literal('"');
                        }
                        Some((_, '"')) => break,
                        Some((_, inside)) => reader.literal(inside),
                        None => {
                            return Err(InvalidPattern::at("this quote is never closed", index));
                        }
                    }
                }
            }
            c if kind.folds_case() => reader.literal(c.to_ascii_lowercase()),
            c => reader.literal(c),
        }
    }
    reader.end_segment(last)?;
    Ok(reader.segments)
}

/// Collects the pieces of the segment that is being read.
struct SegmentReader {
    segments: Vec<SegmentPattern>,
    atoms: Vec<Atom>,
    /// Stars just before here.
    stars: usize,
    /// Two stars or more stood side by side.
    doubled: bool,
    quoted: bool,
    example: &'static str,
}

impl SegmentReader {
    fn new(sql: bool) -> Self {
        let example = if sql {
            "`\"\"` is an empty name"
        } else {
            "write `*` for any"
        };
        Self {
            segments: Vec::new(),
            atoms: Vec::new(),
            stars: 0,
            doubled: false,
            quoted: false,
            example,
        }
    }

    fn run(&mut self) {
        self.stars += 1;
        self.doubled |= self.stars > 1;
        push_run(&mut self.atoms);
    }

    fn one(&mut self) {
        self.stars = 0;
        self.atoms.push(Atom::One);
    }

    fn literal(&mut self, character: char) {
        self.stars = 0;
        push_literal(&mut self.atoms, character);
    }

    fn end_segment(&mut self, index: usize) -> Result<(), InvalidPattern> {
        let atoms = std::mem::take(&mut self.atoms);
        let stars = std::mem::take(&mut self.stars);
        let doubled = std::mem::take(&mut self.doubled);
        let quoted = std::mem::take(&mut self.quoted);
        if atoms.is_empty() && !quoted {
            let reason = format!("a segment is empty; {}", self.example);
            return Err(InvalidPattern::at(reason, index));
        }
        let any_depth = stars == 2 && atoms.len() == 1;
        if doubled && !any_depth {
            return Err(InvalidPattern::at(
                "`**` stands for whole segments; within one segment write `*`",
                index,
            ));
        }
        self.segments.push(SegmentPattern {
            atoms: (!any_depth).then_some(atoms),
        });
        if self.segments.len() > MAX_SEGMENTS {
            let reason = format!("more than {MAX_SEGMENTS} segments");
            return Err(InvalidPattern::at(reason, index));
        }
        Ok(())
    }
}

/// A pattern that no path of its kind can match is a hole that nobody would notice: refused.
fn check_count(kind: ResourceKind, segments: &[SegmentPattern]) -> Result<(), InvalidPattern> {
    let Some(expected) = kind.segment_count() else {
        return Ok(());
    };
    let named = segments
        .iter()
        .filter(|segment| !segment.is_any_depth())
        .count();
    let fits = match named == segments.len() {
        true => named == expected,
        false => named <= expected,
    };
    if fits {
        return Ok(());
    }
    Err(InvalidPattern::new(format!(
        "a {kind} is written `{}`: {expected} {}, not {named}; `**` stands for any number",
        kind.shape(),
        if expected == 1 { "segment" } else { "segments" },
    )))
}

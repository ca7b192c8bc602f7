//! The masks that apply to one subject.

use std::collections::BTreeSet;
use std::sync::Arc;

use thiserror::Error;

use crate::mask::detect::PATTERNS_LIMIT;
use crate::mask::field::FieldMask;
use crate::mask::json::{Coverage, DocumentPlace, Documents, JsonMasker, JsonPlan, TooManySteps};
use crate::mask::rule::{ColumnPattern, DdlRule, HeaderName, MaskRule, Predicates};
use crate::mask::text::{Finder, InvalidTextMask, TextMask};
use crate::mask::transform::{Transform, Union};
use crate::matcher::Glob;
use crate::rule::ObjectName;

/// The masks that apply to one subject, compiled together.
#[derive(Debug, Clone, Default)]
pub struct MaskSet {
    /// What it was compiled from.
    source: Arc<[MaskRule]>,
    rules: Vec<Effect>,
    columns: Vec<(ColumnPattern, usize)>,
    keys: Vec<(Glob, usize)>,
    headers: Vec<(HeaderName, usize)>,
    text: Option<Arc<TextMask>>,
    json: Option<Arc<JsonPlan>>,
    has_paths: bool,
}

/// What a statement may do with a set of columns, or with a place in documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnVerdict {
    pub predicates: Predicates,
    /// The rules that mask any of it; none where nothing is masked.
    pub rules: Vec<ObjectName>,
}

/// Masks that cannot be compiled together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidMasks {
    #[error(transparent)]
    Paths(#[from] TooManySteps),
    #[error(transparent)]
    Text(#[from] InvalidTextMask),
    #[error("{rule} has {count} custom patterns; at most {PATTERNS_LIMIT} are allowed")]
    TooManyPatterns { rule: ObjectName, count: usize },
}

/// What a rule does where it matches.
#[derive(Debug, Clone)]
struct Effect {
    name: ObjectName,
    transform: Transform,
    predicates: Predicates,
    ddl: DdlRule,
    has_columns: bool,
}

// === impl MaskSet ===

impl MaskSet {
    /// Compiles rules that all apply; see [`MaskRule::applies_to`].
    pub fn compile(rules: &[MaskRule]) -> Result<Self, Vec<InvalidMasks>> {
        let refused: Vec<InvalidMasks> = rules.iter().filter_map(too_many_patterns).collect();
        let finders: Vec<(Finder, Transform)> = rules.iter().flat_map(finders).collect();
        let paths = rules.iter().flat_map(|rule| {
            rule.json_paths
                .iter()
                .map(move |path| (path, &rule.transform))
        });
        let text = TextMask::compile(&finders).map_err(InvalidMasks::from);
        let plan = JsonPlan::compile(paths).map_err(InvalidMasks::from);
        let (text, plan) = match (text, plan, refused.is_empty()) {
            (Ok(text), Ok(plan), true) => (text.map(Arc::new), plan),
            (text, plan, _) => {
                let together = text.err().into_iter().chain(plan.err());
                return Err(refused.into_iter().chain(together).collect());
            }
        };
        let has_paths = !plan.is_empty();
        let json = (has_paths || text.is_some()).then(|| Arc::new(plan.with_text(text.clone())));
        let numbered = || rules.iter().enumerate();
        Ok(Self {
            source: rules.into(),
            columns: numbered()
                .flat_map(|(at, rule)| with(&rule.columns, at))
                .collect(),
            keys: numbered()
                .flat_map(|(at, rule)| with(&rule.keys, at))
                .collect(),
            headers: numbered()
                .flat_map(|(at, rule)| with(&rule.headers, at))
                .collect(),
            rules: rules.iter().map(Effect::of).collect(),
            text,
            json,
            has_paths,
        })
    }

    /// True when nothing is masked at all.
    pub fn is_empty(&self) -> bool {
        !self.has_columns()
            && self.keys.is_empty()
            && self.headers.is_empty()
            && self.json.is_none()
            && self.text.is_none()
    }

    /// True when it was compiled from the same rules, keys included, and so masks the same. An edit
    /// elsewhere makes a new set, and must not cut what is running.
    pub fn masks_like(&self, other: &Self) -> bool {
        self.source == other.source
    }

    /// True when any column may be masked by name.
    pub fn has_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    /// True when there are JSON paths.
    pub fn has_paths(&self) -> bool {
        self.has_paths
    }

    /// True when there are detectors.
    pub fn has_detectors(&self) -> bool {
        self.text.is_some()
    }

    /// The mask of a column, by all its segments, the column's name last.
    pub fn column<S: AsRef<str>>(&self, column: &[S]) -> FieldMask {
        self.columns([column])
    }

    /// The mask of a value that is one of these columns', unchanged: what masks any of them.
    pub fn columns<'c, S: AsRef<str> + 'c>(
        &self,
        columns: impl IntoIterator<Item = &'c [S]>,
    ) -> FieldMask {
        self.field(self.matching(columns))
    }

    /// The mask of the value under a key.
    pub fn key(&self, key: &str) -> FieldMask {
        self.field(
            self.keys
                .iter()
                .filter(|(pattern, _)| pattern.matches(key))
                .map(at)
                .collect(),
        )
    }

    pub fn header(&self, name: &str) -> FieldMask {
        self.field(
            self.headers
                .iter()
                .filter(|(header, _)| header.matches(name))
                .map(at)
                .collect(),
        )
    }

    /// The mask of a value that has no name, such as a message or a terminal's output.
    pub fn text(&self) -> FieldMask {
        self.field(BTreeSet::new())
    }

    /// The mask of what is computed from these columns: where any of them is masked, nothing of
    /// it may show.
    pub fn derived<'c, S: AsRef<str> + 'c>(
        &self,
        columns: impl IntoIterator<Item = &'c [S]>,
    ) -> FieldMask {
        let matching = self.matching(columns);
        let mut mask = self.field(matching);
        if let Some(transform) = mask.transform {
            mask.transform = [&transform, &Transform::Redact]
                .into_iter()
                .collect::<Union>()
                .effective();
        }
        mask
    }

    /// The mask of what could not be traced to its columns, in a statement that touches a masked
    /// one.
    pub fn untraced(&self) -> FieldMask {
        FieldMask {
            transform: Some(Transform::Redact),
            ..self.text()
        }
    }

    /// Detectors for a text that streams by; none where there are none.
    pub fn text_mask(&self) -> Option<&Arc<TextMask>> {
        self.text.as_ref()
    }

    /// A masker for a stream of JSON; none where it would change nothing.
    pub fn json(&self, documents: Documents) -> Option<JsonMasker> {
        self.json
            .as_ref()
            .map(|plan| JsonMasker::new(plan.clone(), documents))
    }

    /// True when some column of this table may be masked.
    pub fn touches<S: AsRef<str>>(&self, table: &[S]) -> bool {
        self.columns
            .iter()
            .any(|(pattern, _)| pattern.touches(table))
    }

    /// What may be done with these columns: of all rules that mask any of them, the strictest.
    pub fn verdict<'c, S: AsRef<str> + 'c>(
        &self,
        columns: impl IntoIterator<Item = &'c [S]>,
    ) -> ColumnVerdict {
        let matching = self.matching(columns);
        let effects = || matching.iter().filter_map(|rule| self.rules.get(*rule));
        ColumnVerdict {
            predicates: effects()
                .map(|e| e.predicates)
                .max()
                .unwrap_or(Predicates::Allow),
            rules: effects().map(|effect| effect.name.clone()).collect(),
        }
    }

    /// What may be done with a place in documents, of all rules whose paths cover it the strictest,
    /// and how those cover it that do not allow all.
    pub fn place_verdict(&self, place: &DocumentPlace) -> (ColumnVerdict, Coverage) {
        let mut verdict = ColumnVerdict {
            predicates: Predicates::Allow,
            rules: Vec::new(),
        };
        let mut most = Coverage::None;
        for (rule, effect) in self.source.iter().zip(&self.rules) {
            let covered = rule.json_paths.iter().map(|path| path.covers(place)).max();
            let covered = covered.unwrap_or(Coverage::None);
            if covered != Coverage::None {
                if effect.predicates != Predicates::Allow {
                    most = most.max(covered);
                }
                verdict.predicates = verdict.predicates.max(effect.predicates);
                verdict.rules.push(effect.name.clone());
            }
        }
        (verdict, most)
    }

    /// The rule by which this subject may not define tables, views and functions, which could show a
    /// masked column under another name: one of those that mask columns is enough.
    pub fn denies_ddl(&self) -> Option<&ObjectName> {
        let mut masking = self.rules.iter().filter(|effect| effect.has_columns);
        let denying = masking.find(|effect| effect.ddl == DdlRule::Deny);
        denying.map(|effect| &effect.name)
    }

    /// The rules that mask any of these columns.
    fn matching<'c, S: AsRef<str> + 'c>(
        &self,
        columns: impl IntoIterator<Item = &'c [S]>,
    ) -> BTreeSet<usize> {
        let of = |column: &'c [S]| {
            self.columns
                .iter()
                .filter(move |(pattern, _)| pattern.matches(column))
                .map(at)
        };
        columns.into_iter().flat_map(of).collect()
    }

    fn field(&self, rules: BTreeSet<usize>) -> FieldMask {
        let effects = || rules.iter().filter_map(|rule| self.rules.get(*rule));
        let union: Union = effects().map(|effect| &effect.transform).collect();
        FieldMask {
            transform: union.effective(),
            rules: effects().map(|effect| effect.name.clone()).collect(),
            text: self.text.clone(),
            json: self.json.clone(),
        }
    }
}

// === impl Effect ===

impl Effect {
    fn of(rule: &MaskRule) -> Self {
        Self {
            name: rule.name.clone(),
            transform: rule.transform.clone(),
            predicates: rule.predicates,
            ddl: rule.ddl,
            has_columns: !rule.columns.is_empty(),
        }
    }
}

fn too_many_patterns(rule: &MaskRule) -> Option<InvalidMasks> {
    let count = rule.patterns.len();
    (count > PATTERNS_LIMIT).then(|| InvalidMasks::TooManyPatterns {
        rule: rule.name.clone(),
        count,
    })
}

fn finders(rule: &MaskRule) -> impl Iterator<Item = (Finder, Transform)> {
    let kinds = rule.detectors.iter().map(|kind| Finder::Kind(*kind));
    let patterns = rule
        .patterns
        .iter()
        .map(|pattern| Finder::Pattern(pattern.clone()));
    kinds
        .chain(patterns)
        .map(|finder| (finder, rule.transform.clone()))
}

fn with<T: Clone>(patterns: &[T], rule: usize) -> impl Iterator<Item = (T, usize)> {
    patterns.iter().map(move |pattern| (pattern.clone(), rule))
}

fn at<T>(pair: &(T, usize)) -> usize {
    pair.1
}

#[cfg(test)]
mod tests;

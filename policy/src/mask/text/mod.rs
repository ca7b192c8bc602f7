//! Masks what detectors find in a text.
//!
//! Detectors whose finds become the same are one *stage*; a text flows through the stages, the
//! strictest first, so that where two detectors find the same bytes the stricter transform has
//! them, whoever wrote which rule. Per detector, several rules come to one transform by
//! [`Union`]. All Partials come to the one that shows what each of them would show; a find is
//! never NULL, since it stands within a text, so Nullify is Redact here.
//!
//! A find that begins or ends within a character takes the whole character: what is UTF-8 stays
//! UTF-8. Memory is bounded: each stage holds what its scanner holds
//! ([`crate::mask::scan::CARRY_LIMIT`]) and how that was spelled (32 bytes, and the spelling, for
//! each escape or non-ASCII character of it).

mod spelling;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;

use crate::mask::detect::{
    CustomPattern, DetectorKind, DetectorSet, InvalidDetectors, SET_PATTERNS_LIMIT, is_card_number,
};
use crate::mask::transform::{Masked, REDACTED, Transform, TypeClass, Union};

use spelling::Flow;
use stage::Stage;

/// Most different transforms that rules with detectors may have for one subject. Each is a pass
/// over the text.
pub const MAX_STAGES: usize = 8;

/// Compiled detectors with what becomes of their finds.
#[derive(Debug, Clone)]
pub struct TextMask {
    groups: Vec<Group>,
    /// What becomes of a number that is a payment card's.
    cards: Option<Transform>,
}

/// What finds: a detector of ours or a pattern of the user's.
#[derive(Debug, Clone)]
pub enum Finder {
    Kind(DetectorKind),
    Pattern(CustomPattern),
}

/// Detectors that cannot be compiled together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidTextMask {
    #[error(transparent)]
    Detectors(#[from] InvalidDetectors),
    #[error("detectors have {0} different transforms; at most {MAX_STAGES} are allowed")]
    TooManyTransforms(usize),
}

/// Masks one text after the other, each in pieces of any size.
#[derive(Debug)]
pub struct TextMasker {
    stages: Vec<Stage>,
    /// The beginning of a character that was split.
    split: Vec<u8>,
    finds: u64,
}

/// How replacements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// As they stand within a JSON string.
    Json,
}

#[derive(Debug, Clone)]
struct Group {
    set: Arc<DetectorSet>,
    transform: Transform,
}

#[derive(Default)]
struct Draft {
    kinds: Vec<DetectorKind>,
    patterns: Vec<CustomPattern>,
}

// === impl TextMask ===

impl TextMask {
    /// None where there is nothing to find. What compiles also compiles in part, for all limits
    /// are on what is given and not on what it comes to.
    pub fn compile(finders: &[(Finder, Transform)]) -> Result<Option<Self>, InvalidTextMask> {
        let transforms = transforms(finders);
        if transforms > MAX_STAGES {
            return Err(InvalidTextMask::TooManyTransforms(transforms));
        }
        let settled = settle(finders);
        let is_pattern = |(finder, _): &&(Finder, Transform)| matches!(finder, Finder::Pattern(_));
        let patterns = settled.iter().filter(is_pattern).count();
        if patterns > SET_PATTERNS_LIMIT {
            return Err(InvalidDetectors::TooManyPatterns(patterns).into());
        }
        let card = |(finder, transform): &(Finder, Transform)| match finder {
            Finder::Kind(DetectorKind::CreditCard) => Some(transform.clone()),
            _ => None,
        };
        let cards = settled.iter().find_map(card);
        let mut drafts: Vec<(Transform, Draft)> = Vec::new();
        for (finder, transform) in settled {
            let known = drafts.iter().position(|(its, _)| *its == transform);
            let index = known.unwrap_or_else(|| {
                drafts.push((transform, Draft::default()));
                drafts.len() - 1
            });
            let Some((_, draft)) = drafts.get_mut(index) else {
                continue;
            };
            match finder {
                Finder::Kind(kind) => draft.kinds.push(kind),
                Finder::Pattern(pattern) => draft.patterns.push(pattern),
            }
        }
        // Equal ranks differ in their keys alone; by name, so that no order of rules matters.
        drafts.sort_by_key(|(transform, _)| rank(transform));
        let groups = drafts.into_iter().map(|(transform, draft)| {
            let set = DetectorSet::compile(&draft.kinds, &draft.patterns)?;
            Ok(Group {
                set: Arc::new(set),
                transform,
            })
        });
        let groups = groups.collect::<Result<Vec<_>, InvalidTextMask>>()?;
        Ok((!groups.is_empty()).then_some(Self { groups, cards }))
    }

    /// True when nothing is found.
    pub fn is_clean(&self, text: &[u8]) -> bool {
        self.groups.iter().all(|group| group.set.is_clean(text))
    }

    /// True when numbers are looked at.
    pub fn looks_at_numbers(&self) -> bool {
        self.cards.is_some()
    }

    /// What stands in a number's place; none where it stays. The only numbers that are found are
    /// those of payment cards: any other would be found in too many that are none.
    pub fn mask_number(&self, number: &[u8]) -> Option<Masked> {
        let transform = self.cards.as_ref()?;
        is_card_number(number).then(|| transform.apply(TypeClass::Number, Some(number)))
    }

    /// The text with its finds replaced; none when nothing is found.
    pub fn mask(&self, text: &[u8]) -> Option<Vec<u8>> {
        if self.is_clean(text) {
            return None;
        }
        let mut masker = self.begin();
        let mut out = Vec::with_capacity(text.len());
        masker.push(text, &mut out);
        masker.finish(&mut out);
        Some(out)
    }

    /// The transforms of all that find something, for a value that is replaced as a whole.
    pub fn found(&self, text: &[u8]) -> Union {
        let finding = self.groups.iter().filter(|group| !group.set.is_clean(text));
        finding.map(|group| &group.transform).collect()
    }

    pub fn begin(&self) -> TextMasker {
        self.begin_as(Style::Plain)
    }

    pub(super) fn begin_as(&self, style: Style) -> TextMasker {
        let stage = |group: &Group| Stage::new(group.set.clone(), group.transform.clone(), style);
        TextMasker {
            stages: self.groups.iter().map(stage).collect(),
            split: Vec::new(),
            finds: 0,
        }
    }
}

// === impl TextMasker ===

impl TextMasker {
    /// Appends to `out` what of the text so far may pass.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut flow = Flow::default();
        if self.split.is_empty() && text.is_ascii() {
            flow.plain(text);
        } else {
            self.split.extend_from_slice(text);
            let whole = whole_characters(&self.split);
            let rest = self.split.split_off(whole);
            flow.characters(&std::mem::replace(&mut self.split, rest));
        }
        self.run(flow, false, out);
    }

    /// A character that was written as an escape.
    pub(super) fn push_escape(&mut self, character: char, raw: &[u8], out: &mut Vec<u8>) {
        let mut flow = Flow::default();
        flow.special(character.encode_utf8(&mut [0; 4]).as_bytes(), raw);
        self.run(flow, false, out);
    }

    /// Ends the text; what is pushed next is another.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let mut flow = Flow::default();
        flow.plain(&std::mem::take(&mut self.split));
        self.run(flow, true, out);
    }

    /// How many finds there were.
    pub fn finds(&self) -> u64 {
        self.finds
    }

    fn run(&mut self, mut flow: Flow, last: bool, out: &mut Vec<u8>) {
        for stage in &mut self.stages {
            let (next, finds) = stage.run(&flow, last);
            self.finds += finds;
            flow = next;
        }
        flow.write(out);
    }
}

/// How many different transforms are given. Partials count as one, for they come to one.
fn transforms(finders: &[(Finder, Transform)]) -> usize {
    let ranks: BTreeSet<_> = finders
        .iter()
        .map(|(_, transform)| rank(transform))
        .collect();
    ranks.len()
}

/// One transform for each detector, as it is applied within a text.
fn settle(finders: &[(Finder, Transform)]) -> Vec<(Finder, Transform)> {
    let mut kinds: BTreeMap<DetectorKind, Union> = BTreeMap::new();
    let mut patterns: Vec<(CustomPattern, Union)> = Vec::new();
    for (finder, transform) in finders {
        match finder {
            Finder::Kind(kind) => kinds.entry(*kind).or_default().add(transform),
            Finder::Pattern(pattern) => {
                let known = patterns.iter_mut().find(|(its, _)| its.finds_like(pattern));
                match known {
                    Some((_, union)) => union.add(transform),
                    None => {
                        let union: Union = std::iter::once(transform).collect();
                        patterns.push((distinct(pattern, &patterns), union));
                    }
                }
            }
        }
    }
    let kinds = kinds
        .into_iter()
        .map(|(kind, union)| (Finder::Kind(kind), union));
    let patterns = patterns
        .into_iter()
        .map(|(pattern, union)| (Finder::Pattern(pattern), union));
    let mut settled: Vec<(Finder, Transform)> = kinds
        .chain(patterns)
        .filter_map(|(finder, union)| Some((finder, within_text(union.effective()?))))
        .collect();
    let partials = settled
        .iter()
        .map(|(_, t)| t)
        .filter(|t| matches!(t, Transform::Partial { .. }));
    if let Some(smallest) = partials.collect::<Union>().effective() {
        for (_, transform) in &mut settled {
            if matches!(transform, Transform::Partial { .. }) {
                *transform = smallest.clone();
            }
        }
    }
    settled
}

/// Two rules may give two patterns one name; they are told apart here.
fn distinct(pattern: &CustomPattern, known: &[(CustomPattern, Union)]) -> CustomPattern {
    pattern.renamed(format!("pattern-{}", known.len()))
}

fn within_text(transform: Transform) -> Transform {
    match transform {
        Transform::Nullify => Transform::Redact,
        other => other,
    }
}

/// Strictest first; keys by what they are.
fn rank(transform: &Transform) -> (u8, [u8; 32]) {
    match transform {
        Transform::Nullify | Transform::Redact => (0, [0; 32]),
        Transform::Hash { key } => (1, key.identity()),
        Transform::Tokenize { key } => (2, key.identity()),
        Transform::Partial { .. } => (3, [0; 32]),
    }
}

/// What stands in the place of a find.
fn replacement(transform: &Transform, find: &[u8]) -> String {
    match transform.apply(TypeClass::Text, Some(find)) {
        Masked::Text(text) => text,
        Masked::Null => REDACTED.to_owned(),
    }
}

/// How much of it does not end within a character.
fn whole_characters(text: &[u8]) -> usize {
    let tail = text.len().saturating_sub(3);
    let last = text
        .iter()
        .skip(tail)
        .rposition(|byte| *byte >= 0xc0)
        .map(|at| at + tail);
    match last {
        Some(start) => match std::str::from_utf8(text.get(start..).unwrap_or_default()) {
            Err(error) if error.error_len().is_none() => start,
            _ => text.len(),
        },
        None => text.len(),
    }
}

#[cfg(test)]
mod tests;

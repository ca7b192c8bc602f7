//! Several rules on one value.

use crate::mask::transform::{MaskKey, Transform};

/// All transforms that speak of one value. The strictest wins whatever the order:
/// Nullify > Redact > Hash > Tokenize > Partial. Two Partials show what both would show; two
/// different keys, of hashes or of tokens, cannot both be kept and so redact.
///
/// Adding a transform never loosens what comes out, also where an earlier conflict would be
/// hidden by it: each rank is remembered by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Union {
    nullify: bool,
    redact: bool,
    hash: Option<MaskKey>,
    token: Option<MaskKey>,
    partial: Option<(usize, usize)>,
}

// === impl Union ===

impl Union {
    pub fn add(&mut self, transform: &Transform) {
        match transform {
            Transform::Nullify => self.nullify = true,
            Transform::Redact => self.redact = true,
            Transform::Hash { key } => self.redact |= conflicts(&mut self.hash, key),
            Transform::Tokenize { key } => self.redact |= conflicts(&mut self.token, key),
            Transform::Partial {
                keep_first,
                keep_last,
            } => {
                let (first, last) = self.partial.unwrap_or((usize::MAX, usize::MAX));
                self.partial = Some((first.min(*keep_first), last.min(*keep_last)));
            }
        }
    }

    /// The transform that all of them come to; none where there were none.
    pub fn effective(&self) -> Option<Transform> {
        if self.nullify {
            return Some(Transform::Nullify);
        }
        if self.redact {
            return Some(Transform::Redact);
        }
        let hash = self.hash.clone().map(|key| Transform::Hash { key });
        let token = self.token.clone().map(|key| Transform::Tokenize { key });
        let partial = self
            .partial
            .map(|(keep_first, keep_last)| Transform::Partial {
                keep_first,
                keep_last,
            });
        hash.or(token).or(partial)
    }
}

impl<'a> FromIterator<&'a Transform> for Union {
    fn from_iter<I: IntoIterator<Item = &'a Transform>>(transforms: I) -> Self {
        let mut union = Self::default();
        transforms
            .into_iter()
            .for_each(|transform| union.add(transform));
        union
    }
}

fn conflicts(kept: &mut Option<MaskKey>, key: &MaskKey) -> bool {
    *kept.get_or_insert_with(|| key.clone()) != *key
}

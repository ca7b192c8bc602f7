//! What of a text may be recorded.

use std::borrow::Cow;
use std::sync::LazyLock;

use portcullis_policy::mask::scan::CARRY_LIMIT;
use portcullis_policy::mask::text::{Finder, TextMask, TextMasker};
use portcullis_policy::mask::{DetectorKind, MaskSet, REDACTED, Transform};

use crate::hex::unhex;

/// The most of an operation's text that is recorded; how much more there was is marked.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Credentials by their form. They are never recorded, also for subjects who see everything.
const CREDENTIALS: &[DetectorKind] = &[
    DetectorKind::Jwt,
    DetectorKind::AwsKey,
    DetectorKind::GcpKey,
    DetectorKind::GithubToken,
    DetectorKind::SlackToken,
    DetectorKind::ApiKey,
    DetectorKind::PrivateKey,
    DetectorKind::ConnectionString,
];

static CREDENTIAL_MASK: LazyLock<Option<TextMask>> = LazyLock::new(|| {
    let finders: Vec<(Finder, Transform)> = CREDENTIALS
        .iter()
        .map(|kind| (Finder::Kind(*kind), Transform::Redact))
        .collect();
    TextMask::compile(&finders).ok().flatten()
});

/// The detectors that a subject's texts go through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cleaner<'a> {
    masks: Option<&'a TextMask>,
}

/// Bytes that go through the detectors as they come.
#[derive(Debug)]
pub(crate) struct Cleaning {
    maskers: Vec<TextMasker>,
}

// === impl Cleaner ===

impl<'a> Cleaner<'a> {
    pub(crate) fn new(masks: &'a MaskSet) -> Self {
        Self {
            masks: masks.text_mask().map(|mask| &**mask),
        }
    }

    /// For what comes in pieces of any size.
    pub(crate) fn begin(&self) -> Cleaning {
        let masks = [self.masks, CREDENTIAL_MASK.as_ref()].into_iter().flatten();
        Cleaning {
            maskers: masks.map(TextMask::begin).collect(),
        }
    }

    /// An operation's text, and how many of its bytes are left out. What is found across the cut
    /// is found all the same.
    pub(crate) fn text<'t>(&self, text: &'t str) -> (Cow<'t, str>, usize) {
        if text.len() <= MAX_TEXT_BYTES {
            return (self.clean(text), 0);
        }
        let shown = text.floor_char_boundary(MAX_TEXT_BYTES);
        let looked_at = text.floor_char_boundary(MAX_TEXT_BYTES + CARRY_LIMIT);
        let omitted = text.len() - shown;
        let cleaned = self.clean(text.get(..looked_at).unwrap_or_default());
        let end = cleaned.floor_char_boundary(MAX_TEXT_BYTES);
        let kept = cleaned.get(..end).unwrap_or_default().to_owned();
        (kept.into(), omitted)
    }

    /// A value by itself; bytes written as hexadecimal are looked into.
    pub(crate) fn value<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match text.strip_prefix("\\x").and_then(unhex) {
            Some(bytes) if !self.is_clean(&bytes) => REDACTED.into(),
            _ => self.clean(text),
        }
    }

    /// How many values were found in a text, and what is left of it.
    pub(crate) fn counted(&self, text: &str) -> (String, u64) {
        let mut text = text.as_bytes().to_vec();
        let mut finds = 0;
        for mask in [self.masks, CREDENTIAL_MASK.as_ref()].into_iter().flatten() {
            let mut masker = mask.begin();
            let mut out = Vec::with_capacity(text.len());
            masker.push(&text, &mut out);
            masker.finish(&mut out);
            finds += masker.finds();
            text = out;
        }
        (String::from_utf8_lossy(&text).into_owned(), finds)
    }

    /// A short text, cut at so many bytes.
    pub(crate) fn short(&self, text: &str, max: usize) -> String {
        let (cleaned, _) = self.text(text);
        let end = cleaned.floor_char_boundary(max);
        cleaned.get(..end).unwrap_or_default().to_owned()
    }

    fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        for mask in [self.masks, CREDENTIAL_MASK.as_ref()].into_iter().flatten() {
            if let Some(masked) = mask.mask(clean.as_bytes()) {
                clean = String::from_utf8_lossy(&masked).into_owned().into();
            }
        }
        clean
    }

    fn is_clean(&self, bytes: &[u8]) -> bool {
        let mut masks = [self.masks, CREDENTIAL_MASK.as_ref()].into_iter().flatten();
        masks.all(|mask| mask.is_clean(bytes))
    }
}

// === impl Cleaning ===

impl Cleaning {
    /// Appends to `out` what of it may be recorded so far.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut text = Cow::Borrowed(bytes);
        for masker in &mut self.maskers {
            let mut clean = Vec::with_capacity(text.len());
            masker.push(&text, &mut clean);
            text = clean.into();
        }
        out.extend_from_slice(&text);
    }

    /// Ends it; what is pushed next is looked at by itself.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let mut text = Vec::new();
        for masker in &mut self.maskers {
            let mut clean = Vec::new();
            masker.push(&text, &mut clean);
            masker.finish(&mut clean);
            text = clean;
        }
        out.append(&mut text);
    }
}

#[cfg(test)]
mod tests;

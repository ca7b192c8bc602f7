//! Signed heads in the record, and those that were anchored elsewhere.

use super::WriterCheck;
use crate::chain::{Break, Chain, signed_head};
use crate::checkpoint::{Head, HeadKind};
use crate::format::{Frame, SegmentStart, Signed, kind};
use crate::verify::Finding;

// === impl WriterCheck ===

impl WriterCheck {
    pub(super) fn anchor(&mut self, anchor: &Head) {
        if anchor.writer != self.report.writer {
            return;
        }
        let (sequence, key) = (anchor.sequence, anchor.key);
        if !anchor.is_trusted(&self.keys) {
            self.find(Finding::AnchorUntrusted { sequence, key });
            return;
        }
        let known = self
            .anchors
            .entry(sequence)
            .or_insert_with(|| anchor.clone());
        if known.hash != anchor.hash {
            self.find(Finding::AnchorsDisagree { sequence });
        }
    }

    /// The chain ahead of a checkpoint that a trusted key signed for this place: there
    /// the chain is known again, whatever happened ahead of it.
    pub(super) fn found_again(&self, place: &SegmentStart, frame: &Frame<'_>) -> Option<Chain> {
        let kind = match frame.header.kind {
            kind::CHECKPOINT => HeadKind::Checkpoint,
            kind::SEAL => HeadKind::Seal,
            _ => return None,
        };
        let signed = Signed::decode(frame).ok()?;
        let sequence = frame.header.sequence.checked_sub(1)?;
        let head = Head {
            kind,
            writer: place.writer.clone(),
            segment: place.segment,
            sequence,
            time: frame.header.time,
            hash: signed.hash,
            key: signed.key,
            signature: signed.signature,
        };
        let before = Chain {
            head: signed.hash,
            next: frame.header.sequence,
        };
        let mut chain = before;
        (head.is_trusted(&self.keys) && chain.follow(frame).is_ok()).then_some(before)
    }

    /// The frame that an anchor covers has its hash, and the one after it carries it.
    pub(super) fn compare_with_anchors(
        &mut self,
        place: &SegmentStart,
        before: Chain,
        chain: Chain,
        frame: &Frame<'_>,
    ) {
        if self.anchors.is_empty() || self.forked {
            return;
        }
        let sequence = frame.header.sequence;
        let covered = self.anchors.get(&sequence);
        let carried = sequence
            .checked_sub(1)
            .and_then(|covered| self.anchors.get(&covered));
        let is_carried = |anchor: &Head| matches!(signed_head(place, before, frame), Ok(Some(head)) if head == *anchor);
        self.forked = covered.is_some_and(|anchor| anchor.hash != chain.head)
            || carried.is_some_and(|anchor| !is_carried(anchor));
        if self.forked {
            self.find(Finding::Forked { sequence });
        } else if covered.is_some() {
            self.report.anchored = sequence;
        }
    }

    pub(super) fn checkpoint(&mut self, place: &SegmentStart, before: Chain, frame: &Frame<'_>) {
        let (segment, sequence) = (place.segment, frame.header.sequence);
        let head = match signed_head(place, before, frame) {
            Ok(Some(head)) => head,
            Ok(None) => return,
            Err(Break::Format { source, .. }) => return self.damaged(segment, before, source),
            Err(_) => {
                // All later ones will sign another chain too.
                if !std::mem::replace(&mut self.rewritten, true) {
                    self.find(Finding::Rewritten { segment, sequence });
                }
                return;
            }
        };
        if self.keys.get(&head.key).is_none() {
            if self.untrusted.insert(head.key) {
                self.find(Finding::UntrustedKey {
                    sequence,
                    key: head.key,
                });
            }
        } else if !frame.header.session.is_none() {
            // No writer puts a session there, and no signature covers it.
            self.find(Finding::FrameChanged { segment, sequence });
        } else if head.is_trusted(&self.keys) {
            self.rewritten = false;
            // The frame itself is covered too if nothing in it is left to choose.
            let through = if is_canonical(frame, &head) {
                sequence
            } else {
                head.sequence
            };
            self.vouched = through;
            self.report.signed = through;
            if !self.forked && self.anchors.get(&head.sequence) == Some(&head) {
                self.report.anchored = through;
            }
        } else {
            self.find(Finding::WrongSignature { segment, sequence });
        }
    }
}

/// Whether a checkpoint's frame is the only one that could carry its head: then the
/// head's signature covers the frame, too.
fn is_canonical(frame: &Frame<'_>, head: &Head) -> bool {
    let signed = Signed {
        hash: head.hash,
        key: head.key,
        signature: head.signature,
    };
    let mut payload = Vec::new();
    signed.encode(&mut payload);
    frame.payload == payload
}

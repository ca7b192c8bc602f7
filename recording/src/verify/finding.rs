//! What may be wrong with a record, each by its own name.

use crate::checkpoint::KeyId;
use crate::event::{SessionId, WriterId};
use crate::format::FormatError;

/// One thing that is wrong, or that nothing covers. Ranges include both ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    #[error("the record begins with segment {first}; those before it are missing")]
    BeginningMissing { first: u64 },
    #[error("segments {from} to {to} are missing")]
    SegmentsMissing { from: u64, to: u64 },
    #[error("frames {from} to {to} are missing")]
    FramesMissing { from: u64, to: u64 },
    #[error("the record ends at frame {last}, but its head at frame {anchored} was anchored")]
    TailMissing { last: u64, anchored: u64 },
    #[error("the key of session {session} is missing: nobody can read it any more")]
    KeyMissing { session: SessionId },

    #[error("frame {sequence} of segment {segment} was changed, or one shortly before it")]
    FrameChanged { segment: u64, sequence: u64 },
    #[error("segment {segment} cannot be read after frame {after}: {source}")]
    SegmentDamaged {
        segment: u64,
        after: u64,
        source: FormatError,
    },
    #[error("segment {segment} cannot be read: {why}")]
    SegmentUnreadable { segment: u64, why: String },
    #[error("segment {segment} does not begin with its start")]
    NoStart { segment: u64 },
    #[error("segment {segment} holds other content than its name says")]
    SegmentMisnamed { segment: u64 },
    #[error("the key of session {session} is not the one that was announced")]
    KeyChanged { session: SessionId },
    #[error(
        "something before frame {sequence} of segment {segment} was written anew: its checkpoint signs another chain"
    )]
    Rewritten { segment: u64, sequence: u64 },
    #[error("segment {segment} does not continue the one before it")]
    NotContinued { segment: u64 },

    #[error("frame {sequence} of segment {segment} stands after a later one")]
    FrameMoved { segment: u64, sequence: u64 },
    #[error("frame {sequence} of segment {segment} was there before")]
    FrameRepeated { segment: u64, sequence: u64 },
    #[error("frame {sequence} of segment {segment} does not belong there")]
    FrameForeign { segment: u64, sequence: u64 },
    #[error("several objects are segment {segment}, and they differ")]
    SegmentRepeated { segment: u64 },
    #[error("what is named segment {segment} is segment {found}")]
    SegmentMoved { segment: u64, found: u64 },
    #[error("what is named segment {segment} is of writer {found}")]
    OtherWriter { segment: u64, found: WriterId },
    #[error("there is something after the seal at frame {sequence} of segment {segment}")]
    AfterSeal { segment: u64, sequence: u64 },

    #[error("segment {segment} is cut off in the middle of the frame after frame {after}")]
    SegmentTruncated { segment: u64, after: u64 },

    #[error("from frame {sequence} on, key {key} signs, which is not trusted")]
    UntrustedKey { sequence: u64, key: KeyId },
    #[error("the signature at frame {sequence} of segment {segment} is wrong")]
    WrongSignature { segment: u64, sequence: u64 },
    #[error("the record at frame {sequence} is not the one whose head was anchored")]
    Forked { sequence: u64 },
    #[error("two anchors name different heads at frame {sequence}")]
    AnchorsDisagree { sequence: u64 },
    #[error(
        "the anchor at frame {sequence} is not signed by a trusted key ({key}) and was not used"
    )]
    AnchorUntrusted { sequence: u64, key: KeyId },

    #[error("no trusted signature covers frames {from} to {to}")]
    Unsigned { from: u64, to: u64 },
    #[error("no anchor covers frames {from} to {to}")]
    Unanchored { from: u64, to: u64 },
}

/// Sorts of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Removed,
    Changed,
    /// Moved, repeated, or put in.
    Reordered,
    Truncated,
    /// Signed by another key, or anew by the right one.
    Resigned,
    /// Nothing is known to be wrong, and nothing vouches for it.
    Uncovered,
}

// === impl Finding ===

impl Finding {
    pub fn class(&self) -> Class {
        match self {
            Self::BeginningMissing { .. }
            | Self::SegmentsMissing { .. }
            | Self::FramesMissing { .. }
            | Self::KeyMissing { .. } => Class::Removed,
            Self::FrameChanged { .. }
            | Self::SegmentDamaged { .. }
            | Self::SegmentUnreadable { .. }
            | Self::NoStart { .. }
            | Self::SegmentMisnamed { .. }
            | Self::KeyChanged { .. }
            | Self::Rewritten { .. }
            | Self::NotContinued { .. } => Class::Changed,
            Self::FrameMoved { .. }
            | Self::FrameRepeated { .. }
            | Self::FrameForeign { .. }
            | Self::SegmentRepeated { .. }
            | Self::SegmentMoved { .. }
            | Self::OtherWriter { .. }
            | Self::AfterSeal { .. } => Class::Reordered,
            Self::TailMissing { .. } | Self::SegmentTruncated { .. } => Class::Truncated,
            Self::UntrustedKey { .. }
            | Self::WrongSignature { .. }
            | Self::Forked { .. }
            | Self::AnchorsDisagree { .. }
            | Self::AnchorUntrusted { .. } => Class::Resigned,
            Self::Unsigned { .. } | Self::Unanchored { .. } => Class::Uncovered,
        }
    }
}

//! What may be seen of what the server sends: rows, COPY data, errors, notices, notifications.
//!
//! ```text
//! analysis, lineage ─> Plan ─ rows ─> RowMask     for each result, at its RowDescription
//!   (or a refusal)          ├ copy ─> CopyMask    for COPY … TO STDOUT
//!                           └ reports ─> Reports  for errors and notices
//! ```
//!
//! A [`Plan`] is made before an operation is forwarded, and refuses what would show a masked
//! column in another way than in its answer. Everything here is without IO: bytes in, bytes out.
//! What cannot be masked is an error ([`Unmaskable`]), and nothing of it is given out.

mod array;
mod copy;
mod denied;
mod field;
mod kind;
mod number;
mod placeholder;
mod plan;
mod reports;
mod revealing;
mod rows;
mod spelled;

#[cfg(test)]
mod samples;

pub use copy::CopyMask;
pub use placeholder::PlaceholderSearch;
pub use plan::{Known, Plan, Reach};
pub use reports::Reports;
pub use rows::{RowMask, Run};

use portcullis_dialect::postgres::copy::InvalidCopy;
use portcullis_dialect::postgres::wire::InvalidFrame;
use portcullis_policy::Class;
use portcullis_policy::mask::MustRefuse;
use thiserror::Error;

use crate::session::denial::Denial;

/// An answer that cannot be masked. Nothing more of it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unmaskable {
    #[error("a row is malformed: {0}")]
    Frame(#[from] InvalidFrame),
    #[error("a row has {found} fields, and {expected} were described")]
    Fields { expected: usize, found: usize },
    #[error(transparent)]
    Value(#[from] MustRefuse),
    #[error(transparent)]
    Copy(#[from] InvalidCopy),
    #[error("rows came that were not described")]
    Undescribed,
    #[error("the masked row is longer than a message may be")]
    TooLarge,
}

// === impl Unmaskable ===

impl Unmaskable {
    /// What the client reads. It names no value.
    pub fn denial(&self) -> Denial {
        let class = match self {
            Self::TooLarge | Self::Copy(InvalidCopy::TooLong(_)) => Class::TooLarge,
            _ => Class::MaskImpossible,
        };
        denied::denial(
            class,
            None,
            format!("the answer cannot be masked: {self}"),
            "Leave the column out, or ask for fewer or smaller values.",
        )
    }
}

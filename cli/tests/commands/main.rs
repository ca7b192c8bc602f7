//! The command as people run it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, reads files of this repository, and measures how long a \
              replay waits"
)]

mod approvals;
mod cluster;
mod pipes;
mod policies;
mod run;
mod sessions;

//! The gate and the sessions behind it, with a real writer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    clippy::disallowed_methods,
    reason = "a test stops where something is wrong, and reads its own small files"
)]

mod approvals;
mod bed;
mod judged;
mod running;
mod sessions;

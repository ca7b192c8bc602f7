//! The gate and the sessions behind it, with a real writer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test stops where something is wrong, reads its own small files, and shares its bed"
)]

mod admin;
mod approvals;
mod bed;
mod judged;
mod running;
mod sessions;

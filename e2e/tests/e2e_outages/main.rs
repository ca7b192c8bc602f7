//! What holds while something is away. These tests take it away for everybody, so they run when the
//! others are done, and one after the other.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "what goes wrong in a test fails it, and a field of JSON that is not there is null"
)]

mod api_server;
mod authority;
mod connections;
mod crowd;
mod leadership;
mod node;
mod operator_away;
mod operator_killed;
mod replicas;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// For as long as it is held no other of these tests runs.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

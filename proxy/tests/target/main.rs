//! The side towards the target, against a real server: logins by every method and TLS mode, and
//! what a session reads of itself without leaving a trace.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod login;
mod old_certificate;
mod server;
mod view;

//! A real client, the proxy, a real server: what passes, what is refused, and that the session
//! goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unreachable,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test fails by panicking, says on stderr why it skips, and shares its bed with others"
)]

#[path = "../gate/bed.rs"]
mod bed;
#[path = "../target/server.rs"]
mod server;

mod apps;
mod backslash;
mod binary;
mod classes;
mod client;
mod cursors;
mod drain;
mod drivers;
mod edges;
mod encodings;
mod holds;
mod house;
mod inflight;
mod jdbc;
mod killed;
mod kinds;
mod lacking;
mod limits;
mod locked;
mod masking;
mod memory;
mod metrics;
mod oidc;
mod openings;
mod peers;
mod pinned;
mod psql;
mod record;
mod refused;
mod reload;
mod reviews;
mod run;
mod same;
mod samples;
mod sent;
mod sizes;
mod tails;
mod talk;
mod tools;
mod universes;
mod unread;
mod wire;

//! Classification against a real server: tables of cases over a catalogue that was loaded from it,
//! and a differential test: what is called Read runs in a READ ONLY transaction.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a test fails by panicking and says on stderr what it counted"
)]

mod assumed;
mod bounds;
mod cases;
mod clauses;
mod combined;
mod differential;
mod encodings;
mod events;
mod fingerprint;
mod lacking;
mod limits;
mod lineage;
mod nesting;
mod server;
mod session;
mod unread;

//! PostgreSQL, from the first byte of a client to the last.
//!
//! ```text
//! login ─ proven subject, open session ─> upstream ─ logged in ─> relay ─ until the end
//!   └ cancel: a key of ours ─> the relay that it was given to
//! ```
//!
//! Spoken: protocol 3.0 and 3.2, TLS by request and direct, the simple and the extended protocol,
//! COPY, cancel. Refused by name: replication, function calls by message, GSS encryption.

pub mod analysis;
mod cancel;
mod joined;
mod login;
pub mod mask;
mod refuse;
mod relay;
pub mod upstream;

pub use joined::Postgres;

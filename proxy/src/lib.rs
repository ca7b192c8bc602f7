//! The data plane: how bytes flow.
//!
//! `listen` accepts and starts TLS; `protocol` speaks; `identity` proves who acts; `session` holds
//! the gate, the only place where an operation may pass; `control` keeps what each Connection is
//! at this moment. Arrows: see `docs/architecture.md`; the tidy test checks them.

pub mod admin;
pub mod cluster;
pub mod config;
pub mod control;
mod hex;
pub mod identity;
pub mod io;
pub mod listen;
pub mod metrics;
pub mod protocol;
pub mod secret;
pub mod serving;
pub mod session;
pub mod shutdown;
pub mod standalone;
pub mod telemetry;

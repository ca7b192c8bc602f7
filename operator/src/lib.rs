//! What turns custom resources into proxies, and keeps their status.
//!
//! ```text
//! main ─ run ─┬─ world        watches; what is known, and what changed
//!             ├─ lease        who of several replicas writes
//!             ├─ controller   one reconcile a kind; only where the lease is held
//!             │     ├─ desired   pure: what a Connection's objects should be
//!             │     ├─ apply     server-side apply, and nothing where nothing differs
//!             │     └─ status    pure: conditions from facts
//!             ├─ pki          a CA that rotates; pure but for chance
//!             ├─ admission    webhooks, on every replica
//!             └─ probe        health, metrics
//! ```
//!
//! Proxies do not depend on the operator: they watch the same resources and compile them
//! themselves. While it is away policies hold, approvals wait, and nothing opens.

pub mod admission;
pub mod api_server;
pub mod apply;
pub mod clock;
pub mod config;
pub mod controller;
pub mod desired;
pub mod error;
#[cfg(test)]
mod fake;
pub mod lease;
pub mod metrics;
pub mod pki;
pub mod probe;
pub mod run;
pub mod status;
pub mod telemetry;
pub mod world;

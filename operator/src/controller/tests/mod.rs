//! Reconciles against an API server in memory.

mod bed;
mod connections;
mod policies;
mod requests;

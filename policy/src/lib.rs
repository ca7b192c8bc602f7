//! Decisions and masks.
//!
//! This crate is told an [`Operation`] by a [`Subject`] and answers with a decision; it is told a
//! value on its way back and answers with what may be seen. It knows no protocol, no cluster, no
//! runtime and no clock: time, randomness and counters are arguments, so every answer can be
//! tested by table and replayed from a record.

pub mod mask;
pub mod operation;
pub mod subject;

pub use operation::{Access, Effect, Flag, Operation, Resource, ResourceKind};
pub use subject::Subject;

//! The immutable rules of one connection.

mod parts;

pub use parts::{AccessRule, ConnectionFacts, Requirement, RequirementKind, SnapshotParts};

//! What every change to this repository is held to, beyond the compiler and clippy.
//!
//! The rules are functions from plain input (a file's text, a list of packages) to [`Finding`]s,
//! so each has tests of its own that show it failing. `tests/tidy.rs` runs all of them over the
//! repository. Exceptions stand in one place, [`exceptions`], each with its reason; one that is
//! no longer needed is a finding too.
//!
//! It is a crate at the root and not a test of the data plane, so that it runs within seconds of
//! an edit, without building what it judges, and so that the rules can have files of their own.

pub mod cargo;
pub mod exceptions;
pub mod finding;
pub mod repository;
pub mod rules;
pub mod rust;

pub use exceptions::Exception;
pub use finding::Finding;
pub use repository::{Repository, SourceFile};

//! The open sessions, to be listed and ended. (owner: session)

/// The open sessions of the process.
#[derive(Debug, Default)]
pub struct Registry {}

//! How much is read. Each limit is refused by name, and tested at the limit and one past it.

/// The most bytes of one file.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;
/// The most bytes of all files that are read together.
pub const MAX_TOTAL_BYTES: usize = 64 * 1024 * 1024;
/// The most documents in one file.
pub const MAX_DOCUMENTS: usize = 1_000;
/// The most objects in all files that are read together.
pub const MAX_OBJECTS: usize = 10_000;
/// How deep maps and lists of one document nest.
pub const MAX_DEPTH: usize = 32;
/// The most keys and values of one file.
pub const MAX_NODES: usize = 200_000;
/// The most errors that are told; the rest is only counted.
pub const MAX_ERRORS: usize = 100;
/// The most signs of a wrong value that an error repeats.
pub(super) const MAX_SHOWN: usize = 60;

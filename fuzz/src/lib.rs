//! Fuzz targets for everything that reads hostile input.
//!
//! A target is a module here with `check(data)`: it must come back, and soon, whatever `data` is,
//! and what it asserts must hold for every input. `fuzz_targets/` hands each to libFuzzer, and
//! `corpus/` keeps its seeds, which the tests of this crate replay on every run.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failed expectation is what a fuzz target is for"
)]

pub mod decisions;
pub mod documents;
pub mod events;
pub mod expressions;
pub mod frames;
pub mod json;
pub mod keys;
pub mod lineage;
pub mod patterns;
pub mod segments;
pub mod sql;
pub mod texts;
pub mod values;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target; the name is that of its module, its file in `fuzz_targets/` and its corpus.
pub const TARGETS: &[Target] = &[
    ("decisions", decisions::check),
    ("documents", documents::check),
    ("events", events::check),
    ("expressions", expressions::check),
    ("frames", frames::check),
    ("json", json::check),
    ("keys", keys::check),
    ("lineage", lineage::check),
    ("patterns", patterns::check),
    ("segments", segments::check),
    ("sql", sql::check),
    ("texts", texts::check),
    ("values", values::check),
];

/// Splits seeds that a person can read: lines, the last of which takes the rest.
fn lines<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let mut parts = std::str::from_utf8(data).ok()?.splitn(N, '\n');
    let mut lines = [""; N];
    for line in &mut lines {
        *line = parts.next()?;
    }
    Some(lines)
}

#[cfg(test)]
mod tests;

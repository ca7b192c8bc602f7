//! Files, read in bounded memory.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Failed;

/// The text of a file; one that is longer is refused, and not cut.
pub(crate) fn bounded(path: &Path, limit: u64) -> Result<String, Failed> {
    let at = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let file = File::open(path).map_err(|error| at(&error))?;
    let mut text = String::new();
    #[allow(clippy::disallowed_methods, reason = "bounded by take")]
    file.take(limit.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|error| at(&error))?;
    match text.len() as u64 > limit {
        true => Err(at(&format!("has more than {limit} bytes")).into()),
        false => Ok(text),
    }
}

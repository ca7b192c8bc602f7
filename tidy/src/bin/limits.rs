//! Writes docs/limits.md from the limits in the code; `make gen` calls it.

use std::error::Error;
use std::fs;
use std::path::Path;

use portcullis_tidy::Repository;
use portcullis_tidy::rules::limits;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("no folder above")?;
    let limits = limits::collect(Repository::read(root)?.rust_files());
    fs::write(root.join(limits::PAGE), limits::page(&limits))?;
    Ok(())
}

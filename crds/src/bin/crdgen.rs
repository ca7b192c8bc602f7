//! Writes the files that are made from the types: definitions, the chart's copy, reference pages.
//!
//! `crdgen` writes them, `crdgen --check` names those that are stale and ends with status 1.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command for people, whose output is what it has to say"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use portcullis_crds::generated::{GeneratedFile, files};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let check = match arguments.as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => {
            eprintln!("usage: crdgen [--check]");
            return ExitCode::from(2);
        }
    };
    let root = root();
    let mut stale = 0;
    for file in files() {
        match bring_up_to_date(&root, &file, check) {
            Ok(false) => {}
            Ok(true) => {
                stale += 1;
                println!("{} {}", if check { "stale" } else { "wrote" }, file.path);
            }
            Err(error) => {
                eprintln!("{}: {error}", file.path);
                return ExitCode::FAILURE;
            }
        }
    }
    if check && stale > 0 {
        eprintln!("{stale} generated files are stale; run `make gen`");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The repository, which this crate is a folder of.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Whether the file differed.
fn bring_up_to_date(root: &Path, file: &GeneratedFile, check: bool) -> io::Result<bool> {
    let path = root.join(&file.path);
    if is_current(&path, &file.content)? {
        return Ok(false);
    }
    if !check {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, &file.content)?;
    }
    Ok(true)
}

fn is_current(path: &Path, content: &str) -> io::Result<bool> {
    match fs::metadata(path) {
        // A file of another length differs, so no more is read than is to be there.
        Ok(metadata) if metadata.len() == content.len() as u64 => {
            #[allow(
                clippy::disallowed_methods,
                reason = "the length was checked just above"
            )]
            let found = fs::read(path)?;
            Ok(found == content.as_bytes())
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

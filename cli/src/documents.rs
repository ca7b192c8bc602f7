//! Reads a directory of documents as a standalone proxy does.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use portcullis_crds::document::{DocumentError, Documents, MAX_FILE_BYTES, Places, Reader};

use crate::Failed;

/// What can be read of a directory, where it stands, and every error in the rest.
pub(crate) struct Judged {
    pub(crate) documents: Documents,
    pub(crate) places: Places,
    pub(crate) errors: Vec<DocumentError>,
}

/// Reads every `*.yaml` directly in the directory, by name, but those that begin with a dot.
pub(crate) fn read(directory: &Path) -> Result<Judged, Failed> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let Ok(name) = entry.map_err(unreadable)?.file_name().into_string() else {
            continue;
        };
        if name.ends_with(".yaml") && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    if names.is_empty() {
        return Err(format!("{}: there is no *.yaml in it", directory.display()).into());
    }
    let mut reader = Reader::new();
    let mut unread = Vec::new();
    for name in names {
        match bounded(&directory.join(&name)) {
            Ok(text) => reader.add(&name, &text),
            Err(reason) => unread.push(DocumentError {
                file: name,
                document: 0,
                field: String::new(),
                position: None,
                reason,
            }),
        }
    }
    let places = reader.places().clone();
    let (documents, errors) = reader.finish_in_part();
    Ok(Judged {
        documents,
        places,
        errors: unread.into_iter().chain(errors).collect(),
    })
}

/// At most one byte more than the reader takes, so that it sees and names what is too long.
fn bounded(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("is no file".to_owned());
    }
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    #[allow(clippy::disallowed_methods, reason = "bounded by take")]
    file.take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    Ok(text)
}

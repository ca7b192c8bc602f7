//! Reads a directory of documents as a standalone proxy does.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use portcullis_crds::document::{DocumentError, Documents, MAX_FILE_BYTES, Reader};
use portcullis_crds::lower::masking::Keys;

use crate::Failed;

/// What a directory says, or every error in it.
pub(crate) type Judged = Result<Documents, Vec<DocumentError>>;

/// Keys of masks, from the documents' own Secrets.
#[derive(Debug)]
pub(crate) struct DocumentKeys<'d>(pub(crate) &'d Documents);

/// Reads every `*.yaml` directly in the directory, by name.
pub(crate) fn read(directory: &Path) -> Result<Judged, Failed> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
            && path.is_file()
        {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(format!("{}: there is no *.yaml in it", directory.display()).into());
    }
    let mut reader = Reader::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        reader.add(&name, &bounded(&path)?);
    }
    Ok(reader.finish())
}

/// At most one byte more than the reader takes, so that it sees and names what is too long.
fn bounded(path: &Path) -> Result<Vec<u8>, Failed> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let limit = u64::try_from(MAX_FILE_BYTES)? + 1;
    #[allow(clippy::disallowed_methods, reason = "bounded by take")]
    file.take(limit)
        .read_to_end(&mut text)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}

// === impl DocumentKeys ===

impl Keys for DocumentKeys<'_> {
    fn key(&self, namespace: &str, name: &str, key: &str) -> Option<Vec<u8>> {
        self.0
            .secrets
            .iter()
            .find(|secret| {
                secret.metadata.name.as_deref() == Some(name)
                    && secret.metadata.namespace.as_deref() == Some(namespace)
            })
            .and_then(|secret| secret.data.as_ref()?.get(key))
            .map(|value| value.0.clone())
    }
}

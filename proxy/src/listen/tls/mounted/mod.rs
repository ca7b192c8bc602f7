//! A server certificate that others write: `tls.crt` and `tls.key` of a folder.
//!
//! The folder may be swapped as a whole at any time, as a mounted Secret is. What is read while it
//! is swapped may be a certificate with another's key; that cannot be used, and is read again.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{InvalidTls, ServerCertificate};

/// The largest file that is read.
pub const MAX_FILE_BYTES: u64 = 64 * 1024;

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// The folder.
#[derive(Debug, Clone)]
pub struct Mounted {
    folder: PathBuf,
}

/// How the two files look from outside: when it is the same, so is what is in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look(Vec<Option<[i128; 5]>>);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum NotMounted {
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
    #[error("{0} has more than {MAX_FILE_BYTES} bytes")]
    TooLarge(PathBuf),
    #[error(transparent)]
    Tls(#[from] InvalidTls),
}

// === impl Mounted ===

impl Mounted {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// What lies there now, if it can be used.
    pub fn server(&self) -> Result<ServerCertificate, NotMounted> {
        let chain = read(&self.folder.join(CERTIFICATE))?;
        let key = read(&self.folder.join(KEY))?;
        let server = ServerCertificate::from_pem(&chain, &key)?;
        // A key that is another certificate's is noticed here.
        server.server_config(None, &[])?;
        Ok(server)
    }

    pub fn look(&self) -> Look {
        let look = |name: &str| {
            let found = fs::metadata(self.folder.join(name)).ok()?;
            Some([
                found.dev().into(),
                found.ino().into(),
                found.size().into(),
                found.mtime().into(),
                found.mtime_nsec().into(),
            ])
        };
        Look([CERTIFICATE, KEY].map(look).into())
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, NotMounted> {
    let at = |error| NotMounted::File {
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(at)?;
    let mut bytes = Zeroizing::new(Vec::new());
    #[allow(clippy::disallowed_methods, reason = "bounded by the take before it")]
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(at)?;
    match bytes.len() as u64 > MAX_FILE_BYTES {
        true => Err(NotMounted::TooLarge(path.to_owned())),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests;

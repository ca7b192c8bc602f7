//! What an encrypted session starts with: its key, on the disk before anything needs it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use aws_lc_rs::rand::SystemRandom;

use crate::chain::Hash;
use crate::checkpoint::KeyId;
use crate::crypt::SessionCipher;
use crate::event::{Body, Event};
use crate::format::SessionKey;
use crate::layout::key_name;
use crate::spool::disk;
use crate::writer::{AppendError, Writer};

/// What an encrypted session starts with.
#[derive(Debug)]
pub(in crate::writer) struct SessionStart {
    pub(in crate::writer) cipher: SessionCipher,
    pub(in crate::writer) frame: SessionKey,
    pub(in crate::writer) path: PathBuf,
    pub(in crate::writer) file_bytes: u64,
}

// === impl Writer ===

impl Writer {
    /// Makes the key of a session that is about to start, if sessions are encrypted. Its file is
    /// on the disk before anything is encrypted with it.
    pub(in crate::writer) fn prepare(
        &self,
        event: &Event,
    ) -> Result<Option<SessionStart>, AppendError> {
        let (Some(recipient), Body::SessionStarted(_)) = (&self.recipient, &event.body) else {
            return Ok(None);
        };
        {
            let state = self.lock()?;
            state.check_running()?;
            state.ledger.check_new(event.session)?;
        }
        let cipher = SessionCipher::generate(&SystemRandom::new())?;
        let wrapped = cipher.wrap_key(recipient, &event.session)?;
        let path = self.folder.join(key_name(&event.session));
        let bytes = wrapped.as_bytes();
        if let Err(error) = write_key(&path, bytes) {
            return Err(match error.kind() {
                io::ErrorKind::AlreadyExists => AppendError::SessionExists(event.session),
                kind if disk::is_full(kind) => AppendError::DiskFull(error),
                _ => {
                    self.lock()?
                        .stop("a session key could not be written", &error);
                    AppendError::Disk(error)
                }
            });
        }
        let recipient = KeyId::of(recipient.as_bytes());
        let frame = SessionKey {
            sha256: Hash::of(bytes),
            recipient,
        };
        Ok(Some(SessionStart {
            cipher,
            frame,
            path,
            file_bytes: bytes.len() as u64,
        }))
    }
}

fn write_key(path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        std::fs::remove_file(path)?;
        return Err(error);
    }
    path.parent().map_or(Ok(()), disk::sync_folder)
}

//! Signed heads of the chain, written where whoever can change the record does not reach.
//!
//! One line for each, appended; the file is opened anew for each, so it may be moved away at any
//! time. Only heads of which all is on the disk are written: a loss of power takes none back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_recording::checkpoint::Head;
use portcullis_recording::writer::Writer;
use tokio_util::sync::CancellationToken;

use crate::control::state::State;

/// How often a head goes out, while there are new ones.
pub const EVERY: Duration = Duration::from_secs(10);

/// Where heads go.
#[derive(Debug)]
pub struct Heads {
    path: PathBuf,
    last: Option<Head>,
}

/// Why heads cannot go there.
#[derive(Debug, thiserror::Error)]
pub enum HeadsError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} is in the state directory, and would be cut off together with the record")]
    InState(PathBuf),
    #[error("{0} is no file")]
    NotAFile(PathBuf),
}

// === impl Heads ===

impl Heads {
    /// Makes the file where it is missing. A line that a crash left unfinished is ended.
    pub fn open(path: &Path, state: &State) -> Result<Self, HeadsError> {
        let at = |source| HeadsError::Io {
            path: path.to_owned(),
            source,
        };
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(HeadsError::NotAFile(path.to_owned()));
        }
        let root = fs::canonicalize(state.root()).map_err(at)?;
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        // Before the file is made, and again through whatever it is a link to.
        let in_state = |place: &Path| fs::canonicalize(place).map(|place| place.starts_with(&root));
        if in_state(parent.unwrap_or(Path::new("."))).map_err(at)? {
            return Err(HeadsError::InState(path.to_owned()));
        }
        let mut file = append(path).map_err(at)?;
        if in_state(path).map_err(at)? {
            return Err(HeadsError::InState(path.to_owned()));
        }
        if !is_ended(path).map_err(at)? {
            file.write_all(b"\n").map_err(at)?;
        }
        Ok(Self {
            path: path.to_owned(),
            last: None,
        })
    }

    /// Hands heads out until `stop`, and then the last one.
    pub async fn run(mut self, writer: Arc<Writer>, stop: CancellationToken) {
        let mut failing = false;
        loop {
            let last = stop.is_cancelled();
            // A file on another machine may take its time.
            let (heads, from) = (self, Arc::clone(&writer));
            let wrote = tokio::task::spawn_blocking(move || heads.hand_out(&from)).await;
            let Ok((heads, wrote)) = wrote else { return };
            self = heads;
            match wrote {
                Ok(()) => failing = false,
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(path = %self.path.display(), %error, "heads do not go out");
                    }
                }
            }
            if last {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    fn hand_out(mut self, writer: &Writer) -> (Self, io::Result<()>) {
        let wrote = match writer.head() {
            Some(head) if self.last.as_ref() != Some(&head) => {
                let wrote = append(&self.path).and_then(|mut file| {
                    file.write_all(format!("{head}\n").as_bytes())?;
                    file.sync_data()
                });
                if wrote.is_ok() {
                    self.last = Some(head);
                }
                wrote
            }
            _ => Ok(()),
        };
        (self, wrote)
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

/// Whether the last line has its end.
fn is_ended(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests;

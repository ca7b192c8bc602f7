//! The one writer of the process, its clockwork, and its way to the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use portcullis_recording::checkpoint::{InvalidKey, MAX_KEY_FILE_BYTES, SigningKey};
use portcullis_recording::crypt::RecipientKey;
use portcullis_recording::event::{InvalidWriterId, Timestamp};
use portcullis_recording::spool::{OpenError, SpoolConfig};
use portcullis_recording::store::{InvalidStore, Store};
use portcullis_recording::upload::{Backoff, Confirmation, Pass, Uploader};
use portcullis_recording::writer::Writer;
use tokio_util::sync::CancellationToken;

use super::compile::RecordingSettings;
use super::state::{State, StateError};
use crate::metrics::Metrics;
use crate::session::ports::Clock;

const KEY_FILE: &str = "signing-key.pem";
/// After it found something that had waited too long, the clockwork looks again so soon; then less
/// and less often, up to a [`TICK`]. Waking up costs more than what there is to do.
const TURN: Duration = Duration::from_millis(1);
/// What waits for less than this is left to the next operation, which takes it along. A tick takes
/// the lock that every operation needs: a thread that is preempted with it stops them all.
const OVERDUE: Duration = Duration::from_micros(500);
/// Between two ticks that happen whatever waits: they sync, sign and seal.
const TICK: Duration = Duration::from_millis(10);
/// Between two looks at the spool, for the metric.
const LOOK: Duration = Duration::from_millis(500);
/// Between two looks at what is ready to go.
const IDLE: Duration = Duration::from_secs(1);
/// How long the last uploads may take when the process stops; the rest stays in the spool.
const LAST_UPLOADS: Duration = Duration::from_secs(5);

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("the key that signs recordings: {0}")]
    Key(#[from] InvalidKey),
    #[error(transparent)]
    Name(#[from] InvalidWriterId),
    #[error("the spool: {0}")]
    Spool(#[from] OpenError),
    #[error("the store: {0}")]
    Store(#[from] InvalidStore),
    #[error("option {0} of the store is no text")]
    Option(String),
    #[error("no thread for the recorder: {0}")]
    Thread(std::io::Error),
}

/// The recorder while it runs.
#[derive(Debug)]
pub struct Recorder {
    pub writer: Arc<Writer>,
    store: Store,
    confirmation: Confirmation,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
    clockwork: Option<JoinHandle<()>>,
}

// === impl Recorder ===

impl Recorder {
    /// Opens the spool and goes on with its chain, as the writer of this name.
    pub fn open(
        settings: &RecordingSettings,
        state: &State,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        name: &str,
    ) -> Result<Self, RecordingError> {
        let key = signing_key(settings, state)?;
        let mut spool = SpoolConfig::new(state.spool(), name.parse()?);
        spool.max_bytes = settings.spool_bytes;
        spool.max_subject_bytes = settings.spool_bytes / 4;
        spool.recipient = settings.recipient.map(RecipientKey::from_bytes);
        let (store, confirmation) = store(settings, state)?;
        let writer = Arc::new(Writer::open(spool, key, clock.now())?);
        let stop = Arc::new(AtomicBool::new(false));
        let clockwork = {
            let (writer, clock, stop) =
                (Arc::clone(&writer), Arc::clone(&clock), Arc::clone(&stop));
            std::thread::Builder::new()
                .name("recorder".to_owned())
                .spawn(move || turn(&writer, clock.as_ref(), &metrics, &stop))
                .map_err(RecordingError::Thread)?
        };
        Ok(Self {
            writer,
            store,
            confirmation,
            clock,
            stop,
            clockwork: Some(clockwork),
        })
    }

    /// Brings recordings into the store until `stop`, and then what is left, as far as there is
    /// time.
    pub async fn upload(&self, stop: CancellationToken) {
        let writer = Arc::clone(&self.writer);
        let uploader = Uploader::new(writer, self.store.clone(), self.confirmation);
        let backoff = Backoff::default();
        let over = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_UPLOADS).await;
        };
        tokio::select! {
            () = uploader.run(IDLE, backoff, jitter, observe, stop.cancelled()) => {}
            () = over => {}
        }
    }

    /// Seals what is open, so that the last pass takes it along.
    pub fn seal(&self) {
        if let Err(error) = self.writer.seal(self.clock.now()) {
            tracing::warn!(%error, "the last segment stays open in the spool");
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(clockwork) = self.clockwork.take() {
            clockwork.thread().unpark();
            let _ = clockwork.join();
        }
        if let Err(error) = self.writer.tick(self.clock.now()) {
            tracing::warn!(%error, "the end of the record is not on the disk");
        }
    }
}

fn turn(writer: &Writer, clock: &dyn Clock, metrics: &Metrics, stop: &AtomicBool) {
    let mut failing = false;
    let (mut pause, mut ticked, mut looked) = (TURN, TICK, LOOK);
    while !stop.load(Ordering::Relaxed) {
        let now = Timestamp::from(clock.now());
        let overdue = writer.waits_since();
        let overdue = overdue.is_some_and(|since| now.since(since) >= OVERDUE);
        pause = if overdue { TURN } else { (pause * 2).min(TICK) };
        if overdue || ticked >= TICK {
            ticked = Duration::ZERO;
            match writer.tick(now) {
                Ok(_) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(%error, "recording fails");
                }
                Err(_) => {}
            }
        }
        if looked >= LOOK {
            looked = Duration::ZERO;
            let bytes = i64::try_from(writer.status().bytes);
            metrics.spool_bytes.set(bytes.unwrap_or(i64::MAX));
        }
        std::thread::park_timeout(pause);
        ticked += pause;
        looked += pause;
    }
}

fn observe(pass: &Pass) {
    for failure in &pass.failures {
        tracing::warn!(object = failure.name, error = %failure.error, "not in the store yet");
    }
}

/// Between 0 and 1.
fn jitter() -> f64 {
    let mut random = [0; 2];
    // Without randomness all wait alike, which is no harm to one process.
    let _ = SystemRandom::new().fill(&mut random);
    f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX)
}

fn signing_key(settings: &RecordingSettings, state: &State) -> Result<SigningKey, RecordingError> {
    let pem = match &settings.signing_key {
        Some(pem) => pem.reveal().to_vec(),
        None => state.secret_file(KEY_FILE, MAX_KEY_FILE_BYTES as u64, || {
            let (_, pem) = SigningKey::generate()?;
            Ok::<_, RecordingError>(pem.into_bytes())
        })?,
    };
    let pem = std::str::from_utf8(&pem).map_err(|_| InvalidKey::Private)?;
    Ok(SigningKey::from_pem(pem)?)
}

/// A directory is read back; of a bucket the answer to the write is enough, for the credential
/// that belongs there may only write.
fn store(
    settings: &RecordingSettings,
    state: &State,
) -> Result<(Store, Confirmation), RecordingError> {
    let Some(store) = &settings.store else {
        return Ok((
            Store::directory(&state.recordings())?,
            Confirmation::ReadBack,
        ));
    };
    let mut options = BTreeMap::new();
    for (name, value) in &store.options {
        let text = std::str::from_utf8(value.reveal());
        let text = text.map_err(|_| RecordingError::Option(name.clone()))?;
        options.insert(name.clone(), text.trim_end_matches(['\r', '\n']).to_owned());
    }
    let confirmation = match store.url.starts_with("file://") {
        true => Confirmation::ReadBack,
        false => Confirmation::Answer,
    };
    Ok((Store::open(&store.url, &options)?, confirmation))
}

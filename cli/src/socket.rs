//! What proxies say, one JSON object a line, and the socket of a standalone one.
//!
//! There the proxy asks the kernel who is at the other end, so nothing here says who speaks.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::Failed;
use crate::approvals::Request;
use crate::sessions::OpenSession;

/// The socket in the state directory.
const SOCKET: &str = "control.sock";

/// The longest line that is read.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the proxy answers; each command fills what it is about.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    ok: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    pub(crate) state: Option<String>,
    #[serde(default)]
    pub(crate) requests: Vec<Request>,
    #[serde(default)]
    pub(crate) request: Option<Value>,
    #[serde(default)]
    pub(crate) sessions: Vec<OpenSession>,
    #[serde(default)]
    pub(crate) session: Option<OpenSession>,
}

/// A connection to the proxy.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) lines: Lines<OwnedReadHalf>,
    /// Kept open: the proxy takes its end for a goodbye.
    _writing: OwnedWriteHalf,
}

/// What a proxy says.
#[derive(Debug)]
pub(crate) struct Lines<R>(BufReader<R>);

// === impl Door ===

impl Door {
    /// Asks; what the proxy says first is whether it does so.
    pub(crate) async fn ask(state: &Path, asked: &Value) -> Result<(Self, Answer), Failed> {
        let path = state.join(SOCKET);
        let exchange = async {
            let stream = UnixStream::connect(&path).await.map_err(|error| {
                format!(
                    "{}: {error}; is the proxy running, and may you reach it?",
                    path.display()
                )
            })?;
            let (reading, mut writing) = stream.into_split();
            writing.write_all(format!("{asked}\n").as_bytes()).await?;
            let mut door = Self {
                lines: Lines::new(reading),
                _writing: writing,
            };
            let answer = door.lines.answer().await?;
            Ok::<_, Failed>((door, answer))
        };
        let asked = tokio::time::timeout(PATIENCE, exchange).await;
        asked.map_err(|_| "the proxy does not answer")?
    }
}

// === impl Lines ===

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reading: R) -> Self {
        Self(BufReader::new(reading))
    }

    /// What the proxy says first: whether it does what was asked.
    pub(crate) async fn answer(&mut self) -> Result<Answer, Failed> {
        let answer: Answer = self.next().await?.ok_or("the proxy said nothing")?;
        match answer.ok {
            true => Ok(answer),
            false => Err(answer
                .error
                .unwrap_or_else(|| "the proxy refused".to_owned())
                .into()),
        }
    }

    /// What the proxy says next, however long that takes; none when it says no more.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Failed> {
        let mut line = String::new();
        let mut bounded = (&mut self.0).take(MAX_LINE);
        if bounded.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let said = serde_json::from_str(&line)
            .map_err(|error| format!("the proxy's answer cannot be read: {error}"))?;
        Ok(Some(said))
    }
}

/// One line to the proxy, one line back.
pub(crate) async fn ask(state: &Path, asked: &Value) -> Result<Answer, Failed> {
    Ok(Door::ask(state, asked).await?.1)
}

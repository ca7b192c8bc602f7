//! Who acts: a client certificate, a password that is a token or an API key, or OAUTHBEARER.
//!
//! The protocol lets a server ask for one method alone. A password is asked for by default, for
//! every client can send one; a client that logs in by OAUTHBEARER says so in its options (see
//! [`super::parameters`]). The startup `user` proves nothing.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use portcullis_dialect::postgres::wire::frontend::tag;
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header, InvalidFrame, write};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::oauth::{self, Bearer, InvalidBearer};
use crate::identity::{Identities, Presented, Proven, Purpose, Unproven};
use crate::io::Stream;
use crate::protocol::postgres::refuse::code;
use crate::secret::Secret;
use crate::session::ports::{Door, Target};

/// The longest password or SASL message: a token and what is around it.
pub(super) const MAX_CREDENTIAL: usize = 64 * 1024;

/// Every failed login takes at least this much longer, so that guessing is slow.
const FAILURE_DELAY: Duration = Duration::from_millis(250);

/// AuthenticationCleartextPassword, AuthenticationSASL, AuthenticationSASLContinue.
const ASK_PASSWORD: u32 = 3;
const ASK_SASL: u32 = 10;
const CONTINUE_SASL: u32 = 11;

/// Why nobody was proven.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotProven {
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] InvalidFrame),
    #[error("message {0:#04x} came where a credential was asked for")]
    Unexpected(u8),
    #[error(transparent)]
    Bearer(#[from] InvalidBearer),
    #[error("{0}")]
    Unproven(Unproven),
    #[error("the client asks where to get a token")]
    Asks(Unproven),
    #[error("no password was given")]
    Empty,
}

// === impl NotProven ===

impl NotProven {
    /// Whether a credential was tried. A client that only asks where to get one has not failed.
    pub(super) fn is_attempt(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::Asks(_))
    }

    /// SQLSTATE and message for the client; none where there is nobody to tell.
    pub(super) fn told(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Io(_) => None,
            Self::Frame(_) | Self::Unexpected(_) | Self::Bearer(_) => {
                Some((code::PROTOCOL_VIOLATION, self.to_string()))
            }
            Self::Unproven(unproven) | Self::Asks(unproven) => {
                Some((code::INVALID_PASSWORD, unproven.told.clone()))
            }
            Self::Empty => Some((
                code::INVALID_PASSWORD,
                "no password was given: it must be a token or an API key".to_owned(),
            )),
        }
    }
}

pub(super) async fn authenticate(
    stream: &mut Stream,
    oauth: bool,
    peer: SocketAddr,
    door: &Door,
) -> Result<Proven, NotProven> {
    let target = door.target.load_full();
    let near = peer.ip().to_canonical().is_loopback();
    let outcome = prove(stream, (oauth, near), door, &target).await;
    if matches!(
        outcome,
        Err(NotProven::Unproven(_) | NotProven::Asks(_) | NotProven::Empty)
    ) {
        tokio::time::sleep(FAILURE_DELAY).await;
    }
    outcome
}

async fn prove(
    stream: &mut Stream,
    (oauth, near): (bool, bool),
    door: &Door,
    target: &Target,
) -> Result<Proven, NotProven> {
    let purpose = Purpose {
        namespace: &door.namespace,
        connection: &door.name,
        audience: target.audience.as_deref(),
    };
    let identities = &target.identities;
    let now = || door.house.clock.now();
    let chain = stream.peer_certificates();
    if !chain.is_empty() {
        match identities
            .prove(Presented::Certificate(chain), purpose, now())
            .await
        {
            Ok(proven) => return Ok(proven),
            Err(unproven) => tracing::debug!(%unproven, "a client certificate proves nobody"),
        }
    }
    if near && identities.is_local() {
        let local = identities.prove(Presented::Local, purpose, now());
        return local.await.map_err(NotProven::Unproven);
    }
    if oauth {
        return bearer(stream, identities, purpose, now()).await;
    }
    ask(stream, ASK_PASSWORD, &[]).await?;
    let password = password(&answer(stream).await?)?;
    identities
        .prove(Presented::Password(&password), purpose, now())
        .await
        .map_err(NotProven::Unproven)
}

/// RFC 7628. A client without a good token is told where to get one before it is refused.
async fn bearer(
    stream: &mut Stream,
    identities: &Identities,
    purpose: Purpose<'_>,
    now: std::time::SystemTime,
) -> Result<Proven, NotProven> {
    ask(stream, ASK_SASL, oauth::MECHANISM).await?;
    let outcome = match oauth::initial(answer(stream).await?.reveal())? {
        Bearer::Token(token) => {
            let proven = identities.prove(Presented::Bearer(&token), purpose, now);
            proven.await.map_err(NotProven::Unproven)
        }
        Bearer::Discovery => Err(NotProven::Asks(Unproven {
            reason: "no token yet: the client asks where to get one".to_owned(),
            told: "a bearer token is needed".to_owned(),
        })),
    };
    match outcome {
        Ok(proven) => Ok(proven),
        Err(failed) => {
            let challenge = oauth::challenge(identities.discovery());
            ask(stream, CONTINUE_SASL, &challenge).await?;
            // The client acknowledges with one byte, whatever it is.
            answer(stream).await?;
            Err(failed)
        }
    }
}

async fn ask<S: AsyncWrite + Unpin>(stream: &mut S, request: u32, data: &[u8]) -> io::Result<()> {
    let mut out = Vec::new();
    write::authentication(&mut out, request, data);
    stream.write_all(&out).await?;
    stream.flush().await
}

/// The body of the client's answer, read to its exact length.
async fn answer<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Secret, NotProven> {
    let mut head = [0; HEADER_BYTES];
    stream.read_exact(&mut head).await?;
    let header = Header::parse(&head, MAX_CREDENTIAL)?.ok_or(InvalidFrame::Short("header"))?;
    if header.tag != tag::PASSWORD {
        return Err(NotProven::Unexpected(header.tag));
    }
    let mut body = vec![0; header.body];
    stream.read_exact(&mut body).await?;
    Ok(Secret::new(body))
}

/// A password is a string that ends with its message.
fn password(body: &Secret) -> Result<Secret, NotProven> {
    match body.reveal().split_last() {
        Some((0, [])) => Err(NotProven::Empty),
        Some((0, password)) if !password.contains(&0) => Ok(Secret::new(password)),
        _ => Err(InvalidFrame::Unterminated("password").into()),
    }
}

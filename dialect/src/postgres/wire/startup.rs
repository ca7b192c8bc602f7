//! What a client may send before it is known: start-up packets have no type byte.

use super::read::Body;
use super::{InvalidFrame, body_length};

/// The largest start-up packet that the server itself accepts, and so do we.
pub const MAX_STARTUP_BYTES: usize = 10_000;

/// Cancel keys are 4 bytes up to protocol 3.0 and at most this long from 3.2 on.
pub const MAX_CANCEL_KEY_BYTES: usize = 256;

/// No client sends as many; it keeps the search for duplicates short.
pub const MAX_STARTUP_PARAMETERS: usize = 128;

pub(crate) const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
pub(crate) const CANCEL_REQUEST: u32 = 80_877_102;

/// A packet before login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup<'a> {
    Ssl,
    GssEncryption,
    Cancel {
        pid: u32,
        key: &'a [u8],
    },
    Start {
        version: Version,
        parameters: Vec<(&'a [u8], &'a [u8])>,
    },
}

/// A setting by its name.
pub type Parameter<'a> = (&'a [u8], &'a [u8]);

/// A protocol version as the client asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
}

// === impl Startup ===

impl<'a> Startup<'a> {
    /// Bytes of the packet at the start of `bytes`, length word included; `None` while the length
    /// is not all there.
    pub fn length(bytes: &[u8]) -> Result<Option<usize>, InvalidFrame> {
        let Some(word) = bytes.first_chunk::<4>() else {
            return Ok(None);
        };
        let body = body_length(u32::from_be_bytes(*word), MAX_STARTUP_BYTES)?;
        Ok(Some(body.saturating_add(4)))
    }

    /// Decodes exactly one packet, its length word included.
    pub fn decode(packet: &'a [u8]) -> Result<Self, InvalidFrame> {
        let mut body = Body::new(packet);
        body.take(4, "length")?;
        match body.uint32("protocol version")? {
            SSL_REQUEST => body.end().map(|()| Self::Ssl),
            GSSENC_REQUEST => body.end().map(|()| Self::GssEncryption),
            CANCEL_REQUEST => {
                let pid = body.uint32("cancel process id")?;
                let key = body.rest();
                if key.len() < 4 || key.len() > MAX_CANCEL_KEY_BYTES {
                    return Err(InvalidFrame::Short("cancel key"));
                }
                Ok(Self::Cancel { pid, key })
            }
            code => {
                let [a, b, c, d] = code.to_be_bytes();
                let version = Version {
                    major: u16::from_be_bytes([a, b]),
                    minor: u16::from_be_bytes([c, d]),
                };
                Ok(Self::Start {
                    version,
                    parameters: parameters(body)?,
                })
            }
        }
    }
}

/// Name and value pairs up to the zero byte that ends the packet. A name that comes twice is
/// refused: the server takes the last and a reader of the first would judge another session.
fn parameters<'a>(mut body: Body<'a>) -> Result<Vec<Parameter<'a>>, InvalidFrame> {
    let mut parameters: Vec<Parameter<'a>> = Vec::new();
    loop {
        let name = body.string("start-up parameter name")?;
        if name.is_empty() {
            break;
        }
        let value = body.string("start-up parameter value")?;
        if parameters.iter().any(|(known, _)| *known == name) {
            return Err(InvalidFrame::DuplicateParameter);
        }
        if parameters.len() == MAX_STARTUP_PARAMETERS {
            return Err(InvalidFrame::TooManyParameters);
        }
        parameters.push((name, value));
    }
    if !body.is_empty() {
        return Err(InvalidFrame::ParametersNotTerminated);
    }
    Ok(parameters)
}

//! From the first byte to the start-up packet: TLS, the encryption that is not spoken, cancel.
//!
//! Packets are read to their exact length, so that what a client sends behind a request for
//! encryption is never taken for something that came under it.

use std::io;
use std::sync::Arc;

use portcullis_dialect::postgres::wire::InvalidFrame;
use portcullis_dialect::postgres::wire::startup::Startup;
use rustls::ServerConfig;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::parameters::{InvalidStart, Wanted};
use crate::io::{ALPN_POSTGRESQL, Refused, Stream};

/// The first byte of a TLS handshake; no start-up packet starts with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// A client may ask for TLS and for GSS once each before it starts.
const MAX_PACKETS: usize = 3;

/// What a new connection is for.
#[derive(Debug)]
pub(super) enum Arrival {
    Start(Stream, Result<Wanted, InvalidStart>),
    Cancel {
        stream: Stream,
        pid: u32,
        key: Vec<u8>,
    },
}

/// Why a connection came to nothing. Nothing is told to the client.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    #[error("the client left")]
    Left,
    #[error(transparent)]
    Tls(#[from] Refused),
    #[error(transparent)]
    Frame(#[from] InvalidFrame),
    #[error("bytes came before the answer to a request for encryption")]
    Early,
    #[error("encryption was asked for twice, or under TLS")]
    Repeated,
}

pub(super) async fn arrive(
    client: TcpStream,
    tls: Option<Arc<ServerConfig>>,
) -> Result<Arrival, Ended> {
    let tls = tls.map(with_protocol);
    let mut stream = Stream::plain(client);
    if stream.first_byte().await? == Some(TLS_HANDSHAKE) {
        let config = tls.clone().ok_or(Ended::Left)?;
        stream = stream.direct_tls(config).await?;
    }
    let mut gss = false;
    for _ in 0..MAX_PACKETS {
        let packet = read(&mut stream).await?;
        match Startup::decode(&packet)? {
            Startup::Cancel { pid, key } => {
                let key = key.to_vec();
                return Ok(Arrival::Cancel { stream, pid, key });
            }
            Startup::Start {
                version,
                parameters,
            } => {
                let wanted = Wanted::read(version, &parameters);
                return Ok(Arrival::Start(stream, wanted));
            }
            Startup::Ssl if stream.is_tls() => return Err(Ended::Repeated),
            Startup::GssEncryption if gss || stream.is_tls() => return Err(Ended::Repeated),
            Startup::Ssl => {
                quiet(&stream)?;
                match &tls {
                    Some(config) => {
                        stream.send(b"S").await?;
                        stream = stream.start_tls([], Arc::clone(config)).await?;
                    }
                    None => stream.send(b"N").await?,
                }
            }
            Startup::GssEncryption => {
                quiet(&stream)?;
                gss = true;
                stream.send(b"N").await?;
            }
        }
    }
    Err(Ended::Repeated)
}

/// Direct TLS needs the protocol's name on our side too.
fn with_protocol(config: Arc<ServerConfig>) -> Arc<ServerConfig> {
    if config
        .alpn_protocols
        .iter()
        .any(|name| name == ALPN_POSTGRESQL)
    {
        return config;
    }
    let mut named = ServerConfig::clone(&config);
    named.alpn_protocols = vec![ALPN_POSTGRESQL.to_vec()];
    Arc::new(named)
}

async fn read(stream: &mut Stream) -> Result<Vec<u8>, Ended> {
    let mut packet = vec![0; 4];
    if let Err(error) = stream.read_exact(&mut packet).await {
        return Err(match error.kind() {
            io::ErrorKind::UnexpectedEof => Ended::Left,
            _ => error.into(),
        });
    }
    let length = Startup::length(&packet)?.ok_or(Ended::Left)?;
    packet.resize(length, 0);
    stream
        .read_exact(packet.get_mut(4..).unwrap_or_default())
        .await?;
    Ok(packet)
}

/// An honest client waits for the answer before it says more. What comes earlier could be meant to
/// be read as if it had come encrypted.
fn quiet(stream: &Stream) -> Result<(), Ended> {
    match stream.tcp().try_read(&mut [0]) {
        Ok(0) => Err(Ended::Left),
        Ok(_) => Err(Ended::Early),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error.into()),
    }
}

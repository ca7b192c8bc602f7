//! One peer, in plain text or under TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::{ClientConfig, CommonState, ServerConfig};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// The protocol's name in TLS. A client that starts with TLS must offer it, or another protocol's
/// request could be sent here by a browser that was fooled.
pub const ALPN_POSTGRESQL: &[u8] = b"postgresql";

/// A client or a target. Under TLS both sides are the same to whoever reads and writes.
#[derive(Debug)]
pub enum Stream {
    Plain(TcpStream),
    /// We are the server.
    Server(Box<server::TlsStream<TcpStream>>),
    /// We are the client.
    Client(Box<client::TlsStream<TcpStream>>),
}

/// Why TLS did not start. The connection is gone, with nothing said on it in plain text.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Bytes that came before TLS would be read as if they had come under it.
    #[error("{0} bytes were sent before TLS began")]
    Injected(usize),
    #[error("TLS is spoken on this connection already")]
    Twice,
    #[error("TLS was started at once, without offering the protocol `postgresql`")]
    NoProtocol,
    #[error("TLS handshake: {0}")]
    Handshake(#[source] io::Error),
}

// === impl Stream ===

impl Stream {
    /// Sends what is written at once, whatever its size.
    pub fn plain(tcp: TcpStream) -> Self {
        // Only lost time if it fails, which it does on a peer that is gone.
        let _ = tcp.set_nodelay(true);
        Self::Plain(tcp)
    }

    /// Starts TLS as the server, where the client asked for it in plain text and was told yes.
    /// `unread` is all that was read after the request: anything at all is refused, since it was
    /// sent by nobody knows whom.
    pub async fn start_tls(
        self,
        unread: impl AsRef<[u8]>,
        config: Arc<ServerConfig>,
    ) -> Result<Self, Refused> {
        let tcp = self.before_tls(unread.as_ref())?;
        let accepted = TlsAcceptor::from(config).accept(tcp).await;
        accepted
            .map(|tls| Self::Server(Box::new(tls)))
            .map_err(Refused::Handshake)
    }

    /// Starts TLS as the server with a client that began with TLS. Nothing may have been read.
    pub async fn direct_tls(self, config: Arc<ServerConfig>) -> Result<Self, Refused> {
        let stream = self.start_tls([], config).await?;
        if stream.alpn() == Some(ALPN_POSTGRESQL) {
            Ok(stream)
        } else {
            Err(Refused::NoProtocol)
        }
    }

    /// Starts TLS as the client, where the target said yes in plain text. `unread` is all that was
    /// read after its answer, and is refused as in [`Stream::start_tls`].
    pub async fn connect_tls(
        self,
        unread: impl AsRef<[u8]>,
        name: ServerName<'static>,
        config: Arc<ClientConfig>,
    ) -> Result<Self, Refused> {
        let tcp = self.before_tls(unread.as_ref())?;
        let connected = TlsConnector::from(config).connect(name, tcp).await;
        connected
            .map(|tls| Self::Client(Box::new(tls)))
            .map_err(Refused::Handshake)
    }

    fn before_tls(self, unread: &[u8]) -> Result<TcpStream, Refused> {
        match self {
            Self::Plain(_) if !unread.is_empty() => Err(Refused::Injected(unread.len())),
            Self::Plain(tcp) => Ok(tcp),
            Self::Server(_) | Self::Client(_) => Err(Refused::Twice),
        }
    }

    pub fn is_tls(&self) -> bool {
        self.tls().is_some()
    }

    /// The protocol that both sides agreed on in TLS.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.tls()?.alpn_protocol()
    }

    /// The peer's certificates as TLS verified them, its own first; none without TLS or where the
    /// peer showed none.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.tls()
            .and_then(CommonState::peer_certificates)
            .unwrap_or_default()
    }

    /// The version and cipher of TLS, for the record.
    pub fn tls_version(&self) -> Option<rustls::ProtocolVersion> {
        self.tls()?.protocol_version()
    }

    /// The socket beneath.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Server(tls) => tls.get_ref().0,
            Self::Client(tls) => tls.get_ref().0,
        }
    }

    /// The first byte that the peer sends, left where it is; `None` at the end of the stream. Only
    /// for a stream that nothing was read from, before TLS.
    pub async fn first_byte(&self) -> io::Result<Option<u8>> {
        let mut first = [0_u8];
        let count = self.tcp().peek(&mut first).await?;
        Ok(first.first().copied().filter(|_| count > 0))
    }

    /// Writes all of it. Put it in [`super::within`]: a peer that does not read holds it up.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes).await?;
        self.flush().await
    }

    /// Says that nothing more will be sent; what the peer still sends can be read.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.shutdown().await
    }

    /// Whether a read may bring something. Never ready for nothing, save by mistake of the system.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Clear text that TLS has decrypted already makes no socket readable.
        if self.tls().is_some_and(|tls| !tls.wants_read()) {
            return Poll::Ready(Ok(()));
        }
        self.tcp().poll_read_ready(context)
    }

    fn tls(&self) -> Option<&CommonState> {
        match self {
            Self::Plain(_) => None,
            Self::Server(tls) => Some(tls.get_ref().1),
            Self::Client(tls) => Some(tls.get_ref().1),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let outcome = ready!(match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, into),
            Self::Server(tls) => Pin::new(tls).poll_read(context, into),
            Self::Client(tls) => Pin::new(tls).poll_read(context, into),
        });
        match outcome {
            // Many peers leave without TLS's own goodbye. What they sent is framed, so a cut is
            // noticed there; here it is the end of the stream.
            Err(error)
                if error.kind() == io::ErrorKind::UnexpectedEof
                    && into.filled().len() == before =>
            {
                Poll::Ready(Ok(()))
            }
            other => Poll::Ready(other),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Server(tls) => Pin::new(tls).poll_write(context, bytes),
            Self::Client(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(context, slices),
            Self::Server(tls) => Pin::new(tls).poll_write_vectored(context, slices),
            Self::Client(tls) => Pin::new(tls).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Server(tls) => Pin::new(tls).poll_flush(context),
            Self::Client(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Server(tls) => Pin::new(tls).poll_shutdown(context),
            Self::Client(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}

//! Accepting connections, TLS, the client's address. (owner: edge)

pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;

/// A client that was accepted; nothing was read from it yet. The protocol starts TLS by itself
/// where its own words do (PostgreSQL's SSLRequest).
#[derive(Debug)]
pub struct Accepted {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    /// How TLS is spoken on this port; replaced when certificates are.
    pub tls: Option<Arc<ServerConfig>>,
    /// Plaintext is refused except on loopback.
    pub plaintext_allowed: bool,
}

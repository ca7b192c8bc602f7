//! Accepting connections, TLS, the client's address.
//!
//! Accepting waits for no client: each has a task of its own. Clients that have not logged in hold
//! one of a bounded number of [`LoginSlot`]s; where all are taken, the one that has waited longest
//! gives way to the newest, so a crowd that says nothing keeps nobody out.

mod login;
pub mod tls;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::shutdown::Shutdown;
use login::Logins;
pub use login::{LOGIN_TIME, LoginSlot, MAX_LOGINS};
pub use tls::CurrentTls;

/// Connections that the system completes for us before they are accepted.
const BACKLOG: i32 = 1024;

/// Waiting after accepting failed, such as for want of file descriptors; doubles up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
    /// Until when the client has to log in; to be freed when it has.
    pub login: LoginSlot,
}

/// A port that clients come to.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    max_logins: usize,
}

// === impl Listener ===

impl Listener {
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        // Or a restart would have to wait for the goodbyes of the run before.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self {
            tcp: TcpListener::from_std(socket.into())?,
            max_logins: MAX_LOGINS,
        })
    }

    /// Another bound than [`MAX_LOGINS`].
    #[must_use]
    pub fn with_max_logins(mut self, max_logins: usize) -> Self {
        self.max_logins = max_logins;
        self
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves every client by `serve`, in a task of its own among the sessions of `shutdown`, until
    /// the drain begins.
    pub async fn run<F, S>(self, tls: Option<CurrentTls>, shutdown: Shutdown, serve: F)
    where
        F: Fn(Accepted) -> S,
        S: Future<Output = ()> + Send + 'static,
    {
        let logins = Logins::new(self.max_logins);
        let mut pause = FIRST_PAUSE;
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.drain.cancelled() => return,
                accepted = self.tcp.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = FIRST_PAUSE;
                    let (login, watch) = logins.admit();
                    let client = serve(Accepted {
                        stream,
                        peer,
                        tls: tls.as_ref().map(CurrentTls::load),
                        plaintext_allowed: peer.ip().to_canonical().is_loopback(),
                        login,
                    });
                    shutdown.sessions.spawn(watch.attend(client));
                }
                // That one client is gone; the next is not.
                Err(error) if is_of_client(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::select! {
                        () = shutdown.drain.cancelled() => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

//! Ports on which Connections listen, and the TLS that is spoken on them.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::runners::Runners;
use crate::control::doors::{Bound, Porter, Serving};
use crate::listen::Listener;
use crate::listen::tls::CurrentTls;
use crate::listen::tls::generated::Generated;
use crate::protocol;
use crate::session::ports::{Door, House};

/// How often the server's certificate is looked after.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(12 * 60 * 60);

/// The names of each protocol in TLS (ALPN).
const POSTGRESQL_ALPN: &[&[u8]] = &[b"postgresql"];

/// Listens on one address of this machine.
#[derive(Debug)]
pub(super) struct TcpPorter {
    bind: IpAddr,
    certificates: Generated,
    house: Arc<House>,
    runners: Runners,
}

#[derive(Debug)]
struct TcpBound {
    listener: Listener,
    certificates: Generated,
    house: Arc<House>,
    runners: Runners,
}

/// Ends the listener's tasks when it is dropped.
#[derive(Debug)]
struct Listening {
    _stop: DropGuard,
}

// === impl TcpPorter ===

impl TcpPorter {
    /// The certificates are kept in `folder`.
    pub(super) fn new(bind: IpAddr, folder: &Path, house: &Arc<House>, runners: Runners) -> Self {
        Self {
            bind,
            runners,
            certificates: Generated::new(folder, [bind.to_string()]),
            house: Arc::clone(house),
        }
    }
}

impl Porter for TcpPorter {
    fn bind(&self, port: u16) -> Result<Box<dyn Bound>, String> {
        let address = SocketAddr::new(self.bind, port);
        let listener = Listener::bind(address)
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        Ok(Box::new(TcpBound {
            listener,
            certificates: self.certificates.clone(),
            house: Arc::clone(&self.house),
            runners: self.runners.clone(),
        }))
    }
}

// === impl TcpBound ===

impl Bound for TcpBound {
    fn serve(self: Box<Self>, door: Arc<Door>) -> Box<dyn Serving> {
        let stop = CancellationToken::new();
        let Some(serve) = protocol::serve(door.protocol, &door) else {
            tracing::error!(protocol = door.protocol, "this protocol is not spoken");
            return Box::new(Listening {
                _stop: stop.drop_guard(),
            });
        };
        let tls = match self.tls(&door) {
            Ok(config) => Some(CurrentTls::new(config)),
            Err(error) => {
                tracing::error!(error, "no TLS here, so only loopback is served");
                None
            }
        };
        let shutdown = self.house.shutdown.clone();
        if let Some(tls) = tls.clone() {
            let (door, stopped) = (Arc::clone(&door), stop.clone());
            let certificates = self.certificates.clone();
            let house = Arc::clone(&self.house);
            tokio::spawn(async move {
                tokio::select! {
                    () = stopped.cancelled() => {}
                    () = renew(&certificates, &house, &door, &tls) => {}
                }
            });
        }
        let stopped = stop.clone();
        let (listener, runners) = (self.listener, self.runners);
        tokio::spawn(async move {
            let served = move |client| {
                let (serve, door) = (Arc::clone(&serve), Arc::clone(&door));
                let runners = runners.clone();
                async move { runners.run(client, move |client| serve(client, door)).await }
            };
            tokio::select! {
                () = stopped.cancelled() => {}
                () = listener.run(tls, shutdown, served) => {}
            }
        });
        Box::new(Listening {
            _stop: stop.drop_guard(),
        })
    }
}

impl TcpBound {
    fn tls(&self, door: &Door) -> Result<Arc<rustls::ServerConfig>, String> {
        config(&self.certificates, &self.house, door)
    }
}

impl Serving for Listening {}

/// Follows the certificate, which is made anew before it ends, and the CAs that may vouch for
/// clients, which an edit may change.
async fn renew(certificates: &Generated, house: &House, door: &Door, tls: &CurrentTls) {
    let mut changes = door.target.changes();
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep(CERTIFICATE_LOOK) => {}
        }
        match config(certificates, house, door) {
            Ok(config) => tls.store(config),
            Err(error) => tracing::error!(error, "TLS stays as it was"),
        }
    }
}

fn config(
    certificates: &Generated,
    house: &House,
    door: &Door,
) -> Result<Arc<rustls::ServerConfig>, String> {
    let server = certificates.server(house.clock.now());
    let server = server.map_err(|error| error.to_string())?;
    let roots = door.target.load().identities.client_roots();
    let config = server.server_config(roots, alpn(door.protocol));
    config.map_err(|error| error.to_string())
}

fn alpn(protocol: &str) -> &'static [&'static [u8]] {
    match protocol {
        "PostgreSQL" => POSTGRESQL_ALPN,
        _ => &[],
    }
}

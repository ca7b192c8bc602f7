//! Ports on which Connections listen, and the TLS that is spoken on them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::runners::Runners;
use crate::control::doors::{Bound, Porter, Serving};
use crate::listen::Listener;
use crate::listen::tls::generated::Generated;
use crate::listen::tls::mounted::{Look, Mounted};
use crate::listen::tls::{CurrentTls, ServerCertificate};
use crate::protocol;
use crate::session::ports::{Door, House};

/// How often the server's certificate is looked after.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(12 * 60 * 60);

/// The same for one that others write.
const MOUNTED_LOOK: Duration = Duration::from_secs(1);

/// The names of each protocol in TLS (ALPN).
const POSTGRESQL_ALPN: &[&[u8]] = &[b"postgresql"];

/// Listens on one address of this machine.
#[derive(Debug)]
pub(crate) struct TcpPorter {
    bind: IpAddr,
    certificates: Certificates,
    house: Arc<House>,
    runners: Runners,
}

#[derive(Debug)]
struct TcpBound {
    listener: Listener,
    certificates: Certificates,
    house: Arc<House>,
    runners: Runners,
}

/// Ends the listener's tasks when it is dropped.
#[derive(Debug)]
struct Listening {
    _stop: DropGuard,
}

/// Where the server's certificate comes from.
#[derive(Debug, Clone)]
pub(crate) enum Certificates {
    /// Made here, by a CA of our own.
    Generated(Generated),
    /// Written by somebody else.
    Mounted(Mounted),
    /// There is none: only loopback is served.
    None,
}

// === impl Certificates ===

impl Certificates {
    pub(crate) fn server(&self, now: SystemTime) -> Result<ServerCertificate, String> {
        match self {
            Self::Generated(generated) => generated.server(now).map_err(|error| error.to_string()),
            Self::Mounted(mounted) => mounted.server().map_err(|error| error.to_string()),
            Self::None => Err("no certificate is wanted".to_owned()),
        }
    }

    fn look(&self) -> Look {
        match self {
            Self::Mounted(mounted) => mounted.look(),
            Self::Generated(_) | Self::None => Look::default(),
        }
    }

    /// Waits until the certificate is to be read again.
    async fn next(&self, seen: &Look) -> Look {
        let Self::Mounted(mounted) = self else {
            tokio::time::sleep(CERTIFICATE_LOOK).await;
            return Look::default();
        };
        loop {
            tokio::time::sleep(MOUNTED_LOOK).await;
            let look = mounted.look();
            if look != *seen {
                return look;
            }
        }
    }
}

// === impl TcpPorter ===

impl TcpPorter {
    pub(crate) fn new(
        bind: IpAddr,
        certificates: Certificates,
        house: &Arc<House>,
        runners: Runners,
    ) -> Self {
        Self {
            bind,
            certificates,
            runners,
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
            Err(_) if matches!(self.certificates, Certificates::None) => None,
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
async fn renew(certificates: &Certificates, house: &House, door: &Door, tls: &CurrentTls) {
    let mut changes = door.target.changes();
    let mut seen = certificates.look();
    let mut failing = false;
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            look = certificates.next(&seen) => seen = look,
        }
        match config(certificates, house, door) {
            Ok(config) => {
                failing = false;
                tls.store(config);
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(error, "TLS stays as it was");
                }
                // Half of a swap may be all that was seen.
                seen = Look::default();
            }
        }
    }
}

fn config(
    certificates: &Certificates,
    house: &House,
    door: &Door,
) -> Result<Arc<rustls::ServerConfig>, String> {
    let server = certificates.server(house.clock.now())?;
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

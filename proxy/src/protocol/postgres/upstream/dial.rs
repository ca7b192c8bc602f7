//! From a host name to an open connection, within a deadline.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::failed::ConnectFailed;

/// Resolving the name and trying its addresses ends within this.
pub const DIAL_DEADLINE: Duration = Duration::from_secs(10);

/// One address gets this long, so that one that is silent leaves time for the next.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(4);

/// Most addresses of one name that are tried.
pub const MAX_ADDRESSES: usize = 8;

/// A target that is gone without a word is noticed by probes after this long.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// Connects to the first address of the host that answers.
pub(super) async fn dial(host: &str, port: u16) -> Result<TcpStream, ConnectFailed> {
    let deadline = Instant::now() + DIAL_DEADLINE;
    let addresses = timeout_at(deadline, lookup_host((host, port)))
        .await
        .map_err(|_| ConnectFailed::TimedOut("name resolution"))?
        .map_err(|error| ConnectFailed::Unresolved {
            host: host.to_owned(),
            reason: error.to_string(),
        })?;
    let mut reason = "the name has no address".to_owned();
    for address in addresses.take(MAX_ADDRESSES) {
        let attempt = timeout(ATTEMPT_DEADLINE, TcpStream::connect(address));
        match timeout_at(deadline, attempt).await {
            Ok(Ok(Ok(stream))) => return tuned(stream),
            Ok(Ok(Err(error))) => reason = format!("{address}: {error}"),
            Ok(Err(_)) => reason = format!("{address}: no answer"),
            Err(_) => return Err(ConnectFailed::TimedOut("dialling")),
        }
    }
    Err(ConnectFailed::Unreachable {
        host: host.to_owned(),
        reason,
    })
}

fn tuned(stream: TcpStream) -> Result<TcpStream, ConnectFailed> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

//! The registry of protocols: one line each.

pub mod postgres;

use std::pin::Pin;
use std::sync::Arc;

use crate::listen::Accepted;
use crate::session::ports::Door;

/// Serves one client until its end. Never panics, never returns an error: all is told to the
/// client and to the logs where it happens.
pub type Serve =
    Arc<dyn Fn(Accepted, Arc<Door>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// How a protocol is served; none for one that is not spoken. Made once for each Connection, and
/// kept as long as its listener: it holds what the sessions of the Connection share.
pub fn serve(protocol: &str, door: &Door) -> Option<Serve> {
    match protocol {
        "PostgreSQL" => {
            let shared = Arc::new(postgres::Postgres::new(door));
            Some(Arc::new(move |client, door| {
                let shared = Arc::clone(&shared);
                Box::pin(async move { shared.serve(client, door).await })
            }))
        }
        _ => None,
    }
}

//! The registry of protocols: one line each.

pub mod postgres;

use std::pin::Pin;
use std::sync::Arc;

use crate::listen::Accepted;
use crate::session::ports::Door;

/// Serves one client until its end. Never panics, never returns an error: all is told to the
/// client and to the logs where it happens.
pub type Serve = fn(Accepted, Arc<Door>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// How a protocol is served; none for one that is not spoken.
pub fn serve(protocol: &str) -> Option<Serve> {
    match protocol {
        "PostgreSQL" => Some(|client, door| Box::pin(postgres::serve(client, door))),
        _ => None,
    }
}

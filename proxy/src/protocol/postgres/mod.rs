//! PostgreSQL. (owner: relay)

pub mod analysis;
pub mod upstream;

use std::sync::Arc;

use crate::listen::Accepted;
use crate::session::ports::Door;

/// Serves one client.
pub async fn serve(_client: Accepted, _door: Arc<Door>) {
    todo!()
}

//! The client of the API server, with a Debug that shows nothing: it holds credentials.

use std::ops::Deref;

use kube::Client;

/// A client; clones share its connections.
#[derive(Clone)]
pub struct ApiServer(Client);

// === impl ApiServer ===

impl ApiServer {
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// What an `Api` is made of.
    pub fn client(&self) -> Client {
        self.0.clone()
    }
}

impl Deref for ApiServer {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiServer")
    }
}

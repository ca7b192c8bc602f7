//! What the session knows of itself, kept as the server's answers come.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::operations::OpId;
use super::masked::Mask;
use super::Relay;
use crate::protocol::postgres::analysis::Analysed;
use crate::session::denial::Denial;

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// The server did what was analysed.
    pub(super) fn adopt(&mut self, analysed: &Arc<Analysed>) {
        self.view.adopt(analysed);
    }

    /// The server did it in part, or not at all.
    pub(super) fn void(&mut self, analysed: &Arc<Analysed>) {
        self.view.void(analysed);
    }
    pub(super) fn plan(&mut self, _a: &Arc<Analysed>) -> Result<Mask, Denial> { Ok(Mask {}) }
    pub(super) fn describe_rows(&mut self, id: OpId, portal: &[u8]) { let _ = (id, portal); }
}

//! What a session hears beside bytes: that it must end, that its client wants to cancel, that its
//! Connection was edited.
//!
//! A session waits at least twice for each operation. Listening anew each time took a lock of each
//! signal, twice; here one listener stays for as long as nothing is heard.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::futures::OwnedNotified;
use tokio::sync::watch;
use tokio_util::sync::ReusableBoxFuture;

use crate::protocol::postgres::cancel::CancelKey;
use crate::session::{EndReason, Session};

pub(super) struct Signals {
    ended: ReusableBoxFuture<'static, EndReason>,
    /// What ended it, once that was heard.
    reason: Option<EndReason>,
    key: CancelKey,
    asked: Pin<Box<OwnedNotified>>,
    edited: ReusableBoxFuture<'static, watch::Receiver<u64>>,
}

// === impl Signals ===

impl Signals {
    pub(super) fn of(session: &Session, key: CancelKey) -> Self {
        Self {
            ended: ReusableBoxFuture::new(session.ended()),
            reason: None,
            asked: Box::pin(Arc::clone(&key.asked).notified_owned()),
            key,
            edited: ReusableBoxFuture::new(edit(session.edits())),
        }
    }

    /// Ready when the session must end, and from then on.
    pub(super) fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<&EndReason> {
        if self.reason.is_none() {
            self.reason = Some(ready!(self.ended.poll(context)));
        }
        self.reason.as_ref().map_or(Poll::Pending, Poll::Ready)
    }

    /// Ready once for each time that the client asked to cancel.
    pub(super) fn poll_asked(&mut self, context: &mut Context<'_>) -> Poll<()> {
        ready!(self.asked.as_mut().poll(context));
        self.asked.set(Arc::clone(&self.key.asked).notified_owned());
        Poll::Ready(())
    }

    /// Ready when there was an edit since it was ready last.
    pub(super) fn poll_edited(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let edits = ready!(self.edited.poll(context));
        self.edited.set(edit(edits));
        Poll::Ready(())
    }
}

/// The next edit. Nobody can edit any more once the other end is gone.
async fn edit(mut edits: watch::Receiver<u64>) -> watch::Receiver<u64> {
    if edits.changed().await.is_err() {
        pending::<()>().await;
    }
    edits
}

//! What a session hears beside bytes: that it must end, that its client wants to cancel, that its
//! Connection was edited.
//!
//! A session waits at least twice for each operation. Listening anew each time took a lock of each
//! signal, twice; here one listener stays for as long as nothing is heard.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::futures::OwnedNotified;
use tokio::sync::watch;
use tokio_util::sync::ReusableBoxFuture;

use crate::protocol::postgres::cancel::CancelKey;
use crate::session::{EndReason, Session};

pub(super) struct Signals {
    ended: ReusableBoxFuture<'static, EndReason>,
    ended_idle: ReusableBoxFuture<'static, EndReason>,
    /// It ends once nothing of it runs.
    draining: bool,
    key: CancelKey,
    asked: Pin<Box<OwnedNotified>>,
    /// Edits of the Connection: to look, and to be woken.
    edits: watch::Receiver<u64>,
    edited: ReusableBoxFuture<'static, watch::Receiver<u64>>,
}

// === impl Signals ===

impl Signals {
    pub(super) fn of(session: &Session, key: CancelKey) -> Self {
        Self {
            ended: ReusableBoxFuture::new(session.ended(true)),
            ended_idle: ReusableBoxFuture::new(session.ended(false)),
            draining: false,
            asked: Box::pin(Arc::clone(&key.asked).notified_owned()),
            key,
            edits: session.edits(),
            edited: ReusableBoxFuture::new(edit(session.edits())),
        }
    }

    /// Ready when the session must end; it is not asked again then.
    pub(super) fn poll_ended(&mut self, context: &mut Context<'_>, busy: bool) -> Poll<()> {
        self.draining = self.draining || self.ended_idle.poll(context).is_ready();
        match self.draining && !busy || self.ended.poll(context).is_ready() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// What comes of some work; none where the session must end before that.
    pub(super) async fn unless_ended<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| match self.poll_ended(context, true) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => work.as_mut().poll(context).map(Some),
        })
        .await
    }

    /// Ready once for each time that the client asked to cancel.
    pub(super) fn poll_asked(&mut self, context: &mut Context<'_>) -> Poll<()> {
        ready!(self.asked.as_mut().poll(context));
        self.asked.set(Arc::clone(&self.key.asked).notified_owned());
        Poll::Ready(())
    }

    /// Ready after an edit, so that it is looked for.
    pub(super) fn poll_edited(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let edits = ready!(self.edited.poll(context));
        self.edited.set(edit(edits));
        Poll::Ready(())
    }

    /// Whether there was an edit since this was asked last.
    pub(super) fn take_edit(&mut self) -> bool {
        let edited = self.edits.has_changed().unwrap_or(false);
        if edited {
            self.edits.mark_unchanged();
        }
        edited
    }
}

/// The next edit. Nobody can edit any more once the other end is gone.
async fn edit(mut edits: watch::Receiver<u64>) -> watch::Receiver<u64> {
    if edits.changed().await.is_err() {
        pending::<()>().await;
    }
    edits
}

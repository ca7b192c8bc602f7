//! Waiting for either side, for the end of the session, for people; and the end itself.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use portcullis_dialect::postgres::wire::frontend::tag;
use portcullis_dialect::postgres::wire::write;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::line::Line;
use super::{End, Held, Relay};
use crate::io::within;
use crate::protocol::postgres::refuse::{self, Report, Severity, code};
use crate::session::EndReason;
use crate::session::denial::Denial;

/// How much of what a client says may wait while the server has not answered yet.
const MAX_AHEAD: usize = 64 * 1024;

/// A client whose operation waits for people hears this often that it still does.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How much of a message is waited for, so that last words may come behind it.
const MAX_REST: usize = 64 * 1024;

/// Last words take no longer than this.
const FAREWELL: Duration = Duration::from_secs(5);

/// What ended the waiting.
enum Woken {
    Moved,
    Ending,
    Cancel,
    /// The target was asked to cancel.
    Asked,
    Decided(Result<(), Denial>),
    StillHeld,
}

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// Writes what waits, and reads until something came or must be done.
    pub(super) async fn wait(&mut self) -> Result<(), End> {
        // Asked at every turn, since streams that never rest leave no room to be woken by it.
        self.stand()?;
        if self.signals.take_edit() {
            self.decide_again();
        }
        self.stop();
        match self.woken().await? {
            Woken::Moved => Ok(()),
            Woken::Ending => self.stand(),
            Woken::Cancel => {
                self.cancelled().await;
                Ok(())
            }
            Woken::Asked => {
                self.cancelling = None;
                Ok(())
            }
            Woken::Decided(decided) => self.decided(decided).await,
            Woken::StillHeld => {
                self.tell_held("the operation still waits for approval");
                Ok(())
            }
        }
    }

    /// Fails once the session must end.
    fn stand(&self) -> Result<(), End> {
        match self.session.must_end(self.is_busy()) {
            Some(reason) => Err(End::Session(Box::new(reason.clone()))),
            None => Ok(()),
        }
    }

    /// Whether something runs, or waits for people.
    fn is_busy(&self) -> bool {
        self.state.is_owed() || self.held.is_some()
    }

    async fn woken(&mut self) -> Result<Woken, End> {
        let busy = self.is_busy();
        if !busy && self.client.read.is_empty() {
            self.parameters = Vec::new();
        }
        let (client_frame, upstream_frame) = (self.client_frame, self.upstream_frame);
        let (client, upstream) = (&mut self.client, &mut self.upstream);
        let signals = &mut self.signals;
        let cancelling = &mut self.cancelling;
        let held = self.held.as_mut();
        let is_held = held.is_some();
        let mut decided = pin!(decision(held));
        let mut keep_alive = pin!(async {
            match is_held {
                true => tokio::time::sleep(KEEP_ALIVE).await,
                false => std::future::pending().await,
            }
        });
        poll_fn(|context| {
            let room = (client.may_take_more(), upstream.may_take_more());
            for written in [client.poll_write(context), upstream.poll_write(context)] {
                if let Poll::Ready(Err(error)) = written {
                    return Poll::Ready(Err(End::from(error)));
                }
            }
            // Before more is read: what comes after the request is not what it asks to cancel.
            if signals.poll_asked(context).is_ready() {
                return Poll::Ready(Ok(Woken::Cancel));
            }
            if let Some(cancelling) = cancelling.as_mut()
                && Pin::new(cancelling).poll(context).is_ready()
            {
                return Poll::Ready(Ok(Woken::Asked));
            }
            let mut moved = room != (client.may_take_more(), upstream.may_take_more());
            if !upstream.ended && client.may_take_more() {
                match upstream.poll_read(context, upstream_frame) {
                    Poll::Ready(Ok(())) => moved = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(End::TargetGone)),
                    Poll::Pending => {}
                }
            }
            if wants(client, client_frame) {
                match client.poll_read(context, client_frame) {
                    Poll::Ready(Ok(())) => moved = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(End::ClientLeft)),
                    Poll::Pending => {}
                }
            }
            if moved {
                return Poll::Ready(Ok(Woken::Moved));
            }
            if signals.poll_ended(context, busy).is_ready() {
                return Poll::Ready(Ok(Woken::Ending));
            }
            if signals.poll_edited(context).is_ready() {
                return Poll::Ready(Ok(Woken::Moved));
            }
            if is_held {
                if let Poll::Ready(decided) = decided.as_mut().poll(context) {
                    return Poll::Ready(Ok(Woken::Decided(decided)));
                }
                if keep_alive.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Ok(Woken::StillHeld));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Lets some time pass. False where the client asked to cancel meanwhile; fails where the session
    /// must end.
    pub(super) async fn pause(&mut self, time: Duration) -> Result<bool, End> {
        let signals = &mut self.signals;
        let mut over = pin!(tokio::time::sleep(time));
        let goes_on = poll_fn(|context| {
            if signals.poll_ended(context, true).is_ready() {
                return Poll::Ready(None);
            }
            if signals.poll_asked(context).is_ready() {
                return Poll::Ready(Some(false));
            }
            over.as_mut().poll(context).map(|()| Some(true))
        });
        goes_on.await.ok_or_else(|| self.ended())
    }

    /// Why the session ends, once it must.
    pub(super) fn ended(&self) -> End {
        match self.session.must_end(true) {
            Some(reason) => End::Session(Box::new(reason.clone())),
            None => End::Session(Box::new(EndReason::Drain)),
        }
    }

    /// The client asked to cancel: what waits is withdrawn, what runs is cancelled at the target.
    async fn cancelled(&mut self) {
        match self.held.take() {
            Some(held) => {
                let request = held.hold.request().to_owned();
                held.hold.withdraw().await;
                let message = format!("the operation was cancelled, and {request} withdrawn");
                self.refuse_held(&held.frame, Some(&message), None);
            }
            None if self.state.is_owed() => {
                self.cancel();
            }
            None => {}
        }
    }

    /// People decided, or the time to wait is over.
    async fn decided(&mut self, decided: Result<(), Denial>) -> Result<(), End> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        match decided {
            Ok(()) => {
                // People take their time; what it touches may be defined anew by now.
                self.renew(true).await?;
                self.message(held.frame, Some(held.hold)).await
            }
            Err(denial) => {
                self.refuse_held(&held.frame, None, Some(&denial));
                Ok(())
            }
        }
    }

    pub(super) fn refuse_held(
        &mut self,
        frame: &[u8],
        cancelled: Option<&str>,
        denial: Option<&Denial>,
    ) {
        let cancelled = cancelled.unwrap_or("the operation was cancelled");
        let simple = frame.first() == Some(&tag::QUERY);
        match denial {
            Some(denial) if simple => self.refuse_query(denial),
            Some(denial) => self.refuse_message(denial),
            None if simple && !self.state.is_unsynced() => {
                let report = Report::new(code::QUERY_CANCELED, cancelled);
                refuse::error(self.client.out(), Severity::Error, report);
                let transaction = self.state.transaction();
                write::ready(self.client.out(), transaction);
            }
            None => {
                self.refuse_as_server(code::QUERY_CANCELED, cancelled);
                if simple {
                    write::sync(self.upstream.out());
                    self.state.sync();
                }
            }
        }
    }

    /// An operation waits from now on, and the client is told how to get it approved.
    pub(super) fn hold(&mut self, held: Held) {
        self.held = Some(held);
        self.tell_held("the operation waits for approval");
    }

    fn tell_held(&mut self, what: &str) {
        let Some(held) = &self.held else { return };
        let message = format!("{what}: {}", held.hold.request());
        let how = held.hold.how_to_approve();
        let report = Report::new(code::SUCCESSFUL_COMPLETION, &message).hint(&how);
        refuse::notice(self.client.out(), report);
    }

    /// Tells the client why, and ends what is still held.
    pub(super) async fn finish(mut self, end: End) {
        match &end {
            End::Terminated | End::ClientLeft => tracing::debug!(%end, "a session ended"),
            _ => tracing::info!(%end, "a session ended"),
        }
        if let Some(held) = self.held.take() {
            held.hold.withdraw().await;
        }
        // The target first: it may be working for nobody, and a client may not take its last words.
        if self.state.is_owed() && !matches!(end, End::TargetGone) {
            self.cancel();
        }
        if !matches!(end, End::TargetGone) && within(FAREWELL, self.complete()).await.is_err() {
            tracing::debug!("the target did not end a message that it began");
        }
        self.last_words(&end);
        self.state.end();
        let (client, upstream) = (&mut self.client, &mut self.upstream);
        let farewell = within(FAREWELL, async {
            poll_fn(|context| upstream.poll_write(context)).await.ok();
            poll_fn(|context| client.poll_write(context)).await.ok();
            client.stream.shutdown().await.ok();
        });
        if farewell.await.is_err() {
            tracing::debug!("a client did not hear why its session ended");
        }
        if let Some(cancelling) = self.cancelling.take() {
            // It has a deadline of its own, and says itself what went wrong.
            let _ = cancelling.await;
        }
        self.session.close(&end.to_string());
    }

    /// A message that has begun to pass is passed to its end, unless too much of it is missing.
    async fn complete(&mut self) {
        while (1..=MAX_REST).contains(&self.from_upstream.torn()) && !self.upstream.ended {
            self.pass_piece();
            if self.from_upstream.is_over() {
                return;
            }
            let upstream = &mut self.upstream;
            let read = poll_fn(|context| upstream.poll_read(context, 0)).await;
            if read.is_err() {
                return;
            }
        }
    }

    fn last_words(&mut self, end: &End) {
        // In the middle of a message the client would read them as a part of it.
        if self.from_upstream.torn() > 0 {
            return;
        }
        let out = self.client.out();
        let (code, message) = match end {
            End::Terminated | End::ClientLeft | End::Io(_) => return,
            End::Session(reason) => match &**reason {
                EndReason::Cut(denial) => {
                    refuse::denial(out, Severity::Fatal, denial);
                    return;
                }
                EndReason::Killed(denial) => {
                    let report = Report::new(code::ADMIN_SHUTDOWN, &denial.message);
                    let json = denial.to_json();
                    let report = report.detail(&json).hint(&denial.remediation);
                    refuse::error(out, Severity::Fatal, report);
                    return;
                }
                EndReason::Drain => (
                    code::ADMIN_SHUTDOWN,
                    "terminating connection due to administrator command".to_owned(),
                ),
            },
            End::TargetGone => (
                code::CONNECTION_FAILURE,
                "the target closed the connection".to_owned(),
            ),
            End::Frame(_) | End::UnknownMessage(_) => (code::PROTOCOL_VIOLATION, end.to_string()),
            End::Target(_) | End::OutOfTurn(_) | End::TargetTooLarge(_) => (
                code::CONNECTION_FAILURE,
                "the target broke the protocol".to_owned(),
            ),
        };
        refuse::error(out, Severity::Fatal, Report::new(code, &message));
    }
}

/// Whether more of what the client says may be read.
fn wants<C>(client: &Line<C>, frame: usize) -> bool {
    !client.ended && client.read.len() < MAX_AHEAD.max(frame)
}

async fn decision(held: Option<&mut Held>) -> Result<(), Denial> {
    match held {
        Some(held) => held.hold.wait().await,
        None => std::future::pending().await,
    }
}

//! What was judged, on its way into the record.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use portcullis_recording::event::Event;
use portcullis_recording::writer::AppendError;
use tokio::task::JoinError;

use super::{Asked, Told};
use crate::session::Session;
use crate::session::record::{Cleaner, Judged};
use crate::session::registry::{Line, MAX_LINE_BYTES};

/// An operation is not in the record, so it must not run.
#[derive(Debug)]
pub(super) struct NotRecorded {
    pub(super) error: AppendError,
    /// Its event waits, and comes into the record once there is room.
    pub(super) waits: bool,
}

impl Session {
    /// Records an operation that is about to run, as the durability of the connection says. Operations
    /// of this thread that are ready at the same time share one write.
    pub(super) async fn record(
        &mut self,
        asked: &Asked<'_>,
        judged: Judged<'_>,
    ) -> Result<(), NotRecorded> {
        self.record_start()?;
        let strict = self.current.target.recording.strict;
        let house = Arc::clone(&self.door.house);
        let event = self.event(asked, judged);
        let now = house.clock.now();
        if strict {
            let event = event.clone();
            self.recorder.written();
            let written = move || house.writer.append_strict(&event, now).map(drop);
            let joined = tokio::task::spawn_blocking(written).await;
            let stopped = |error: JoinError| Err(AppendError::Stopped(error.to_string()));
            return Ok(joined.unwrap_or_else(stopped)?);
        }
        let position = house.writer.defer(event, now)?;
        self.recorder.written();
        behind_others().await;
        let written = house.writer.write_through(position);
        written.map_err(|error| NotRecorded { error, waits: true })
    }

    /// Records a judgement that lets nothing run.
    pub(super) fn append(
        &mut self,
        asked: &Asked<'_>,
        judged: Judged<'_>,
    ) -> Result<(), AppendError> {
        self.record_start()?;
        let house = Arc::clone(&self.door.house);
        let event = self.event(asked, judged);
        let appended = house.writer.append(event, house.clock.now());
        self.recorder.written();
        appended.map(drop)
    }

    /// The event of a judgement; who watches the session is told it.
    fn event(&mut self, asked: &Asked<'_>, judged: Judged<'_>) -> &Event {
        let judged = Judged {
            revision: self.current.target.snapshot.revision(),
            ..judged
        };
        self.tell(asked.told, &judged);
        let masks = &self.current.masks;
        self.recorder.operation(asked.told, masks, &judged)
    }

    /// For those who watch the session.
    fn tell(&self, told: &Arc<Told>, judged: &Judged<'_>) {
        let masks = &self.current.masks;
        self.entry.tell(|| Line::Operation {
            number: judged.number,
            text: Cleaner::new(masks)
                .short(told.text(), MAX_LINE_BYTES)
                .into(),
            decision: judged.decision,
            class: judged.class,
            rule: match (judged.policy, judged.rule) {
                (Some(policy), Some(rule)) => format!("{policy} {rule}").into(),
                (Some(policy), None) => policy.to_string().into(),
                (None, _) => Arc::default(),
            },
        });
    }

    /// Where the start could not be recorded, and that was accepted, it is tried again ahead of
    /// each operation.
    fn record_start(&mut self) -> Result<(), AppendError> {
        let Some(start) = &self.unrecorded else {
            return Ok(());
        };
        let house = &self.door.house;
        house.writer.append(start, house.clock.now())?;
        self.unrecorded = None;
        Ok(())
    }
}

// === impl NotRecorded ===

impl From<AppendError> for NotRecorded {
    fn from(error: AppendError) -> Self {
        Self {
            error,
            waits: false,
        }
    }
}

/// Ready once everything that is ready on this thread had its turn.
async fn behind_others() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

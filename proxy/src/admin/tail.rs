//! `POST /sessions/{id}/tail`: a session as it happens, a line of JSON each, until it ends. The lines
//! are those of `control::approvals::follow`.
//!
//! Whether the bearer still may is asked again every few seconds, of whoever let them in.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::unfold;
use http_body_util::{BodyExt, StreamBody};
use hyper::StatusCode;
use hyper::body::Frame;
use hyper::http::request::Parts;
use tokio::io::{AsyncReadExt, DuplexStream, duplex, split};
use tokio::time::sleep;

use super::{Answer, Office, answer, problem};
use crate::control::approvals::follow::follow;
use crate::control::caretaker::{Caretaker, Ward};
use crate::session::registry::Listed;

/// How soon a right that is withdrawn ends a tail, at its next line.
const ASKED_AGAIN: Duration = Duration::from_secs(10);

/// How much waits for a client that reads slowly.
const WAITING: usize = 64 * 1024;

/// Bytes of one piece of an answer.
const PIECE: usize = 16 * 1024;

/// Starts to tell. `follows` is true for as long as it goes on.
pub(super) fn start(
    office: &Office,
    ward: Ward,
    head: Parts,
    who: &Caretaker,
    (session, reason): (&str, &str),
    follows: &Arc<AtomicBool>,
) -> Answer {
    let (session, tail) = match ward.tail(who, session, reason) {
        Ok(found) => found,
        Err(error) => return problem(StatusCode::NOT_FOUND, &error),
    };
    let (ours, theirs) = duplex(WAITING);
    let (office, follows) = (office.clone(), Arc::clone(follows));
    follows.store(true, Ordering::Relaxed);
    tokio::spawn(async move {
        let still = AtomicBool::new(true);
        let (reading, writing) = split(ours);
        let may = || still.load(Ordering::Relaxed);
        tokio::select! {
            // Whether they may comes before what they are told.
            biased;
            () = office.asks_again(&ward, &head, &session, &still) => {}
            () = follow(&session, tail, may, reading, writing) => {}
        }
        follows.store(false, Ordering::Relaxed);
    });
    let body = StreamBody::new(unfold(theirs, piece)).boxed_unsync();
    answer(StatusCode::OK, "application/x-ndjson", body)
}

async fn piece(mut told: DuplexStream) -> Option<(io::Result<Frame<Bytes>>, DuplexStream)> {
    let mut piece = vec![0; PIECE];
    let read = told.read(&mut piece).await;
    let read = read.map(|length| {
        piece.truncate(length);
        piece
    });
    match read {
        Ok(piece) if piece.is_empty() => None,
        read => Some((read.map(|piece| Frame::data(piece.into())), told)),
    }
}

// === impl Office ===

impl Office {
    /// Never ends: whoever may no more is told so by the next line.
    async fn asks_again(&self, ward: &Ward, head: &Parts, session: &Listed, still: &AtomicBool) {
        loop {
            sleep(ASKED_AGAIN).await;
            let who = self.who(ward, head).await;
            let may = who.is_ok_and(|who| ward.is_theirs(&who, session));
            still.store(may, Ordering::Relaxed);
        }
    }
}

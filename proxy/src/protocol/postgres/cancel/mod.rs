//! Cancel requests, by keys of our own.
//!
//! A client gets a process id (16 bits of replica, 16 of slot) and a random key, never the
//! target's. A request with the right key is told to the session that it was given to; any other
//! is ignored without a word. A request of another replica's session is passed to the peers once,
//! marked by one byte behind its key, so that it cannot go around.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::{constant_time, rand};
use portcullis_dialect::postgres::wire::write;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::io::within;

/// The length of a key up to protocol 3.0.
const SHORT_KEY: usize = 4;

/// The length of a key from protocol 3.2 on.
const LONG_KEY: usize = 32;

/// Marks a request that comes from a peer.
const PASSED_ON: u8 = 1;

/// A peer gets this long to take a request.
const PEER_DEADLINE: Duration = Duration::from_secs(5);

/// The sessions of one Connection on this replica that can be cancelled.
#[derive(Debug, Default)]
pub(super) struct Cancels {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    taken: HashMap<u16, Slot>,
    last: u16,
}

#[derive(Debug)]
struct Slot {
    key: Box<[u8]>,
    asked: Arc<Notify>,
}

/// One session's key; given up when it is dropped.
#[derive(Debug)]
pub(super) struct CancelKey {
    pub(super) pid: u32,
    pub(super) key: Box<[u8]>,
    /// Told when the client asks.
    pub(super) asked: Arc<Notify>,
    slot: u16,
    cancels: Arc<Cancels>,
}

/// No key could be made: every slot is taken, or there is no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no cancel key is left")]
pub(super) struct NoKey;

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// It was told to its session, or nobody has such a key.
    Settled,
    /// This replica has the session: the packet is for the peers that may be it.
    PassOn(u16, Vec<u8>),
}

// === impl Cancels ===

impl Cancels {
    /// A key for a client that speaks this minor version of protocol 3.
    pub(super) fn register(self: &Arc<Self>, replica: u16, minor: u16) -> Result<CancelKey, NoKey> {
        let length = if minor >= 2 { LONG_KEY } else { SHORT_KEY };
        let mut key = vec![0; length].into_boxed_slice();
        rand::fill(&mut key).map_err(|_| NoKey)?;
        let asked = Arc::new(Notify::new());
        let mut slots = self.lock();
        let slot = slots.next().ok_or(NoKey)?;
        let taken = Slot {
            key: key.clone(),
            asked: Arc::clone(&asked),
        };
        slots.taken.insert(slot, taken);
        Ok(CancelKey {
            pid: u32::from(replica) << 16 | u32::from(slot),
            key,
            asked,
            slot,
            cancels: Arc::clone(self),
        })
    }

    /// A client's request, or a peer's.
    pub(super) fn hear(&self, replica: u16, pid: u32, key: &[u8]) -> Heard {
        let [high, low] = [pid >> 16, pid & 0xffff].map(|half| u16::try_from(half).unwrap_or(0));
        let (key, passed_on) = match key.split_last() {
            Some((&PASSED_ON, rest)) if is_key_length(rest.len()) => (rest, true),
            _ => (key, false),
        };
        if high != replica {
            if passed_on || !is_key_length(key.len()) {
                return Heard::Settled;
            }
            let mut marked = key.to_vec();
            marked.push(PASSED_ON);
            let mut packet = Vec::new();
            write::cancel(&mut packet, pid, &marked);
            return Heard::PassOn(high, packet);
        }
        if let Some(slot) = self.lock().taken.get(&low)
            && constant_time::verify_slices_are_equal(&slot.key, key).is_ok()
        {
            slot.asked.notify_one();
        }
        Heard::Settled
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Slots ===

impl Slots {
    /// The next free slot, never 0. Slots are used in turn, so that a late request meets nobody.
    fn next(&mut self) -> Option<u16> {
        if self.taken.len() >= usize::from(u16::MAX) {
            return None;
        }
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.taken.contains_key(&self.last) {
                return Some(self.last);
            }
        }
    }
}

// === impl CancelKey ===

impl Drop for CancelKey {
    fn drop(&mut self) {
        self.cancels.lock().taken.remove(&self.slot);
    }
}

fn is_key_length(length: usize) -> bool {
    length == SHORT_KEY || length == LONG_KEY
}

/// Hands a request to all peers, at the same time. Nothing is told back: a cancel request has no
/// answer.
pub(super) async fn pass_on(peers: &[SocketAddr], packet: &[u8]) {
    let mut sent = tokio::task::JoinSet::new();
    for peer in peers.iter().copied() {
        let packet = packet.to_vec();
        sent.spawn(within(PEER_DEADLINE, async move {
            let mut peer = TcpStream::connect(peer).await?;
            peer.write_all(&packet).await?;
            peer.shutdown().await
        }));
    }
    while let Some(outcome) = sent.join_next().await {
        if !matches!(outcome, Ok(Ok(Ok(())))) {
            tracing::debug!("a peer did not take a cancel request");
        }
    }
}

#[cfg(test)]
mod tests;

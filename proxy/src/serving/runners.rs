//! The threads that sessions run on, each with a runtime of its own.
//!
//! A session waits for its client and for its target by turns, and mostly for nobody else. On a
//! runtime that shares its work, each wake-up of one session woke another thread to look for more:
//! with 16 busy clients that cost as much as the rest of the operation. Here a session stays where
//! it was put, with both of its sockets.

use std::future::{Future, pending};
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_dialect::sql::parser::STACK_SIZE;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio_util::task::AbortOnDropHandle;

use crate::listen::Accepted;

/// All threads of the process that sessions run on. Clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Runners(Arc<[Runner]>);

#[derive(Debug)]
struct Runner {
    runtime: Handle,
    sessions: AtomicUsize,
}

/// A session's place on a runner, until it is dropped.
struct Place<'r>(&'r Runner);

/// Half as many threads as cores, at least one: the other half of an operation is the system's, in
/// sending and receiving, and often the target's and the client's. Measured with 16 clients on two
/// cores: one thread takes a sixth less time for an operation than two do.
pub(crate) fn default_count() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    (cores / 2).max(1)
}

// === impl Runners ===

impl Runners {
    /// Starts so many threads. They end with the process.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        (0..count.max(1))
            .map(Runner::start)
            .collect::<io::Result<Vec<_>>>()
            .map(|runners| Self(runners.into()))
    }

    /// Serves a client on the thread that has the fewest. Dropping this ends it.
    pub(crate) async fn run<F, S>(&self, client: Accepted, serve: F)
    where
        F: FnOnce(Accepted) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let Some(runner) = self.least_busy() else {
            return;
        };
        let _place = Place::take(runner);
        let Accepted {
            stream,
            peer,
            tls,
            plaintext_allowed,
            login,
        } = client;
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a client could not be moved to its thread");
                return;
            }
        };
        let session = runner.runtime.spawn(async move {
            // Here, so that this thread is the one that is told of its bytes.
            match TcpStream::from_std(stream) {
                Ok(stream) => {
                    serve(Accepted {
                        stream,
                        peer,
                        tls,
                        plaintext_allowed,
                        login,
                    })
                    .await;
                }
                Err(error) => tracing::warn!(%error, "a client could not be taken on"),
            }
        });
        // A session that panicked has ended, and has said so.
        let _ = AbortOnDropHandle::new(session).await;
    }

    fn least_busy(&self) -> Option<&Runner> {
        self.0
            .iter()
            .min_by_key(|runner| runner.sessions.load(Ordering::Relaxed))
    }
}

// === impl Runner ===

impl Runner {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name(format!("sessions-{number}"))
            // A statement that nests as deep as is taken is analysed on it.
            .stack_size(STACK_SIZE)
            .spawn(move || runtime.block_on(pending::<()>()))?;
        Ok(Self {
            runtime: handle,
            sessions: AtomicUsize::new(0),
        })
    }
}

// === impl Place ===

impl<'r> Place<'r> {
    fn take(runner: &'r Runner) -> Self {
        runner.sessions.fetch_add(1, Ordering::Relaxed);
        Self(runner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

//! What one session counts by.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use portcullis_policy::limit::Monotonic;
use prometheus::Histogram;

use crate::metrics::{Metrics, ProtocolMetrics};

/// The handles of its protocol. While it lives, the session counts as open.
#[derive(Debug)]
pub(crate) struct Counted(Arc<ProtocolMetrics>);

// === impl Counted ===

impl Counted {
    pub(crate) fn new(metrics: &Metrics, protocol: &str) -> Self {
        let handles = metrics.of(protocol);
        handles.sessions.inc();
        Self(handles)
    }

    /// For what may outlive the session.
    pub(crate) fn handles(&self) -> &Arc<ProtocolMetrics> {
        &self.0
    }
}

impl Deref for Counted {
    type Target = ProtocolMetrics;

    fn deref(&self) -> &ProtocolMetrics {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sessions.dec();
    }
}

pub(crate) fn observe(histogram: &Histogram, began: Monotonic, ended: Monotonic) {
    let nanos = ended.as_nanos().saturating_sub(began.as_nanos());
    histogram.observe(Duration::from_nanos(nanos).as_secs_f64());
}

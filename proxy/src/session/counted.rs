//! The metrics of one session's operations, by handles that are made once.

use std::time::Duration;

use portcullis_policy::Effect;
use portcullis_policy::limit::Monotonic;
use prometheus::{Histogram, IntCounter, IntGauge};

use crate::metrics::Metrics;
use std::sync::Arc;

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Allowed,
    Denied,
    Held,
    Limited,
    Failed,
}

/// One session's handles. While it lives, the session counts as open.
#[derive(Debug)]
pub(crate) struct Counted {
    metrics: Arc<Metrics>,
    protocol: &'static str,
    /// By effect and fate, made when first needed.
    operations: [[Option<IntCounter>; FATES]; EFFECTS],
    decision: Option<Histogram>,
    upstream: Option<Histogram>,
    sessions: Option<IntGauge>,
}

/// What an operation's end is counted by.
#[derive(Debug)]
pub(crate) struct Upstream {
    seconds: Option<Histogram>,
    masked: IntCounter,
}

const FATES: usize = 5;
const EFFECTS: usize = Effect::ALL.len();

// === impl Fate ===

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Held => "held",
            Self::Limited => "limited",
            Self::Failed => "failed",
        }
    }
}

// === impl Counted ===

impl Counted {
    pub(crate) fn new(metrics: &Arc<Metrics>, protocol: &'static str) -> Self {
        let sessions = metrics.sessions.get_metric_with_label_values(&[protocol]);
        let sessions = sessions.ok();
        if let Some(sessions) = &sessions {
            sessions.inc();
        }
        let of = |histogram: &prometheus::HistogramVec| {
            histogram.get_metric_with_label_values(&[protocol]).ok()
        };
        Self {
            protocol,
            operations: Default::default(),
            decision: of(&metrics.decision_seconds),
            upstream: of(&metrics.upstream_seconds),
            sessions,
            metrics: Arc::clone(metrics),
        }
    }

    pub(crate) fn operation(&mut self, effect: Effect, fate: Fate) {
        let fates = self.operations.get_mut(effect as usize);
        let Some(kept) = fates.and_then(|fates| fates.get_mut(fate as usize)) else {
            return;
        };
        if kept.is_none() {
            let labels = [self.protocol, effect.as_str(), fate.word()];
            let counter = &self.metrics.operations;
            *kept = counter.get_metric_with_label_values(&labels).ok();
        }
        if let Some(counter) = kept {
            counter.inc();
        }
    }

    pub(crate) fn decided(&self, began: Monotonic, ended: Monotonic) {
        if let Some(decision) = &self.decision {
            let nanos = ended.as_nanos().saturating_sub(began.as_nanos());
            decision.observe(Duration::from_nanos(nanos).as_secs_f64());
        }
    }

    pub(crate) fn upstream(&self) -> Upstream {
        Upstream {
            seconds: self.upstream.clone(),
            masked: self.metrics.masked_values.clone(),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(sessions) = &self.sessions {
            sessions.dec();
        }
    }
}

// === impl Upstream ===

impl Upstream {
    pub(crate) fn observe(&self, duration: Duration, masked: u64) {
        if let Some(seconds) = &self.seconds {
            seconds.observe(duration.as_secs_f64());
        }
        if masked > 0 {
            self.masked.inc_by(masked);
        }
    }
}

//! What is counted. Labels come from closed sets. (owner: control; others add what they need)
//!
//! Everybody who counts holds an `Arc<Metrics>`; handles of hot labels are made once.

use portcullis_policy::Effect;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};

#[derive(Debug)]
pub struct Metrics {
    pub registry: Registry,
    /// portcullis_operations_total{protocol,effect,decision}; decision: allowed, denied, held, limited, failed
    pub operations: IntCounterVec,
    pub decision_seconds: HistogramVec,
    pub upstream_seconds: HistogramVec,
    pub added_seconds: HistogramVec,
    pub approval_wait_seconds: Histogram,
    pub approvals_waiting: IntGaugeVec,
    pub masked_values: IntCounter,
    /// portcullis_sessions{protocol}
    pub sessions: IntGaugeVec,
    /// portcullis_bytes_total{direction}: client_in, client_out, upstream_in, upstream_out
    pub bytes: IntCounterVec,
    pub reloads: IntCounterVec,
}

// === impl Metrics ===

impl Metrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        let _ = (
            Effect::Read,
            HistogramOpts::new("a", "b"),
            Opts::new("a", "b"),
        );
        todo!()
    }
}

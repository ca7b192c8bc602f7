//! What is counted: under the names of controller-runtime, so that dashboards made for it work, and
//! our own beside them. Labels come from closed sets.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Seconds that a reconcile takes: from one that finds nothing to do to a slow API server.
const RECONCILE_BUCKETS: [f64; 12] = [
    1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0, 5.0, 30.0,
];
/// Seconds from a decision to the grant.
const DECISION_BUCKETS: [f64; 10] = [1e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.3, 1.0, 5.0, 30.0];

/// Which controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    Connection,
    ConnectionClass,
    GuardrailPolicy,
    MaskingRule,
    ApprovalRequest,
}

/// What came of a reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// It asked to be called again at a time.
    RequeueAfter,
    Error,
}

#[derive(Debug)]
pub struct Metrics {
    pub registry: Registry,
    pub reconciles: IntCounterVec,
    pub errors: IntCounterVec,
    pub seconds: HistogramVec,
    pub active: IntGaugeVec,
    /// Requests that wait to be scheduled, as far as they are still in our own channel.
    pub depth: IntGaugeVec,
    pub leader: IntGaugeVec,
    /// `portcullis_operator_applied_total{kind,result}`: created or changed, unchanged, deleted.
    pub applied: IntCounterVec,
    /// Status patches that were sent.
    pub statuses: IntCounterVec,
    /// Objects that cannot be read as what their definition says.
    pub unreadable: IntCounter,
    /// Connections, by whether they are ready.
    pub connections: IntGaugeVec,
    /// `portcullis_operator_approvals_total{state}`: requests that reached the state.
    pub approvals: IntCounterVec,
    pub decision_seconds: HistogramVec,
    /// Unix time at which the CA that signs is over.
    pub authority_end: IntGauge,
}

// === impl Controller ===

impl Controller {
    pub const ALL: [Self; 5] = [
        Self::Connection,
        Self::ConnectionClass,
        Self::GuardrailPolicy,
        Self::MaskingRule,
        Self::ApprovalRequest,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::ConnectionClass => "connectionclass",
            Self::GuardrailPolicy => "guardrailpolicy",
            Self::MaskingRule => "maskingrule",
            Self::ApprovalRequest => "approvalrequest",
        }
    }
}

// === impl Outcome ===

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::RequeueAfter => "requeue_after",
            Self::Error => "error",
        }
    }
}

// === impl Metrics ===

impl Metrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone())).map(|()| metric)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone())).map(|()| metric)
        };
        let histograms = |name: &str, help: &str, labels: &[&str], buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            let metric = HistogramVec::new(options, labels)?;
            registry.register(Box::new(metric.clone())).map(|()| metric)
        };
        let unreadable = IntCounter::new(
            "portcullis_operator_unreadable_total",
            "Objects that could not be read.",
        )?;
        registry.register(Box::new(unreadable.clone()))?;
        let authority_end = IntGauge::new(
            "portcullis_operator_ca_end_seconds",
            "Unix time at which the CA that signs is over.",
        )?;
        registry.register(Box::new(authority_end.clone()))?;
        let metrics = Self {
            reconciles: counters(
                "controller_runtime_reconcile_total",
                "Reconciles by result.",
                &["controller", "result"],
            )?,
            errors: counters(
                "controller_runtime_reconcile_errors_total",
                "Reconciles that failed.",
                &["controller"],
            )?,
            seconds: histograms(
                "controller_runtime_reconcile_time_seconds",
                "Time of a reconcile.",
                &["controller"],
                &RECONCILE_BUCKETS,
            )?,
            active: gauges(
                "controller_runtime_active_workers",
                "Reconciles that run now.",
                &["controller"],
            )?,
            depth: gauges(
                "workqueue_depth",
                "Requests that wait to be scheduled.",
                &["name", "controller"],
            )?,
            leader: gauges(
                "leader_election_master_status",
                "Whether this replica holds the lease.",
                &["name"],
            )?,
            applied: counters(
                "portcullis_operator_applied_total",
                "Owned objects that were applied or deleted.",
                &["kind", "result"],
            )?,
            statuses: counters(
                "portcullis_operator_status_patches_total",
                "Status patches that were sent.",
                &["controller"],
            )?,
            connections: gauges(
                "portcullis_operator_connections",
                "Connections by whether they are ready.",
                &["ready"],
            )?,
            approvals: counters(
                "portcullis_operator_approvals_total",
                "Requests that reached a state.",
                &["state"],
            )?,
            decision_seconds: histograms(
                "portcullis_operator_decision_seconds",
                "Time from reading a request with its quorum to the grant.",
                &["state"],
                &DECISION_BUCKETS,
            )?,
            unreadable,
            authority_end,
            registry,
        };
        for controller in Controller::ALL.map(Controller::name) {
            // A series that is there from the start shows the first of anything.
            for outcome in [Outcome::Success, Outcome::RequeueAfter, Outcome::Error] {
                metrics
                    .reconciles
                    .with_label_values(&[controller, outcome.name()]);
            }
            metrics.errors.with_label_values(&[controller]);
            metrics.depth.with_label_values(&[controller, controller]);
        }
        Ok(metrics)
    }

    /// All of it in the text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let families = self.registry.gather();
        // Writing into a string fails for no family of ours.
        let _ = TextEncoder::new().encode_utf8(&families, &mut text);
        text
    }

    /// One reconcile is over.
    pub fn reconciled(&self, controller: Controller, outcome: Outcome, seconds: f64) {
        let name = controller.name();
        self.reconciles
            .with_label_values(&[name, outcome.name()])
            .inc();
        if outcome == Outcome::Error {
            self.errors.with_label_values(&[name]).inc();
        }
        self.seconds.with_label_values(&[name]).observe(seconds);
    }
}

#[cfg(test)]
mod tests;

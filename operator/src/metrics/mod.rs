//! What is counted: under the names of controller-runtime, so that dashboards made for it work, and
//! our own beside them. Labels come from closed sets.

pub mod queue;
pub mod requests;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use self::queue::Queues;

/// Seconds that a reconcile takes: from one that finds nothing to do to a slow API server.
const RECONCILE_BUCKETS: [f64; 12] = [
    1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0, 5.0, 30.0,
];
/// Seconds from a decision to the grant.
const DECISION_BUCKETS: [f64; 10] = [1e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.3, 1.0, 5.0, 30.0];

/// Which controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    pub runtime: Runtime,
    /// `portcullis_operator_applied_total{kind,result}`: applied, deleted.
    pub applied: IntCounterVec,
    /// Status patches that were sent.
    pub statuses: IntCounterVec,
    /// Objects that cannot be read as what their definition says.
    pub unreadable: IntCounter,
    /// `portcullis_operator_approvals_total{state}`: requests that reached the state.
    pub approvals: IntCounterVec,
    pub decision_seconds: HistogramVec,
    /// Unix time at which the CA that signs is over.
    pub authority_end: IntGauge,
}

/// What controller-runtime counts, under its names.
#[derive(Debug)]
pub struct Runtime {
    pub reconciles: IntCounterVec,
    pub errors: IntCounterVec,
    pub seconds: HistogramVec,
    pub active: IntGaugeVec,
    /// Reconciles that may run at a time.
    pub most: IntGaugeVec,
    pub queues: Queues,
    /// `rest_client_requests_total{code,host,method}`: requests to the API server.
    pub requests: IntCounterVec,
    pub leader: IntGaugeVec,
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

// === impl Runtime ===

impl Runtime {
    fn new(to: &Registry) -> Result<Self, prometheus::Error> {
        let runtime = "controller_runtime_reconcile";
        let of = ["controller"];
        let new = Self {
            reconciles: counters(
                to,
                &format!("{runtime}_total"),
                "Reconciles by result.",
                &["controller", "result"],
            )?,
            errors: counters(
                to,
                &format!("{runtime}_errors_total"),
                "Reconciles that failed.",
                &of,
            )?,
            seconds: histograms(
                to,
                &format!("{runtime}_time_seconds"),
                "Time of a reconcile.",
                &of,
                &RECONCILE_BUCKETS,
            )?,
            active: gauges(
                to,
                "controller_runtime_active_workers",
                "Reconciles that run now.",
                &of,
            )?,
            most: gauges(
                to,
                "controller_runtime_max_concurrent_reconciles",
                "Reconciles that may run at a time.",
                &of,
            )?,
            queues: Queues::new(to)?,
            requests: counters(
                to,
                "rest_client_requests_total",
                "Requests to the API server.",
                &["code", "host", "method"],
            )?,
            leader: gauges(
                to,
                "leader_election_master_status",
                "Whether this replica holds the lease.",
                &["name"],
            )?,
        };
        for controller in Controller::ALL.map(Controller::name) {
            // A series that is there from the start shows the first of anything.
            for outcome in [Outcome::Success, Outcome::RequeueAfter, Outcome::Error] {
                let labels = [controller, outcome.name()];
                new.reconciles.with_label_values(&labels);
            }
            new.errors.with_label_values(&[controller]);
        }
        Ok(new)
    }
}

// === impl Metrics ===

impl Metrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let to = &registry;
        let unreadable = IntCounter::new(
            "portcullis_operator_unreadable_total",
            "Objects that could not be read.",
        )?;
        to.register(Box::new(unreadable.clone()))?;
        let authority_end = IntGauge::new(
            "portcullis_operator_ca_end_seconds",
            "Unix time at which the CA that signs is over.",
        )?;
        to.register(Box::new(authority_end.clone()))?;
        Ok(Self {
            runtime: Runtime::new(to)?,
            applied: counters(
                to,
                "portcullis_operator_applied_total",
                "Owned objects that were applied or deleted.",
                &["kind", "result"],
            )?,
            statuses: counters(
                to,
                "portcullis_operator_status_patches_total",
                "Status patches that were sent.",
                &["controller"],
            )?,
            approvals: counters(
                to,
                "portcullis_operator_approvals_total",
                "Requests that reached a state.",
                &["state"],
            )?,
            decision_seconds: histograms(
                to,
                "portcullis_operator_decision_seconds",
                "Time from reading a request to its new state being written.",
                &["state"],
                &DECISION_BUCKETS,
            )?,
            unreadable,
            authority_end,
            registry,
        })
    }

    /// All of it in the text format.
    pub fn text(&self) -> String {
        self.runtime.queues.settle();
        let mut text = String::new();
        let families = self.registry.gather();
        // Writing into a string fails for no family of ours.
        let _ = TextEncoder::new().encode_utf8(&families, &mut text);
        text
    }

    /// One reconcile is over.
    pub fn reconciled(&self, controller: Controller, outcome: Outcome, seconds: f64) {
        let name = controller.name();
        let labels = [name, outcome.name()];
        self.runtime.reconciles.with_label_values(&labels).inc();
        if outcome == Outcome::Error {
            self.runtime.errors.with_label_values(&[name]).inc();
        }
        let times = self.runtime.seconds.with_label_values(&[name]);
        times.observe(seconds);
    }
}

fn counters(
    to: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
    to.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn gauges(
    to: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
    to.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histograms(
    to: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let metric = HistogramVec::new(options, labels)?;
    to.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests;

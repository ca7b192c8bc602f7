//! What is counted. Labels come from closed sets.
//!
//! Everybody who counts holds an `Arc<Metrics>`; handles of hot labels are made once for each
//! protocol, in [`Metrics::of`], so that counting an operation hashes nothing.

mod names;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_policy::Effect;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

pub use names::NAMES;
use names::name;

/// Seconds that a decision takes: from a cached analysis to a bound of 10 ms.
const DECISION_BUCKETS: [f64; 12] = [
    1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2,
];
/// Seconds that all of ours adds to an operation on its way to the target.
const ADDED_BUCKETS: [f64; 13] = [
    5e-6, 1e-5, 2e-5, 3e-5, 5e-5, 8e-5, 1.5e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1,
];
/// Seconds that the target takes.
const UPSTREAM_BUCKETS: [f64; 14] = [
    5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 0.5, 2.5, 10.0, 60.0,
];
/// Seconds that people take.
const APPROVAL_BUCKETS: [f64; 10] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];

#[derive(Debug)]
pub struct Metrics {
    pub registry: Registry,
    /// `portcullis_operations_total{protocol,effect,decision}`; the decisions are [`Decided`].
    pub operations: IntCounterVec,
    pub decision_seconds: HistogramVec,
    pub upstream_seconds: HistogramVec,
    pub added_seconds: HistogramVec,
    pub approval_wait_seconds: Histogram,
    /// `portcullis_approvals_waiting{protocol}`: operations that are held now.
    pub approvals_waiting: IntGaugeVec,
    pub masked_values: IntCounter,
    /// `portcullis_sessions{protocol}`
    pub sessions: IntGaugeVec,
    /// `portcullis_bytes_total{direction}`: client_in, client_out, upstream_in, upstream_out
    pub bytes: IntCounterVec,
    /// `portcullis_refused_openings_total{protocol,reason}`; the reasons are [`Refused`].
    pub refused_openings: IntCounterVec,
    pub spool_bytes: IntGauge,
    /// `portcullis_reloads_total{result}`: applied, refused
    pub reloads: IntCounterVec,
    protocols: Mutex<BTreeMap<String, Arc<ProtocolMetrics>>>,
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    Allowed,
    Denied,
    Held,
    Limited,
    Failed,
}

/// Why somebody did not get a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Nobody was proven.
    Login,
    /// The access rule, lockdown, or a credential that does not hold.
    Access,
    /// As many sessions are open as may be.
    Limit,
    Database,
    /// Policies, masks or the record cannot be had.
    Unavailable,
}

/// The handles of one protocol, to be kept by whoever counts often.
#[derive(Debug, Clone)]
pub struct ProtocolMetrics {
    session: ByDecision,
    read: ByDecision,
    write: ByDecision,
    define: ByDecision,
    administer: ByDecision,
    unknown: ByDecision,
    pub decision_seconds: Histogram,
    pub upstream_seconds: Histogram,
    pub added_seconds: Histogram,
    pub approvals_waiting: IntGauge,
    pub masked_values: IntCounter,
    pub sessions: IntGauge,
    pub client_in: IntCounter,
    pub client_out: IntCounter,
    pub upstream_in: IntCounter,
    pub upstream_out: IntCounter,
}

#[derive(Debug, Clone)]
struct ByDecision {
    allowed: IntCounter,
    denied: IntCounter,
    held: IntCounter,
    limited: IntCounter,
    failed: IntCounter,
}

// === impl Metrics ===

impl Metrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        let metrics = Self {
            registry: Registry::new(),
            operations: IntCounterVec::new(
                opts(
                    "operations_total",
                    "Operations, by what they do and what was decided.",
                ),
                &["protocol", "effect", "decision"],
            )?,
            decision_seconds: seconds("decision_seconds", "Time to decide.", &DECISION_BUCKETS)?,
            upstream_seconds: seconds(
                "upstream_seconds",
                "Time from forwarding an operation to the end of the target's answer.",
                &UPSTREAM_BUCKETS,
            )?,
            added_seconds: seconds(
                "added_seconds",
                "Time from an operation being at hand to its forwarding, without waiting for people.",
                &ADDED_BUCKETS,
            )?,
            approval_wait_seconds: Histogram::with_opts(
                histogram("approval_wait_seconds", "Time that held operations waited.")
                    .buckets(APPROVAL_BUCKETS.to_vec()),
            )?,
            approvals_waiting: IntGaugeVec::new(
                opts(
                    "approvals_waiting",
                    "Operations that wait for approval now.",
                ),
                &["protocol"],
            )?,
            masked_values: IntCounter::with_opts(opts(
                "masked_values_total",
                "Values that were masked on their way to a client.",
            ))?,
            sessions: IntGaugeVec::new(opts("sessions", "Open sessions."), &["protocol"])?,
            bytes: IntCounterVec::new(
                opts(
                    "bytes_total",
                    "Bytes of sessions after login, without TLS, by where they came from or went to.",
                ),
                &["direction"],
            )?,
            refused_openings: IntCounterVec::new(
                opts(
                    "refused_openings_total",
                    "Sessions that were not opened, by why.",
                ),
                &["protocol", "reason"],
            )?,
            spool_bytes: IntGauge::with_opts(opts("spool_bytes", "Bytes in the spool."))?,
            reloads: IntCounterVec::new(
                opts(
                    "reloads_total",
                    "Edits of the configuration, applied or refused.",
                ),
                &["result"],
            )?,
            protocols: Mutex::default(),
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let registry = &self.registry;
        registry.register(Box::new(self.operations.clone()))?;
        registry.register(Box::new(self.decision_seconds.clone()))?;
        registry.register(Box::new(self.upstream_seconds.clone()))?;
        registry.register(Box::new(self.added_seconds.clone()))?;
        registry.register(Box::new(self.approval_wait_seconds.clone()))?;
        registry.register(Box::new(self.approvals_waiting.clone()))?;
        registry.register(Box::new(self.masked_values.clone()))?;
        registry.register(Box::new(self.sessions.clone()))?;
        registry.register(Box::new(self.bytes.clone()))?;
        registry.register(Box::new(self.refused_openings.clone()))?;
        registry.register(Box::new(self.spool_bytes.clone()))?;
        registry.register(Box::new(self.reloads.clone()))
    }

    /// The handles of a protocol. They show at zero from now on, so that a rate over them is
    /// right from the first operation.
    pub fn of(&self, protocol: &str) -> Arc<ProtocolMetrics> {
        // Nothing is halfway in it: an entry is whole or not there.
        let mut protocols = self
            .protocols
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = protocols.get(protocol) {
            return Arc::clone(known);
        }
        let made = Arc::new(self.handles(protocol));
        protocols.insert(protocol.to_owned(), Arc::clone(&made));
        made
    }

    fn handles(&self, protocol: &str) -> ProtocolMetrics {
        let effect = |effect: Effect| {
            let one = |decided: Decided| {
                let labels = [protocol, effect.as_str(), decided.as_str()];
                self.operations.with_label_values(&labels)
            };
            ByDecision {
                allowed: one(Decided::Allowed),
                denied: one(Decided::Denied),
                held: one(Decided::Held),
                limited: one(Decided::Limited),
                failed: one(Decided::Failed),
            }
        };
        for reason in Refused::ALL {
            let labels = [protocol, reason.as_str()];
            self.refused_openings.with_label_values(&labels);
        }
        let bytes = |direction: &str| self.bytes.with_label_values(&[direction]);
        ProtocolMetrics {
            session: effect(Effect::Session),
            read: effect(Effect::Read),
            write: effect(Effect::Write),
            define: effect(Effect::Define),
            administer: effect(Effect::Administer),
            unknown: effect(Effect::Unknown),
            decision_seconds: self.decision_seconds.with_label_values(&[protocol]),
            upstream_seconds: self.upstream_seconds.with_label_values(&[protocol]),
            added_seconds: self.added_seconds.with_label_values(&[protocol]),
            approvals_waiting: self.approvals_waiting.with_label_values(&[protocol]),
            masked_values: self.masked_values.clone(),
            sessions: self.sessions.with_label_values(&[protocol]),
            client_in: bytes("client_in"),
            client_out: bytes("client_out"),
            upstream_in: bytes("upstream_in"),
            upstream_out: bytes("upstream_out"),
        }
    }

    /// Somebody did not get a session.
    pub fn refused(&self, protocol: &str, reason: Refused) {
        let labels = [protocol, reason.as_str()];
        self.refused_openings.with_label_values(&labels).inc();
    }

    /// An edit was taken over, or refused.
    pub fn reloaded(&self, applied: bool) {
        let result = if applied { "applied" } else { "refused" };
        self.reloads.with_label_values(&[result]).inc();
    }

    /// All of it in the text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

// === impl Decided ===

impl Decided {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Held => "held",
            Self::Limited => "limited",
            Self::Failed => "failed",
        }
    }
}

// === impl Refused ===

impl Refused {
    pub const ALL: [Self; 5] = [
        Self::Login,
        Self::Access,
        Self::Limit,
        Self::Database,
        Self::Unavailable,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Access => "access",
            Self::Limit => "limit",
            Self::Database => "database",
            Self::Unavailable => "unavailable",
        }
    }
}

// === impl ProtocolMetrics ===

impl ProtocolMetrics {
    /// The counter of an operation, ready made.
    pub fn operation(&self, effect: Effect, decided: Decided) -> &IntCounter {
        let counters = match effect {
            Effect::Session => &self.session,
            Effect::Read => &self.read,
            Effect::Write => &self.write,
            Effect::Define => &self.define,
            Effect::Administer => &self.administer,
            Effect::Unknown => &self.unknown,
        };
        match decided {
            Decided::Allowed => &counters.allowed,
            Decided::Denied => &counters.denied,
            Decided::Held => &counters.held,
            Decided::Limited => &counters.limited,
            Decided::Failed => &counters.failed,
        }
    }
}

fn opts(short: &str, help: &str) -> Opts {
    Opts::new(name(short), help)
}

fn histogram(short: &str, help: &str) -> HistogramOpts {
    HistogramOpts::new(name(short), help)
}

fn seconds(short: &str, help: &str, buckets: &[f64]) -> Result<HistogramVec, prometheus::Error> {
    HistogramVec::new(
        histogram(short, help).buckets(buckets.to_vec()),
        &["protocol"],
    )
}

#[cfg(test)]
mod tests;

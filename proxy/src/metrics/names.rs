//! The names that dashboards and alerts are written against: they are API.

/// Every metric, with its prefix.
pub const NAMES: [&str; 12] = [
    "portcullis_operations_total",
    "portcullis_decision_seconds",
    "portcullis_upstream_seconds",
    "portcullis_added_seconds",
    "portcullis_approval_wait_seconds",
    "portcullis_approvals_waiting",
    "portcullis_masked_values_total",
    "portcullis_sessions",
    "portcullis_bytes_total",
    "portcullis_refused_openings_total",
    "portcullis_spool_bytes",
    "portcullis_reloads_total",
];

pub(super) fn name(short: &str) -> String {
    format!("portcullis_{short}")
}

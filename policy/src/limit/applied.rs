//! The limits that bind one subject on one connection, gathered from its policies.

use std::sync::Arc;

use crate::limit::{LimitId, LimitKind, Named, share};
use crate::rule::{CountLimit, Limits, ObjectName, RateLimit, SizeLimit};

/// Each policy's limits under the policy's name. All of them hold, so their order does not
/// matter, and of two of one kind the smaller is felt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliedLimits {
    /// Of rows and of bytes.
    pub sizes: Vec<Named<SizeLimit>>,
    pub operations: Vec<Named<RateLimit>>,
    /// For an operation that writes, beside `operations`.
    pub writes: Vec<Named<RateLimit>>,
    pub sessions: Vec<Named<CountLimit>>,
}

// === impl AppliedLimits ===

impl AppliedLimits {
    /// Adds a policy's limits. Rates and sessions are this replica's part of them; rows and bytes
    /// are of one operation, which one replica serves whole.
    pub fn add(&mut self, policy: &ObjectName, limits: &Limits, replicas: u32) {
        let policy = Arc::new(policy.clone());
        let id = |kind| LimitId::new(kind, &policy);
        let rate = |kind, limit: RateLimit| Named {
            id: id(kind),
            limit: RateLimit {
                max: share(limit.max, replicas),
                ..limit
            },
        };
        let rows = limits.rows.map(|limit| Named {
            id: id(LimitKind::Rows),
            limit,
        });
        let bytes = limits.bytes.map(|limit| Named {
            id: id(LimitKind::Bytes),
            limit,
        });
        self.sizes.extend(rows.into_iter().chain(bytes));
        self.operations.extend(
            limits
                .operations
                .map(|limit| rate(LimitKind::Operations, limit)),
        );
        self.writes
            .extend(limits.writes.map(|limit| rate(LimitKind::Writes, limit)));
        self.sessions.extend(limits.sessions.map(|limit| Named {
            id: id(LimitKind::Sessions),
            limit: CountLimit {
                max: share(limit.max, replicas),
                ..limit
            },
        }));
    }

    /// The rates that one operation is counted against.
    pub fn rates(&self, writes: bool) -> impl Iterator<Item = &Named<RateLimit>> + Clone {
        let writes = if writes { self.writes.as_slice() } else { &[] };
        self.operations.iter().chain(writes)
    }
}

//! What an expression may cost, known before it runs: an evaluation cannot be interrupted.

/// Most values that a loop runs over. A longer list fails the expression; it is never cut.
pub const MAX_ITERATED: usize = 64;

/// Most values in a list or a map that an expression reads without a loop.
pub const MAX_LISTED: usize = 1024;

/// Most segments of a resource's path that an expression reads.
pub const MAX_PATH_READ: usize = 32;

/// Most loops inside each other.
pub const MAX_LOOPS: usize = 2;

/// Longest text of an operation that an expression reads, in bytes.
pub const MAX_EXPRESSION_TEXT: usize = 64 * 1024;

/// Longest other string that an expression reads, in bytes.
pub const MAX_STRING: usize = 4096;

/// Longest string that an expression may make, in bytes.
pub const MAX_GROWN: usize = 256 * 1024;

/// Most values in all of a subject's claims, where an expression reads them.
pub const MAX_CLAIMS: usize = 1024;

/// Deepest nesting of a subject's claims, where an expression reads them.
pub const MAX_CLAIMS_DEPTH: usize = 16;

/// Most steps of one evaluation, each some 50 ns.
pub const MAX_EXPRESSION_COST: u64 = 1_000_000;

/// What a copy of a value is taken to weigh, allocations included.
pub(super) const SCALAR_BYTES: u64 = 256;
pub(super) const ACCESS_BYTES: u64 = 5120;
pub(super) const DYNAMIC_BYTES: u64 = 8192;

const NODE: u64 = 2;
const CALL: u64 = 6;
const COPIED_PER_STEP: u64 = 256;
const SCANNED_PER_STEP: u64 = 16;

/// Adds up the steps of a walk, each as often as the loops around it make it run.
#[derive(Debug)]
pub(super) struct Meter {
    loops: Vec<u64>,
    total: u64,
}

/// How long the value of a variable may be.
pub(super) fn bytes_of(path: &str) -> u64 {
    (if path == "operation.text" {
        MAX_EXPRESSION_TEXT
    } else {
        MAX_STRING
    }) as u64
}

// === impl Meter ===

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            loops: Vec::new(),
            total: 0,
        }
    }

    pub(super) fn node(&mut self) {
        self.add(NODE);
    }

    pub(super) fn copy(&mut self, bytes: u64) {
        self.add(bytes / COPIED_PER_STEP);
    }

    /// A call of a function on a value of this size, which is searched by a pattern or not.
    pub(super) fn call(&mut self, bytes: u64, scans: bool) {
        self.add(
            CALL + bytes
                / if scans {
                    SCANNED_PER_STEP
                } else {
                    COPIED_PER_STEP
                },
        );
    }

    pub(super) fn enter(&mut self, rounds: u64) -> Result<(), String> {
        if self.loops.len() >= MAX_LOOPS {
            return Err(format!("more than {MAX_LOOPS} loops inside each other"));
        }
        self.loops.push(rounds.max(1));
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.loops.pop();
    }

    pub(super) fn total(&self) -> Result<u64, String> {
        let total = self.total;
        if total > MAX_EXPRESSION_COST {
            return Err(format!(
                "the expression may take {total} steps; at most {MAX_EXPRESSION_COST} are allowed"
            ));
        }
        Ok(total)
    }

    fn add(&mut self, steps: u64) {
        let times = self
            .loops
            .iter()
            .fold(1_u64, |product, rounds| product.saturating_mul(*rounds));
        self.total = self.total.saturating_add(steps.saturating_mul(times));
    }
}

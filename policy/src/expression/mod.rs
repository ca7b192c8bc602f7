//! Conditions in CEL, for what no field of a match can say.

use kube_cel::cel::Program;
use thiserror::Error;

/// A compiled condition.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
}

/// Why an expression was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{line}:{column}: {reason}")]
pub struct InvalidExpression {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    pub reason: String,
}

// === impl Expression ===

impl Expression {
    pub fn compile(source: &str) -> Result<Self, InvalidExpression> {
        let refused = |error: kube_cel::cel::ParseErrors| InvalidExpression {
            line: 1,
            column: 1,
            reason: error.to_string(),
        };
        Program::compile(source).map_err(refused)?;
        Ok(Self {
            source: source.to_owned(),
        })
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

//! Conditions in CEL, for what no field of a match can say.
//!
//! An evaluation cannot be interrupted, so everything is bounded before it runs: the text and its
//! nesting before it is parsed ([`scan`]), and then, by our own walk ([`check`]), names, types,
//! literal patterns, loops and the steps that the whole may take. What an expression may ask is
//! declared ([`declared`]); `subject.claims`, `operation.attributes` and `connection.labels` are
//! open. Facts that are larger than the bounds fail the expression; they are never cut.

mod check;
mod cost;
mod declared;
mod facts;
mod functions;
mod literal;
mod parse;
mod scan;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube_cel::cel::parser::Expression as Node;
use kube_cel::cel::{Context, Value};
use thiserror::Error;

use crate::matcher::TextPattern;
use declared::Roots;

pub use check::MAX_EXPRESSION_DEPTH;
pub use cost::{
    MAX_CLAIMS, MAX_CLAIMS_DEPTH, MAX_EXPRESSION_COST, MAX_EXPRESSION_TEXT, MAX_GROWN,
    MAX_ITERATED, MAX_LISTED, MAX_LOOPS, MAX_PATH_READ, MAX_STRING,
};
pub(crate) use facts::Facts;
pub use facts::SessionFacts;
pub use scan::{
    MAX_EXPRESSION_CHAIN, MAX_EXPRESSION_LEN, MAX_EXPRESSION_NESTING, MAX_EXPRESSION_TOKENS,
};

/// A compiled condition. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Expression {
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    source: String,
    root: Node,
    roots: Roots,
    iterated: Roots,
    patterns: Vec<TextPattern>,
    cost: u64,
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

/// What the expressions of one snapshot share: functions and compiled patterns.
pub(crate) struct Environment {
    /// None where there is no expression.
    context: Option<Context<'static>>,
}

/// The evaluation of any number of expressions on the same facts. Nothing is prepared before the
/// first is asked.
pub(crate) struct Evaluation<'a> {
    environment: &'a Environment,
    facts: Facts<'a>,
}

// === impl Expression ===

impl Expression {
    pub fn compile(source: &str) -> Result<Self, InvalidExpression> {
        scan::scan(source)?;
        let mut root = parse::parse(source)?;
        let findings = check::check(&mut root).map_err(|refusal| {
            let (line, column) = parse::of(source, refusal.id);
            InvalidExpression {
                line,
                column,
                reason: refusal.reason,
            }
        })?;
        Ok(Self {
            compiled: Arc::new(Compiled {
                source: source.to_owned(),
                root,
                roots: findings.roots,
                iterated: findings.iterated,
                patterns: findings.patterns,
                cost: findings.cost,
            }),
        })
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.compiled.source
    }

    /// True when it asks about the operation, and so cannot be told without one.
    pub fn mentions_operation(&self) -> bool {
        self.compiled.roots.mentions("operation")
    }

    /// The most steps that an evaluation takes.
    pub fn cost(&self) -> u64 {
        self.compiled.cost
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Expression {}

impl std::fmt::Display for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(source: &str) -> Result<Self, Self::Err> {
        Self::compile(source)
    }
}

// === impl InvalidExpression ===

impl InvalidExpression {
    fn at_start(reason: impl Into<String>) -> Self {
        Self {
            line: 1,
            column: 1,
            reason: reason.into(),
        }
    }
}

// === impl Environment ===

impl Environment {
    pub(crate) fn new<'e>(expressions: impl IntoIterator<Item = &'e Expression>) -> Self {
        let mut expressions = expressions.into_iter().peekable();
        let any = expressions.peek().is_some();
        let patterns = expressions.flat_map(|one| one.compiled.patterns.clone());
        Self {
            context: any.then(|| functions::context(patterns)),
        }
    }

    pub(crate) fn evaluate<'a>(&'a self, facts: Facts<'a>) -> Evaluation<'a> {
        Evaluation {
            environment: self,
            facts,
        }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

// === impl Evaluation ===

impl<'a> Evaluation<'a> {
    /// The condition's answer, or why it has none. What fails is neither true nor false; the
    /// caller decides which is the safe side.
    pub(crate) fn ask(&self, expression: &Expression) -> Result<bool, String> {
        let compiled = &*expression.compiled;
        let shared = self.environment.context.as_ref();
        let shared = shared.ok_or("it was not compiled with this snapshot")?;
        let mut context = shared.new_inner_scope();
        facts::bind(&mut context, compiled.roots, compiled.iterated, &self.facts)?;
        match context.resolve(&compiled.root) {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(other) => Err(format!("it gave a {:?}, not a bool", other.type_of())),
            Err(error) => Err(shortened(&error.to_string())),
        }
    }
}

/// Errors quote values, which may be long.
fn shortened(message: &str) -> String {
    message.chars().take(200).collect()
}

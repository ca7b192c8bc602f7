//! Statement text to one operation.
//!
//! A typed walk gives each statement its meaning (`statement`), follows queries and expressions
//! (`query`, `expression`), and looks behind the names that they use (`relation`, `function`): the
//! tables behind a view, the triggers and rules that a write sets off, the bodies of functions.
//! What it cannot follow makes the operation Unknown; there is no way through it that means
//! "harmless because unseen": a second visitor (`visit`) counts what the walk must have met.

mod alter;
mod builtin_type;
mod clause;
mod context;
mod define;
mod drop;
mod expression;
mod function;
mod json;
mod plain;
mod query;
mod relation;
mod resolve;
mod role;
mod server;
mod session;
mod setting;
mod statement;
mod truth;
mod types;
mod upkeep;
mod walk;

pub(crate) use function::is_parameter;
pub(crate) use query::makes_table;
pub(crate) use relation::statement_of;
pub(crate) use walk::{Found, Resolved, Walk};
pub use walk::{MAX_ACCESSES, MAX_EXPANSION_DEPTH, MAX_EXPANSIONS};

//! PostgreSQL: protocol 3.0 to 3.2 and its SQL.

pub mod copy;
pub mod wire;

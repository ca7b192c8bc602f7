//! What the operator makes of Connections, and keeps so.

mod admitting;
mod bed;
mod deciding;
mod owning;
mod reporting;
mod telling;

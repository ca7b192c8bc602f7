//! The proxy's own program against a real API server and a real PostgreSQL: it runs beside the
//! cluster, with the rights that a proxy has in it, and no operator is needed.
//!
//! What lies between it and the API server can be cut, so that an outage is one test's alone.

mod approving;
mod bed;
mod callers;
mod classes;
mod clock;
mod enforcing;
mod outages;
mod relay;
mod requires;
mod shedding;
mod target;
mod tenant;

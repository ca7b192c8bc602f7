//! Proxies as a platform team and its tenants run them: the operator makes them of a Connection, they
//! stand before a PostgreSQL in the cluster, and they are used by psql and kubectl alone.

mod bed;
mod command;
mod named;
mod persistent;
mod record;
mod replaying;
mod rolling;
mod rotating;
mod serving;
mod shedding;
mod sidecar;
mod stored;
mod timing;

//! A gateway as a platform team and its tenants run one: the operator makes it of a Connection, it
//! stands before a PostgreSQL in the cluster, and it is used by psql and kubectl alone.

mod bed;
mod serving;
mod timing;

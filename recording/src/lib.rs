//! The tamper-evident record.

pub mod crypt;
pub mod seal;

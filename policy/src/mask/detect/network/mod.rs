//! Addresses of machines.

pub(super) mod ip;
pub(super) mod mac;

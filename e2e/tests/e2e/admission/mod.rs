//! The operator's webhooks, as users meet them.

mod approving;
mod running;
mod sidecars;
mod validating;

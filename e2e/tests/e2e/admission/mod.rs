//! The operator's webhooks, as users meet them.

mod approving;
mod sidecars;
mod validating;

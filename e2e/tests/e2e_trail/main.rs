//! What the API server's audit log says after all other tests: whatever an admission policy can refuse
//! was refused to somebody, and what the documents tell people to look for is there. By its name it
//! runs last.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "what goes wrong in a test fails it, and a field of JSON that is not there is null"
)]

mod alerts;
mod refusals;

//! Approvals attacked: what the schema and the admission policies refuse, whoever else is away, each
//! beside what they let through. No proxy and no target is needed for it: a service account with the
//! rights of a proxy asks.

mod asking;
mod command;
mod deciding;
mod deleting;
mod labels;
mod recording;
mod stamping;

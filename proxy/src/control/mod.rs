//! Keeps what each Connection is at this moment: documents to targets.
//!
//! ```text
//! file     a directory's documents   -> compile   -> doors   -> each Connection's CurrentTarget
//! cluster  what the API server shows -> judged    -> doors      (the kube crate is for it alone)
//! approvals  requests as files, decisions over a socket; in a cluster, requests are objects
//! recording  the one writer, its clockwork, its uploads
//! ```
//!
//! The only module that knows the custom resources. A set of documents is compiled whole or
//! refused whole, and what was in force stays in force meanwhile; in a cluster each object by
//! itself.

pub mod approvals;
pub mod caretaker;
pub mod clock;
pub mod cluster;
pub mod compile;
pub mod doors;
pub mod file;
pub mod heads;
pub mod identity;
pub mod objects;
pub mod recording;
pub mod refusal;
pub mod state;
pub mod target;

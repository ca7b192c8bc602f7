//! What is asked of the operator before an object is written.
//!
//! ```text
//! server ─┬─ review        AdmissionReview, in and out
//!         ├─ validate ─ advice    our kinds: errors by field, warnings
//!         ├─ stamp         an approver's annotation gets the writer's name
//!         └─ inject ─┬─ known   a proxy beside an application
//!                    └─ guard   the pod that it is in, when all changed it, and later
//! certificate              CA in one Secret, shared by all replicas; caBundle
//! ```
//!
//! Every replica answers. None of it is what enforcement rests on: the schemas and admission
//! policies hold while this is away, and proxies lower every object themselves. What is away is
//! the early refusal, and the kinder ways to approve.

pub mod advice;
pub mod certificate;
pub mod inject;
pub mod known;
pub mod lookup;
pub mod review;
pub mod server;
pub mod stamp;
pub mod validate;

pub use self::known::Known;
pub use self::server::Webhooks;

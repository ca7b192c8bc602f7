//! Tests on a real Kubernetes, from outside: what is done is done by kubectl, as its users would.
//!
//! [`Cluster`] is the one that `KUBECONFIG` names, with Portcullis installed; `make e2e` starts one
//! where none is named. Each test has namespaces of its own ([`Namespace`]), so all of them run at
//! the same time. Without a cluster a test fails and says how to get one. What a cluster of somebody
//! else lacks is told by the tests that need it ([`lacks`]); on one of our own they fail.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this is a library of tests: what goes wrong in it fails the test, with its reason; a \
              field of JSON that is not there is null"
)]

pub mod approvals;
mod audit;
mod cluster;
mod helm;
mod kubectl;
mod lacking;
mod namespace;
mod platform;
mod waiting;

pub use audit::Audit;
pub use cluster::Cluster;
pub use helm::render;
pub use kubectl::{Kubectl, Said, program};
pub use lacking::{lacks, left_out, unless_lacking};
pub use namespace::{Namespace, with_namespace};
pub use platform::{PLATFORM, Platform};
pub use waiting::{PATIENCE, count_of, pause, wait_until, wait_within};

//! The commands against a cluster, as people run them, with an API server that a test stands in for.

mod approvals;
mod explain;
mod server;
mod status;
mod which;

/// Where our kinds lie.
const SHOP: &str = "/apis/portcullis.dev/v1alpha1/namespaces/shop";

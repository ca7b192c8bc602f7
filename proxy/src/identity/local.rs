//! A service account that alone can reach the process: the one of the pod that it stands in.
//!
//! Nothing is presented, and the name comes from who started the process. Its token is never asked
//! for: the application would have to be given one.

use std::sync::Arc;

use portcullis_policy::Subject;

use super::jwt::Owners;
use super::{Proven, ProvenBy};

/// `Subject.issuer` of who came in this way. No URL, so no issuer of tokens can be named so.
const ISSUER: &str = "portcullis:pod";

/// The account, named and grouped as the cluster does.
pub(super) fn proven((namespace, name): &(String, String), owners: &Owners) -> Proven {
    let subject = Subject {
        username: format!("system:serviceaccount:{namespace}:{name}"),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ],
        issuer: ISSUER.to_owned(),
        owner: owners.get(&(namespace.clone(), name.clone())).cloned(),
        ..Subject::default()
    };
    Proven {
        subject: Arc::new(subject),
        expires_at: None,
        credential: ProvenBy::Local,
    }
}

//! What the webhooks ask the API server, a few things for each question.

use std::collections::BTreeMap;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams, PostParams};
use kube::core::DeserializeGuard;
use kube::{Client, ResourceExt};
use portcullis_crds::{Connection, ConnectionClass};

use super::review::UserInfo;

/// The most Connections that are looked at for a warning.
const MAX_CONNECTIONS: u32 = 500;

/// A client for questions.
#[derive(Clone)]
pub struct Lookup(Client);

// === impl Lookup ===

impl Lookup {
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    pub async fn class(&self, name: &str) -> Result<Option<ConnectionClass>, kube::Error> {
        Api::all(self.0.clone()).get_opt(name).await
    }

    pub async fn namespace_labels(
        &self,
        name: &str,
    ) -> Result<BTreeMap<String, String>, kube::Error> {
        let namespace: Option<Namespace> = Api::all(self.0.clone()).get_opt(name).await?;
        Ok(namespace.map(|it| it.labels().clone()).unwrap_or_default())
    }

    /// Those of a namespace that are there under these names.
    pub async fn named(
        &self,
        namespace: &str,
        names: impl Iterator<Item = &str>,
    ) -> Result<Vec<Connection>, kube::Error> {
        let api: Api<Connection> = Api::namespaced(self.0.clone(), namespace);
        let mut found = Vec::new();
        for name in names {
            found.extend(api.get_opt(name).await?);
        }
        Ok(found)
    }

    /// Connections of a namespace or, without one, of all; what cannot be read is left out. None
    /// where there are more than are looked at.
    pub async fn connections(
        &self,
        namespace: Option<&str>,
    ) -> Result<Option<Vec<Connection>>, kube::Error> {
        let api: Api<DeserializeGuard<Connection>> = match namespace {
            Some(namespace) => Api::namespaced(self.0.clone(), namespace),
            None => Api::all(self.0.clone()),
        };
        let listed = api
            .list(&ListParams::default().limit(MAX_CONNECTIONS))
            .await?;
        if listed
            .metadata
            .continue_
            .is_some_and(|token| !token.is_empty())
        {
            return Ok(None);
        }
        Ok(Some(
            listed
                .items
                .into_iter()
                .filter_map(|it| it.0.ok())
                .collect(),
        ))
    }

    /// Whether this user may act as the service account.
    pub async fn may_impersonate(
        &self,
        user: &UserInfo,
        namespace: &str,
        account: &str,
    ) -> Result<bool, kube::Error> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(user.username.clone()),
                uid: user.uid.clone(),
                groups: Some(user.groups.clone()),
                extra: Some(user.extra.clone()),
                resource_attributes: Some(ResourceAttributes {
                    verb: Some("impersonate".to_owned()),
                    resource: Some("serviceaccounts".to_owned()),
                    namespace: Some(namespace.to_owned()),
                    name: Some(account.to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api: Api<SubjectAccessReview> = Api::all(self.0.clone());
        let answered = api.create(&PostParams::default(), &review).await?;
        Ok(answered.status.is_some_and(|status| status.allowed))
    }
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

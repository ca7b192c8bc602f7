//! Whether the API server lets a bearer look after the sessions of the Connection: it says whose
//! token it is, and whether they may do this to `connections/sessions`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use super::{Cluster, Place, in_time};
use crate::control::caretaker::{Guard, NotLetIn, SessionVerb};
use crate::secret::Secret;

/// Asks the API server.
#[derive(Debug)]
pub struct ApiGuard {
    cluster: Cluster,
    place: Place,
}

// === impl ApiGuard ===

impl ApiGuard {
    pub fn new(cluster: Cluster, place: Place) -> Self {
        Self { cluster, place }
    }

    fn asked(&self, user: UserInfo, verb: SessionVerb) -> SubjectAccessReview {
        let verb = match verb {
            SessionVerb::List => "list",
            SessionVerb::Get => "get",
            SessionVerb::Delete => "delete",
        };
        let extra = user.extra.unwrap_or_default();
        SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: user.username,
                uid: user.uid,
                groups: user.groups,
                extra: Some(extra.into_iter().collect::<BTreeMap<_, _>>()),
                resource_attributes: Some(ResourceAttributes {
                    group: Some("portcullis.dev".to_owned()),
                    resource: Some("connections".to_owned()),
                    subresource: Some("sessions".to_owned()),
                    namespace: Some(self.place.namespace.clone()),
                    name: Some(self.place.connection.clone()),
                    verb: Some(verb.to_owned()),
                    ..ResourceAttributes::default()
                }),
                non_resource_attributes: None,
            },
            ..SubjectAccessReview::default()
        }
    }
}

#[async_trait]
impl Guard for ApiGuard {
    async fn may(&self, token: &Secret, verb: SessionVerb) -> Result<String, NotLetIn> {
        let user = who(&self.cluster, token, None).await?;
        let username = user.username.clone().unwrap_or_default();
        let api: Api<SubjectAccessReview> = Api::all(self.cluster.client.clone());
        let review = self.asked(user, verb);
        let review = in_time(api.create(&PostParams::default(), &review)).await;
        let status = review.map_err(unavailable)?.status.unwrap_or_default();
        match status.allowed && status.denied != Some(true) && !username.is_empty() {
            true => Ok(username),
            false => Err(NotLetIn::Forbidden),
        }
    }
}

/// Whose token the API server says it is; for one of these audiences, or for the API server itself.
pub(super) async fn who(
    cluster: &Cluster,
    token: &Secret,
    audiences: Option<&[String]>,
) -> Result<UserInfo, NotLetIn> {
    let token = std::str::from_utf8(token.reveal()).map_err(|_| NotLetIn::Nobody)?;
    let review = TokenReview {
        spec: TokenReviewSpec {
            token: token.to_owned(),
            audiences: audiences.map(<[String]>::to_vec),
        },
        ..TokenReview::default()
    };
    let api: Api<TokenReview> = Api::all(cluster.client.clone());
    let review = in_time(api.create(&PostParams::default(), &review)).await;
    let status = review.map_err(unavailable)?.status.unwrap_or_default();
    // One that knows nothing of audiences tells none, and may have looked at none.
    let meant = audiences.is_none_or(|wanted| {
        let told = status.audiences.iter().flatten();
        told.into_iter().any(|audience| wanted.contains(audience))
    });
    match (status.authenticated, status.user) {
        (Some(true), Some(user)) if meant => Ok(user),
        _ => Err(NotLetIn::Nobody),
    }
}

fn unavailable(error: super::RequestError) -> NotLetIn {
    tracing::warn!(%error, "the API server was not asked who may look after sessions");
    NotLetIn::Unavailable
}

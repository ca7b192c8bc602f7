//! `portcullis explain` on a cluster: the resources as they are now, lowered as a proxy lowers them.
//!
//! All that bears on the Connection must be seen, platform policies and the class included: an
//! answer from a part of them would be a wrong one, so what may not be read is an error. Keys of
//! masks and the credential are Secrets and are not read; masks are not judged.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use portcullis_crds::lower::masking::AnyKey;
use portcullis_crds::lower::snapshot::{Lowered, Objects, lower};
use portcullis_crds::{
    Connection, ConnectionClass, GuardrailPolicy, MaskingRule, PLATFORM_NAMESPACE,
};
use portcullis_policy::rule::ObjectName;

use super::words::Refusal;
use super::{Cluster, in_time};
use crate::args::Explain;
use crate::explain::{Judged, judge, subject};
use crate::{Done, Failed};

/// Groups that the API server adds to whoever it knows, and no proxy does.
const OF_THE_API_SERVER: [&str; 2] = ["system:authenticated", "system:unauthenticated"];

const ROLE_IS_ASSUMED: &str =
    "the role of the credential is not known here: its own search path and rights are not judged";

pub(crate) async fn run(args: &Explain) -> Done {
    let cluster = Cluster::connect(&args.cluster).await?;
    let mut judged = cluster.judged(args.connection.as_deref()).await?;
    if args.role.is_none() {
        judged.aside.insert(0, ROLE_IS_ASSUMED.to_owned());
    }
    let subject = match &args.user {
        Some(username) => subject(args, username.clone(), args.groups.clone())?,
        None => {
            let user = cluster.whoami().await?;
            let mut groups = user.groups.unwrap_or_default();
            groups.retain(|group| !OF_THE_API_SERVER.contains(&group.as_str()));
            subject(args, user.username.unwrap_or_default(), groups)?
        }
    };
    judge(judged, subject, args)
}

// === impl Cluster ===

impl Cluster {
    async fn judged(&self, wanted: Option<&str>) -> Result<Judged, Failed> {
        let connection = self.connection(wanted).await?;
        let name = connection.metadata.name.clone().unwrap_or_default();
        let namespace = connection.metadata.namespace.clone().unwrap_or_default();
        let class = self.class(&connection.spec.class_name).await?;
        let labels = self.labels(&namespace).await?;
        let guardrails: Vec<GuardrailPolicy> = self.bearing(&namespace).await?;
        let masks: Vec<MaskingRule> = self.bearing(&namespace).await?;
        let status = connection.status.as_ref();
        let proxies = status.and_then(|status| status.proxies.clone());
        let total = proxies.as_ref().map_or(1, |count| count.total);
        let lowered = lower(
            Objects {
                connection: &connection,
                class: class.as_ref(),
                namespace_labels: &labels,
                guardrails: &guardrails,
                masks: &masks,
                replicas: u32::try_from(total).unwrap_or(1).max(1),
            },
            &AnyKey,
        );
        let mut aside = refused(&lowered);
        aside.extend(proxies.filter(|count| count.current < count.total).map(|count| {
            let (current, total) = (count.current, count.total);
            format!("{current} of {total} proxies have loaded this; the others judge by what they had")
        }));
        Ok(Judged {
            name: ObjectName::new(namespace, name),
            parts: lowered.parts,
            role: None,
            classes: class.into_iter().collect(),
            aside,
        })
    }

    /// The one that is named, in a namespace of its own or in the context's; or the only one there.
    async fn connection(&self, wanted: Option<&str>) -> Result<Connection, Failed> {
        let (namespace, name) = match wanted {
            Some(wanted) => match wanted.split_once('/') {
                Some((namespace, name)) => (namespace, Some(name)),
                None => (self.namespace.as_str(), Some(wanted)),
            },
            None => (self.namespace.as_str(), None),
        };
        let Some(name) = name else {
            let all: Vec<Connection> = self.list(Some(namespace), ListParams::default()).await?;
            let names = all.iter().filter_map(|one| one.metadata.name.as_deref());
            let names = names.collect::<Vec<_>>().join(" | ");
            let mut all = all.into_iter();
            return match (all.next(), all.next()) {
                (Some(one), None) => Ok(one),
                (None, _) => Err(format!("there is no Connection in {namespace}").into()),
                (Some(_), Some(_)) => Err(format!("which Connection? --connection {names}").into()),
            };
        };
        let found = in_time(self.api(namespace).get_opt(name)).await?;
        found.ok_or_else(|| format!("there is no Connection {namespace}/{name}").into())
    }

    async fn class(&self, name: &str) -> Result<Option<ConnectionClass>, Refusal> {
        let api: Api<ConnectionClass> = Api::all(self.client.clone());
        in_time(api.get_opt(name)).await.map_err(needed)
    }

    async fn labels(&self, namespace: &str) -> Result<BTreeMap<String, String>, Refusal> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = in_time(api.get(namespace)).await.map_err(needed)?;
        Ok(found.metadata.labels.unwrap_or_default())
    }

    /// Policies of a kind, of the namespace and of the platform.
    async fn bearing<K>(&self, namespace: &str) -> Result<Vec<K>, Refusal>
    where
        K: kube::Resource<DynamicType = ()> + serde::de::DeserializeOwned,
    {
        let mut found = Vec::new();
        let mut namespaces = vec![PLATFORM_NAMESPACE, namespace];
        namespaces.dedup();
        for namespace in namespaces {
            let listed = self.list::<K>(Some(namespace), ListParams::default()).await;
            found.extend(listed.map_err(needed)?);
        }
        Ok(found)
    }
}

fn needed(refused: Refusal) -> Refusal {
    match refused.is_forbidden() {
        true => Refusal {
            words: format!(
                "{refused}; whoever asks what a proxy would say must see all that it sees (ClusterRole \
                 portcullis-reader)"
            ),
            ..refused
        },
        false => refused,
    }
}

/// What is refused denies here; a proxy keeps the last version that it could read, if it had one.
fn refused(lowered: &Lowered) -> Vec<String> {
    let each = lowered.refused.iter().flat_map(|refused| {
        let (kind, name) = (refused.kind, &refused.name);
        refused.errors.iter().map(move |error| {
            format!("{kind} {name} is refused: {error}; a proxy that had a good version keeps it")
        })
    });
    each.collect()
}

//! Whether an object of ours can be enforced: what proxies will make of it is made of it here, and
//! every error is told with its field.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use kube::ResourceExt;
use portcullis_crds::connection::DeliveryMode;
use portcullis_crds::connection_class::ApprovalDefaults;
use portcullis_crds::lower::masking::AnyKey;
use portcullis_crds::lower::{FieldError, class, connection, guardrail, masking};
use portcullis_crds::{
    Connection, ConnectionClass, ConnectionClassSpec, GuardrailPolicy, MaskingRule,
    PLATFORM_NAMESPACE,
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::advice;
use super::lookup::Lookup;
use super::review::{Answer, Request};
use crate::desired::name;

/// The most errors that one refusal names.
const MAX_ERRORS: usize = 8;

/// How long a warning is looked for: the API server waits five seconds for the answer, and refuses then.
const MAX_ADVICE: Duration = Duration::from_secs(1);

/// Answers for an object of ours that is created or edited.
pub async fn validate(lookup: &Lookup, request: &Request) -> Answer {
    match request.resource.resource.as_str() {
        "connections" => {
            with(request, async |object| {
                of_connection(lookup, request, &object).await
            })
            .await
        }
        "connectionclasses" => with(request, async |object| judged(class::check(&object))).await,
        "guardrailpolicies" => {
            with(request, async |object: GuardrailPolicy| {
                let defaults = ApprovalDefaults::default();
                let answer = judged(guardrail::lower(&object, &defaults).map(drop));
                let spec = &object.spec;
                let target = (spec.target_refs.as_slice(), spec.target_selector.as_ref());
                answer
                    .warn(advice::of_rules(spec))
                    .warn(bound(lookup, &object, target).await)
            })
            .await
        }
        "maskingrules" => {
            with(request, async |object: MaskingRule| {
                let answer = judged(masking::lower(&object, &AnyKey).map(drop));
                let spec = &object.spec;
                let target = (spec.target_refs.as_slice(), spec.target_selector.as_ref());
                answer
                    .warn(advice::of_mask(spec))
                    .warn(bound(lookup, &object, target).await)
            })
            .await
        }
        other => Answer::refuse(format!("{other} is not judged here")),
    }
}

/// Every error of a Connection. Without its class it is judged as under one that allows all.
pub fn check_connection(
    object: &Connection,
    class: Option<&ConnectionClass>,
    namespace_labels: &BTreeMap<String, String>,
) -> Result<(), Vec<FieldError>> {
    let none = ConnectionClass::new("", ConnectionClassSpec::default());
    let lowered = connection::lower(object, class.unwrap_or(&none), namespace_labels);
    let mut errors = lowered.err().unwrap_or_default();
    if class.is_none() {
        // What is looser than a class that nobody knows yet.
        errors.retain(|error| !error.field.starts_with("spec.recording."));
    }
    if let Some(reason) = name::refusal(&object.name_any()) {
        let field = "metadata.name".to_owned();
        errors.push(FieldError { field, reason });
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

async fn of_connection(lookup: &Lookup, request: &Request, object: &Connection) -> Answer {
    let namespace = object.namespace().unwrap_or_default();
    let class = match lookup.class(&object.spec.class_name).await {
        Ok(class) => class,
        Err(error) => return unknown(&error),
    };
    let labels = match lookup.namespace_labels(&namespace).await {
        Ok(labels) => labels,
        Err(error) => return unknown(&error),
    };
    let answer = judged(check_connection(object, class.as_ref(), &labels));
    if !answer.is_allowed() {
        return answer;
    }
    let credentials = object.spec.credentials.as_ref();
    if let Some(account) = credentials.and_then(|it| it.service_account_name.as_ref()) {
        match lookup
            .may_impersonate(&request.user_info, &namespace, account)
            .await
        {
            Ok(true) => {}
            Ok(false) => {
                return Answer::refuse(format!(
                    "spec.credentials.serviceAccountName: {} may not impersonate service account \
                     {account}; who names it here acts as it",
                    request.user_info.username
                ));
            }
            Err(error) => return unknown(&error),
        }
    }
    let missing = class.is_none().then(|| {
        format!(
            "spec.className: there is no ConnectionClass {}; until there is, this opens for nobody",
            object.spec.class_name
        )
    });
    let others = match object.spec.delivery.mode {
        DeliveryMode::Sidecar => {
            let listed = timeout(MAX_ADVICE, lookup.connections(Some(&namespace))).await;
            listed.ok().and_then(Result::ok).flatten()
        }
        DeliveryMode::Gateway => None,
    };
    let crowded = advice::of_sidecar(object, &others.unwrap_or_default(), &labels);
    answer.warn(missing).warn(crowded)
}

/// Warnings about what a policy binds, as far as they come in time.
async fn bound(
    lookup: &Lookup,
    object: &impl kube::Resource,
    target: advice::Target<'_>,
) -> Vec<String> {
    let said = timeout(MAX_ADVICE, of_bound(lookup, object, target)).await;
    said.unwrap_or_default()
}

async fn of_bound(
    lookup: &Lookup,
    object: &impl kube::Resource,
    target: advice::Target<'_>,
) -> Vec<String> {
    let namespace = object.meta().namespace.clone().unwrap_or_default();
    let within = (namespace != PLATFORM_NAMESPACE).then_some(namespace.as_str());
    let connections = match target.1 {
        Some(_) => lookup.connections(within).await,
        // No more than are named: there may be hundreds, and as many policies come at once.
        None => {
            let names = target.0.iter().map(|it| it.name.as_str());
            lookup.named(&namespace, names).await.map(Some)
        }
    };
    let Ok(Some(connections)) = connections else {
        // A warning less; nothing depends on it.
        return Vec::new();
    };
    let mut places = BTreeMap::new();
    for connection in &connections {
        let place = connection.namespace().unwrap_or_default();
        if target.1.is_some_and(|it| it.namespace_selector.is_some())
            && !places.contains_key(&place)
        {
            let Ok(labels) = lookup.namespace_labels(&place).await else {
                return Vec::new();
            };
            places.insert(place, labels);
        }
    }
    advice::of_target(&namespace, target, &connections, &places)
}

async fn with<K: DeserializeOwned>(
    request: &Request,
    judge: impl AsyncFnOnce(K) -> Answer,
) -> Answer {
    match serde_json::from_value(request.object.clone()) {
        Ok(object) => judge(object).await,
        Err(error) => Answer::refuse(format!("cannot be read: {error}")),
    }
}

fn judged(result: Result<(), Vec<FieldError>>) -> Answer {
    let Err(errors) = result else {
        return Answer::allow();
    };
    let mut said: Vec<String> = errors
        .iter()
        .take(MAX_ERRORS)
        .map(FieldError::to_string)
        .collect();
    if errors.len() > MAX_ERRORS {
        said.push(format!("and {} more", errors.len() - MAX_ERRORS));
    }
    Answer::refuse(said.join("; "))
}

fn unknown(error: &kube::Error) -> Answer {
    tracing::warn!(%error, "a Connection could not be judged");
    Answer::refuse("the operator cannot ask the API server what it needs to judge this; try again")
}

//! Requests that wait for people, as ApprovalRequest objects.
//!
//! ```text
//! gate ── request ──> found among what is watched, or created under its predictable name
//!      ── decided ──> the watch tells
//!      ── claim ────> compared, and one patch that holds only for what was read; read live
//!                     where it does not hold, and for each use of a grant for a time
//! ```
//!
//! The API server orders claims: of several replicas, and several executions of one, one patch finds
//! the request as it was read. Where its outcome is not known, the grant is used up and nothing
//! runs. Whoever writes the state Approved and the grant is the operator; what it has not yet seen
//! (a denial that stands as an annotation) counts here all the same.

mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Api;
use kube::api::PostParams;
use kube::core::DeserializeGuard;
use portcullis_crds::ApprovalRequest;
use portcullis_crds::guardrail_policy::Grant;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use super::follow::{Change, Selected, follow};
use super::sight::Sight;
use super::world::{Found, Shelf};
use super::{Cluster, Place, RequestError, in_time};
use crate::control::approvals::compare::is_for;
use crate::control::approvals::document::{new_request, time};
use crate::control::approvals::name::{numbered, parse, stem};
use crate::session::ports::{Approvals, ApprovalsRefused, Clock, Standing, WantedApproval};
use standing::{denied_within, standing};

/// How long the reason of a denial is given before it can be asked again.
pub const DENIED_FOR: Duration = Duration::from_secs(10 * 60);

/// How often another's write may come between before it is given up.
pub const MAX_ATTEMPTS: usize = 8;

/// The most characters of a label's value.
pub const MAX_LABEL: usize = 63;

/// How soon a request that is not among what is watched is looked for again.
const LOOK: Duration = Duration::from_millis(250);

/// Statuses of the API server.
const NOT_FOUND: u16 = 404;
const CONFLICT: u16 = 409;
const UNPROCESSABLE: u16 = 422;

/// All requests of one Connection. Clones are one.
#[derive(Clone)]
pub struct Requests(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    place: Place,
    clock: Arc<dyn Clock>,
    watched: Mutex<Shelf<ApprovalRequest>>,
    changed: watch::Sender<u64>,
}

/// What became of a write that holds only for what was read.
enum Written {
    Done,
    /// Another wrote first: nothing was done.
    Overtaken,
}

// === impl Requests ===

impl Requests {
    pub fn new(cluster: Cluster, place: Place, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            cluster,
            place,
            clock,
            watched: Mutex::default(),
            changed: watch::Sender::new(0),
        }))
    }

    /// Follows them, until it is dropped.
    pub async fn follow(self, sight: Sight) {
        let selected = Selected {
            what: "ApprovalRequests",
            fields: Some(format!(
                "spec.connectionRef.name={}",
                self.0.place.connection
            )),
            labels: None,
        };
        let client = self.0.cluster.client.clone();
        let api: Api<DeserializeGuard<ApprovalRequest>> =
            Api::namespaced(client, &self.0.place.namespace);
        let tell = |change: Change<ApprovalRequest>| {
            self.watched().apply(change);
            self.0.changed.send_modify(|number| *number += 1);
        };
        follow(api, selected, sight, tell).await;
    }

    fn api(&self) -> Api<ApprovalRequest> {
        Api::namespaced(self.0.cluster.client.clone(), &self.0.place.namespace)
    }

    fn watched(&self) -> MutexGuard<'_, Shelf<ApprovalRequest>> {
        let watched = self.0.watched.lock();
        watched.unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    /// As the API server has it at this moment; none where there is none.
    async fn live(&self, name: &str) -> Result<Option<ApprovalRequest>, ApprovalsRefused> {
        match in_time(self.api().get(name)).await {
            Ok(request) => Ok(Some(request)),
            Err(RequestError::Refused {
                code: NOT_FOUND, ..
            }) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// One among what is watched.
    fn seen(&self, name: &str) -> Option<ApprovalRequest> {
        let key = (self.0.place.namespace.clone(), name.to_owned());
        match self.watched().objects.get(&key) {
            Some(Found::Readable(request)) => Some(request.clone()),
            _ => None,
        }
    }

    /// The highest number of a stem among what is watched, and how many requests of this subject
    /// wait. One that cannot be read has its number all the same.
    fn survey(&self, wanted: &WantedApproval, stem: &str) -> Result<(u64, u32), ApprovalsRefused> {
        let now = self.now();
        let watched = self.watched();
        if !watched.listed {
            let reason = "requests have not been listed yet";
            return Err(ApprovalsRefused::Unavailable(reason.to_owned()));
        }
        let numbers = watched.objects.keys().filter_map(|(_, name)| {
            let (its, number) = parse(name)?;
            (its == stem).then_some(number)
        });
        let last = numbers.max().unwrap_or_default();
        let waiting = watched.objects.values().filter(|found| match found {
            Found::Readable(request) => {
                let requester = &request.spec.requester.username;
                requester.to_lowercase() == wanted.requester.to_lowercase()
                    && standing(request, now) == Standing::Pending
            }
            Found::Unreadable { .. } => false,
        });
        Ok((last, u32::try_from(waiting.count()).unwrap_or(u32::MAX)))
    }

    async fn create(
        &self,
        name: &str,
        wanted: &WantedApproval,
    ) -> Result<Option<Standing>, ApprovalsRefused> {
        let now = self.now();
        let request = new_request(name, wanted, now).map_err(ApprovalsRefused::Unavailable)?;
        let request = self.owned(request, wanted);
        match in_time(self.api().create(&PostParams::default(), &request)).await {
            Ok(_) => Ok(Some(Standing::Pending)),
            // Another replica, or another execution, was first.
            Err(RequestError::Refused { code: CONFLICT, .. }) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// It goes with its Connection.
    fn owned(&self, mut request: ApprovalRequest, wanted: &WantedApproval) -> ApprovalRequest {
        request.metadata.creation_timestamp = None;
        request.metadata.labels = Some(BTreeMap::from([
            (
                "app.kubernetes.io/managed-by".to_owned(),
                "portcullis".to_owned(),
            ),
            (
                "portcullis.dev/connection".to_owned(),
                label(&wanted.connection),
            ),
        ]));
        request.metadata.owner_references = Some(vec![OwnerReference {
            api_version: "portcullis.dev/v1alpha1".to_owned(),
            kind: "Connection".to_owned(),
            name: wanted.connection.clone(),
            uid: wanted.connection_uid.clone(),
            controller: None,
            block_owner_deletion: Some(false),
        }]);
        request.status = None;
        request
    }

    /// Writes what the process does with a request, if it still is as it was read.
    async fn write_usage(
        &self,
        read: &ApprovalRequest,
        usage: &Value,
    ) -> Result<Written, RequestError> {
        let metadata = &read.metadata;
        let (name, version) = (&metadata.name, &metadata.resource_version);
        let (Some(name), Some(version)) = (name, version) else {
            let reason = "a request without a name or version".to_owned();
            return Err(RequestError::Failed(reason));
        };
        let patch = json!([
            { "op": "test", "path": "/metadata/resourceVersion", "value": version },
            { "op": "add", "path": "/status/usage", "value": usage },
        ]);
        let request = Request::builder()
            .method(Method::PATCH)
            .uri(format!(
                "/apis/portcullis.dev/v1alpha1/namespaces/{}/approvalrequests/{name}/status",
                self.0.place.namespace
            ))
            .header(CONTENT_TYPE, "application/json-patch+json")
            .body(patch.to_string().into_bytes())
            .map_err(|error| RequestError::Failed(error.to_string()))?;
        match in_time(self.0.cluster.client.request::<Value>(request)).await {
            Ok(_) => Ok(Written::Done),
            Err(RequestError::Refused {
                code: CONFLICT | UNPROCESSABLE | NOT_FOUND,
                ..
            }) => Ok(Written::Overtaken),
            Err(error) => Err(error),
        }
    }

    /// What another wrote meanwhile is looked at anew each time.
    async fn withdraw_read(&self, name: &str) -> Result<(), ApprovalsRefused> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(request) = self.live(name).await? else {
                return Ok(());
            };
            let one_shot = request.spec.grant.kind == Grant::OneShot;
            let unused = match standing(&request, self.now()) {
                Standing::Pending => true,
                Standing::Approved { .. } => one_shot,
                _ => false,
            };
            if !unused {
                return Ok(());
            }
            let at = time(self.now()).map_err(ApprovalsRefused::Unavailable)?;
            let usage = json!({ "withdrawnAt": at });
            let written = self.write_usage(&request, &usage).await;
            if let Written::Done = written.map_err(unavailable)? {
                return Ok(());
            }
        }
        let reason = format!("{name} is written all the time");
        Err(ApprovalsRefused::Unavailable(reason))
    }

    /// Decides by what was read live, and takes the grant where it is used up by that. None where
    /// another wrote first.
    async fn take(
        &self,
        request: &ApprovalRequest,
        execution: &str,
    ) -> Result<Option<Standing>, ApprovalsRefused> {
        let now = self.now();
        let found = standing(request, now);
        let one_shot = request.spec.grant.kind == Grant::OneShot;
        if !(one_shot && matches!(found, Standing::Approved { .. })) {
            return Ok(Some(found));
        }
        let at = time(now).map_err(ApprovalsRefused::Unavailable)?;
        let claimed_by = format!("{}/{execution}", self.0.place.pod_uid);
        let usage = json!({ "claimedBy": claimed_by, "claimedAt": at });
        match self.write_usage(request, &usage).await {
            Ok(Written::Done) => Ok(Some(found)),
            Ok(Written::Overtaken) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }
}

impl Requests {
    /// Takes a one-shot grant by what the watch has told: the patch holds only if the request is
    /// still exactly that, so whatever was written since, an objection too, refuses it. None where
    /// it must be read live.
    async fn take_seen(
        &self,
        name: &str,
        wanted: &WantedApproval,
        execution: &str,
    ) -> Result<Option<Standing>, ApprovalsRefused> {
        let Some(request) = self.seen(name) else {
            return Ok(None);
        };
        let granted = matches!(standing(&request, self.now()), Standing::Approved { .. });
        let one_shot = request.spec.grant.kind == Grant::OneShot;
        match granted && one_shot && is_for(&request.spec, wanted) {
            true => self.take(&request, execution).await,
            false => Ok(None),
        }
    }
}

#[async_trait]
impl Approvals for Requests {
    async fn request(
        &self,
        wanted: &WantedApproval,
    ) -> Result<(String, Standing), ApprovalsRefused> {
        let stem = stem(wanted);
        let (last, waiting) = self.survey(wanted, &stem)?;
        let mut number = last.max(1);
        for _ in 0..MAX_ATTEMPTS {
            let name = numbered(&stem, number);
            let found = match self.seen(&name) {
                Some(request) => Some(request),
                // Gone, unreadable, or made so lately that the watch has not told.
                None if number <= last => self.live(&name).await?,
                None => None,
            };
            let request = match found {
                Some(request) => request,
                None => {
                    let max = wanted.bounds.max_pending_per_subject;
                    if waiting >= max {
                        return Err(ApprovalsRefused::TooManyPending(max));
                    }
                    comparable(wanted)?;
                    if let Some(made) = self.create(&name, wanted).await? {
                        return Ok((name, made));
                    }
                    // It is there after all: what it is, only the API server can say.
                    match self.live(&name).await? {
                        Some(request) => request,
                        None => continue,
                    }
                }
            };
            if let Some(standing) = self.goes_on(&request, &name, wanted).await? {
                return Ok((name, standing));
            }
            number += 1;
        }
        let reason = format!("{stem} is made and finished all the time");
        Err(ApprovalsRefused::Unavailable(reason))
    }

    async fn decided(&self, _namespace: &str, name: &str) -> Result<Standing, ApprovalsRefused> {
        let mut changes = self.0.changed.subscribe();
        loop {
            let seen = match self.seen(name) {
                Some(request) => Some(request),
                // Made so lately that the watch has not told, or gone.
                None => Some(self.live(name).await?.ok_or_else(|| gone(name))?),
            };
            let now = self.now();
            let found = seen.as_ref().map(|request| standing(request, now));
            if let Some(found) = found.filter(|found| *found != Standing::Pending) {
                return Ok(found);
            }
            // Time passes too: a deadline is nobody's write.
            let _ = timeout(LOOK, changes.changed()).await;
        }
    }

    async fn claim(
        &self,
        name: &str,
        wanted: &WantedApproval,
        execution: &str,
    ) -> Result<Standing, ApprovalsRefused> {
        let mismatch = || ApprovalsRefused::Mismatch(name.to_owned());
        if parse(name).map(|(its, _)| its.to_owned()) != Some(stem(wanted)) {
            return Err(mismatch());
        }
        if let Some(granted) = self.take_seen(name, wanted, execution).await? {
            return Ok(granted);
        }
        for _ in 0..MAX_ATTEMPTS {
            let request = self.live(name).await?.ok_or_else(mismatch)?;
            if !is_for(&request.spec, wanted) {
                return Err(mismatch());
            }
            if let Some(standing) = self.take(&request, execution).await? {
                return Ok(standing);
            }
        }
        let reason = format!("{name} is written all the time");
        Err(ApprovalsRefused::Unavailable(reason))
    }

    async fn withdraw(&self, _namespace: &str, name: &str) -> Result<(), ApprovalsRefused> {
        self.withdraw_read(name).await
    }
}

impl Requests {
    /// How a request stands that this operation may go by; none where another is to be asked for.
    async fn goes_on(
        &self,
        request: &ApprovalRequest,
        name: &str,
        wanted: &WantedApproval,
    ) -> Result<Option<Standing>, ApprovalsRefused> {
        let now = self.now();
        match standing(request, now) {
            found @ (Standing::Pending | Standing::Approved { .. }) => {
                if is_for(&request.spec, wanted) {
                    return Ok(Some(found));
                }
                // The policy was edited meanwhile: nobody could ever use this one.
                self.withdraw_read(name).await?;
                Ok(None)
            }
            found @ Standing::Denied { .. } if denied_within(request, DENIED_FOR, now) => {
                Ok(Some(found))
            }
            _ => Ok(None),
        }
    }
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests")
            .field("place", &self.0.place)
            .finish_non_exhaustive()
    }
}

/// Whether the API server can tell who asks from who approves: it knows people by other names than
/// certificates do, and compares them without case in ASCII alone.
fn comparable(wanted: &WantedApproval) -> Result<(), ApprovalsRefused> {
    let people = [Some(&wanted.requester), wanted.on_behalf_of.as_ref()];
    let odd = people
        .into_iter()
        .flatten()
        .find(|name| name.to_lowercase() != name.to_ascii_lowercase());
    if let Some(name) = odd {
        return Err(ApprovalsRefused::Ambiguous(name.clone()));
    }
    match wanted.on_behalf_of.is_none() && wanted.issuer == crate::identity::mtls::ISSUER {
        true => Err(ApprovalsRefused::Ambiguous(wanted.requester.clone())),
        false => Ok(()),
    }
}

/// A value of a label is shorter than a name may be.
fn label(name: &str) -> String {
    let cut: String = name.chars().take(MAX_LABEL).collect();
    cut.trim_end_matches(['.', '-']).to_owned()
}

fn unavailable(error: RequestError) -> ApprovalsRefused {
    ApprovalsRefused::Unavailable(error.to_string())
}

fn gone(name: &str) -> ApprovalsRefused {
    ApprovalsRefused::Unavailable(format!("there is no request {name}"))
}

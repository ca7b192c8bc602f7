//! Requests for approval in a cluster, and decisions about them.
//!
//! A decision is appended to the request's status as `kubectl patch --subresource=status` does it:
//! that needs no webhook, and the API server lets nobody write a name that is not their own, nor
//! who holds no `approve` on the Connection, nor who asked. Nothing of this is judged here.

use std::process::ExitCode;
use std::time::Duration;

use hyper::Request;
use hyper::header::CONTENT_TYPE;
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, UserInfo};
use kube::api::{ListParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use portcullis_crds::ApprovalRequest;
use portcullis_crds::approval_request::{ApprovalState, Decision, DecisionKind};
use portcullis_crds::stamp::{MAX_REASON, STAMP_PREFIX, Stamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::words::Refusal;
use super::{Cluster, in_time};
use crate::approvals::{Request as Short, print, tone};
use crate::args::{Decide, InCluster};
use crate::output::{Format, Tone, for_machines, line, say, tinted};
use crate::{Done, Failed};

/// How long the operator is waited for: it takes a decision in at once, unless it is away.
const TAKEN_IN: Duration = Duration::from_secs(5);

/// How soon to look again.
const AGAIN: Duration = Duration::from_millis(200);

pub(crate) async fn list(at: &InCluster, everywhere: bool, output: Format) -> Done {
    let cluster = Cluster::connect(at).await?;
    let namespace = (!everywhere).then_some(cluster.namespace.as_str());
    let requests = cluster.requests(namespace).await?;
    let told: Vec<Value> = requests.iter().map(told).collect();
    if !for_machines(output, &json!(told))? {
        print(&short(&requests)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// All of a request, in the words of a standalone proxy.
pub(crate) async fn shown(name: &str, at: &InCluster) -> Result<Value, Failed> {
    let cluster = Cluster::connect(at).await?;
    Ok(told(&cluster.request(name).await?))
}

pub(crate) async fn decide(decision: DecisionKind, args: &Decide) -> Done {
    let cluster = Cluster::connect(&args.which.cluster).await?;
    let decided = cluster.decide(decision, &args.name, &args.reason).await?;
    let request = &decided.request;
    let state = state(request);
    let value = json!({
        "namespace": request.namespace(), "name": args.name, "state": state,
        "approvals": approvals(request), "decidedAs": decided.username,
        "takenIn": decided.is_taken_in,
    });
    if !for_machines(args.output, &value)? {
        say(lines(decision, &decided))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A decision that the API server took.
#[derive(Debug)]
struct Decided {
    username: String,
    request: ApprovalRequest,
    /// The operator has counted it.
    is_taken_in: bool,
}

// === impl Cluster ===

impl Cluster {
    /// The requests of a namespace, or of all.
    pub(super) async fn requests(
        &self,
        namespace: Option<&str>,
    ) -> Result<Vec<ApprovalRequest>, Refusal> {
        self.list(namespace, ListParams::default()).await
    }

    async fn request(&self, name: &str) -> Result<ApprovalRequest, Refusal> {
        let api: Api<ApprovalRequest> = self.api(&self.namespace);
        in_time(api.get(name))
            .await
            .map_err(|refused| match refused.is_not_found() {
                true => Refusal::local(format!("there is no request {}/{name}", self.namespace)),
                false => refused,
            })
    }

    /// Who the API server says that this is.
    pub(super) async fn whoami(&self) -> Result<UserInfo, Failed> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let review = SelfSubjectReview::default();
        let review = in_time(api.create(&PostParams::default(), &review)).await?;
        let user = review.status.and_then(|status| status.user_info);
        Ok(user.ok_or("the API server does not say who you are")?)
    }

    async fn decide(
        &self,
        decision: DecisionKind,
        name: &str,
        reason: &str,
    ) -> Result<Decided, Failed> {
        if reason.chars().count() > MAX_REASON {
            return Err(format!("a reason has at most {MAX_REASON} characters").into());
        }
        let found = self.request(name).await?;
        let username = self.whoami().await?.username.unwrap_or_default();
        let added = Decision {
            username: username.clone(),
            decision,
            reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
        };
        let mut request = match stands(&found, &added) {
            true => found,
            false => self.append(&found, &added).await?,
        };
        let until = Instant::now() + TAKEN_IN;
        while !is_taken_in(&request, &added) && Instant::now() < until {
            sleep(AGAIN).await;
            request = self.request(name).await?;
        }
        Ok(Decided {
            username,
            is_taken_in: is_taken_in(&request, &added),
            request,
        })
    }

    /// Adds a decision to this very request: one that was made anew under the name is another.
    async fn append(
        &self,
        request: &ApprovalRequest,
        decision: &Decision,
    ) -> Result<ApprovalRequest, Refusal> {
        let patch = json!([
            { "op": "test", "path": "/metadata/uid", "value": request.uid() },
            { "op": "add", "path": "/status/decisions/-", "value": decision },
        ]);
        let body = patch.to_string().into_bytes();
        let path = ApprovalRequest::url_path(&(), Some(&self.namespace));
        let asked = Request::patch(format!("{path}/{}/status", request.name_any()))
            .header(CONTENT_TYPE, "application/json-patch+json")
            .body(body)
            .map_err(|error| Refusal::local(error.to_string()))?;
        in_time(self.client.request(asked)).await
    }
}

// === what a request says ===

fn decisions(request: &ApprovalRequest) -> &[Decision] {
    let status = request.status.as_ref();
    status.map_or(&[], |status| &status.decisions)
}

/// Whether this person's same decision is there already: to say the same twice does nothing.
fn stands(request: &ApprovalRequest, decision: &Decision) -> bool {
    let mut made = decisions(request).iter();
    made.any(|one| one.username == decision.username && one.decision == decision.decision)
}

fn state(request: &ApprovalRequest) -> ApprovalState {
    let status = request.status.as_ref();
    status.map_or(ApprovalState::Pending, |status| status.state)
}

/// How many have approved, of how many that must.
fn approvals(request: &ApprovalRequest) -> String {
    let told = request.status.as_ref().and_then(|it| it.approvals.clone());
    told.unwrap_or_else(|| format!("0/{}", request.spec.required_approvals))
}

/// The operator's own words show that it counted the decision, or that it does not matter any more.
fn is_taken_in(request: &ApprovalRequest, decision: &Decision) -> bool {
    if decision.decision != DecisionKind::Approve {
        return !matches!(
            state(request),
            ApprovalState::Pending | ApprovalState::Approved
        );
    }
    let made = decisions(request).iter();
    let made = made.filter(|one| one.decision == DecisionKind::Approve);
    let counted = approvals(request);
    let counted = counted.split_once('/').map(|(count, _)| count.parse());
    state(request) != ApprovalState::Pending
        || matches!(counted, Some(Ok(count)) if made.count() <= count)
}

/// A request in the words of a standalone proxy. Stamps that the operator has not moved into the
/// status yet are told among the decisions: whoever decides must not overlook a denial.
pub(super) fn told(request: &ApprovalRequest) -> Value {
    let spec = &request.spec;
    let mut status = json!(request.status);
    let stamped = request.annotations().iter();
    let stamped = stamped.filter(|(key, _)| key.starts_with(STAMP_PREFIX));
    let more: Vec<Decision> = stamped
        .filter_map(|(_, value)| Stamp::parse(value))
        .map(|stamp| Decision {
            username: stamp.username,
            decision: stamp.decision,
            reason: Some(stamp.reason).filter(|reason| !reason.is_empty()),
        })
        .filter(|decision| !stands(request, decision))
        .collect();
    if let Some(made) = status
        .pointer_mut("/decisions")
        .and_then(Value::as_array_mut)
    {
        made.extend(more.iter().map(|decision| json!(decision)));
    }
    json!({
        "namespace": request.namespace().unwrap_or_default(),
        "name": request.name_any(),
        "connection": spec.connection_ref.name,
        "state": state(request),
        "approvals": approvals(request),
        "requester": spec.requester.username,
        "summary": spec.operation.summary,
        "expiresAt": spec.expires_at,
        "heldUntil": null,
        "spec": spec,
        "status": status,
    })
}

/// Rows of the table that a standalone proxy's requests have too.
pub(super) fn short(requests: &[ApprovalRequest]) -> Result<Vec<Short>, Failed> {
    let rows = requests.iter().map(|one| serde_json::from_value(told(one)));
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What became of it, and what is still needed.
fn lines(decision: DecisionKind, decided: &Decided) -> Vec<String> {
    let request = &decided.request;
    let namespace = request.namespace().unwrap_or_default();
    let word = format!("{:?}", state(request));
    let mut lines = vec![format!(
        "{}/{} {} {}, as {}",
        line(&namespace, 63),
        line(&request.name_any(), 253),
        tinted(tone(&word), &word),
        line(&approvals(request), 16),
        line(&decided.username, 256),
    )];
    if !decided.is_taken_in {
        let recorded = "it is recorded; the operator has not counted it yet";
        lines.push(tinted(Tone::Waiting, recorded));
    } else if decision == DecisionKind::Approve && state(request) == ApprovalState::Pending {
        let needed = usize::try_from(request.spec.required_approvals).unwrap_or(usize::MAX);
        let made = decisions(request).iter();
        let made: Vec<_> = made
            .filter(|one| one.decision == DecisionKind::Approve)
            .map(|one| line(&one.username, 256))
            .collect();
        let requester = &request.spec.requester;
        let mut not = vec![line(&requester.username, 256)];
        not.extend(requester.on_behalf_of.iter().map(|who| line(who, 256)));
        lines.push(format!(
            "{} more must approve, who hold approve on Connection {}: not {}, who asked, and not {} again",
            needed.saturating_sub(made.len()),
            line(&request.spec.connection_ref.name, 253),
            not.join(" or "),
            made.join(" or "),
        ));
    }
    lines
}

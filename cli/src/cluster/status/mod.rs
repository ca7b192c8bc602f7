//! `portcullis status`: how Connections and policies stand, as the operator tells it in their
//! status, and what waits for approval.
//!
//! Nothing is judged anew here. A status that speaks of an older generation does not count as well.

mod row;

use std::process::ExitCode;
use std::time::Duration;

use kube::api::ListParams;
use portcullis_crds::approval_request::ApprovalState;
use portcullis_crds::{ApprovalRequest, Connection, GuardrailPolicy, MaskingRule};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::approvals::{short, told};
use super::words::Refusal;
use crate::args::Status;
use crate::output::{Tone, for_machines, say, table, tinted, warn};
use crate::{Done, Failed, approvals};
use row::{ConnectionRow, PolicyRow};

/// How soon to look again while waiting.
const AGAIN: Duration = Duration::from_secs(1);

/// What there is, as far as it may be seen.
#[derive(Debug, Default)]
struct World {
    connections: Vec<ConnectionRow>,
    policies: Vec<PolicyRow>,
    /// Those that wait.
    requests: Vec<ApprovalRequest>,
    /// Kinds that could not be listed, and why.
    unseen: Vec<String>,
}

pub(crate) async fn run(args: &Status) -> Done {
    let cluster = Cluster::connect(&args.cluster).await?;
    let namespace = (!args.all_namespaces).then_some(cluster.namespace.as_str());
    let until = Instant::now() + Duration::from_secs(args.wait.unwrap_or_default());
    let world = loop {
        let world = cluster.world(namespace).await?;
        let is_done = args.wait.is_none() || world.is_well() || !world.unseen.is_empty();
        if is_done || Instant::now() >= until {
            break world;
        }
        sleep(AGAIN).await;
    };
    if !for_machines(args.output, &world.json())? {
        world.print(namespace)?;
    }
    for unseen in &world.unseen {
        warn(&format!("portcullis: not seen: {unseen}"));
    }
    let is_asked = args.check || args.wait.is_some();
    Ok(match (is_asked, world.unseen.is_empty()) {
        (true, false) => ExitCode::from(2),
        (true, true) => ExitCode::from(u8::from(!world.is_well())),
        (false, _) => ExitCode::SUCCESS,
    })
}

// === impl Cluster ===

impl Cluster {
    async fn world(&self, namespace: Option<&str>) -> Result<World, Failed> {
        let mut world = World::default();
        let all = ListParams::default;
        let connections = self.list::<Connection>(namespace, all()).await;
        let connections = world.seen("connections", connections)?;
        world.connections = connections.iter().map(ConnectionRow::of).collect();
        let guards = self.list::<GuardrailPolicy>(namespace, all()).await;
        let guards = world.seen("guardrailpolicies", guards)?;
        world
            .policies
            .extend(guards.iter().map(PolicyRow::of_guardrail));
        let masks = self.list::<MaskingRule>(namespace, all()).await;
        let masks = world.seen("maskingrules", masks)?;
        world.policies.extend(masks.iter().map(PolicyRow::of_mask));
        let requests = self.requests(namespace).await;
        world.requests = world.seen("approvalrequests", requests)?;
        world.requests.retain(|one| {
            let state = one.status.as_ref().map(|status| status.state);
            state.unwrap_or_default() == ApprovalState::Pending
        });
        Ok(world)
    }
}

// === impl World ===

impl World {
    /// What somebody may not see leaves the rest to be seen; anything else is an error.
    fn seen<T>(&mut self, what: &str, listed: Result<Vec<T>, Refusal>) -> Result<Vec<T>, Refusal> {
        match listed {
            Err(refused) if refused.is_forbidden() => {
                self.unseen.push(format!("{what}: {refused}"));
                Ok(Vec::new())
            }
            other => other,
        }
    }

    /// Where there is nothing, a name was misspelt, or something is not there yet.
    fn is_well(&self) -> bool {
        let is_empty = self.connections.is_empty() && self.policies.is_empty();
        !is_empty
            && self.connections.iter().all(|one| one.standing.is_well)
            && self.policies.iter().all(|one| one.standing.is_well)
    }

    fn json(&self) -> Value {
        json!({
            "well": self.is_well() && self.unseen.is_empty(),
            "connections": self.connections.iter().map(ConnectionRow::json).collect::<Vec<_>>(),
            "policies": self.policies.iter().map(PolicyRow::json).collect::<Vec<_>>(),
            "pendingApprovals": self.requests.iter().map(told).collect::<Vec<_>>(),
            "notSeen": self.unseen,
        })
    }

    fn print(&self, namespace: Option<&str>) -> Result<(), Failed> {
        let place = namespace.unwrap_or("any namespace");
        if self.connections.is_empty() {
            say([format!("no Connection in {place}")])?;
        } else {
            let rows: Vec<_> = self.connections.iter().map(ConnectionRow::cells).collect();
            table(&row::CONNECTION_HEADINGS, &rows)?;
        }
        if !self.policies.is_empty() {
            say([String::new()])?;
            let rows: Vec<_> = self.policies.iter().map(PolicyRow::cells).collect();
            table(&row::POLICY_HEADINGS, &rows)?;
        }
        let connections = self.connections.iter().flat_map(ConnectionRow::troubles);
        let policies = self.policies.iter().flat_map(PolicyRow::troubles);
        let troubles: Vec<String> = connections.chain(policies).collect();
        if !troubles.is_empty() {
            say([String::new(), tinted(Tone::Bold, "What is not well")])?;
            say(troubles)?;
        }
        if !self.requests.is_empty() {
            say([String::new(), tinted(Tone::Bold, "What waits for approval")])?;
            approvals::print(&short(&self.requests)?)?;
        }
        Ok(())
    }
}

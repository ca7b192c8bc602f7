//! Puts what is seen, what is mounted and the time together, and judges it anew when one of them
//! changes.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kube::core::DeserializeGuard;
use kube::{Api, Resource};
use portcullis_crds::PLATFORM_NAMESPACE;
use portcullis_crds::connection::StaleAction;
use serde::de::DeserializeOwned;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout};

use super::follow::{Selected, follow};
use super::judged::{Judged, LastGood, Terms, judge};
use super::sight::Sight;
use super::tree::{Look, Tree, TreeError};
use super::world::{Found, Seen, Shelf, World};
use super::{Cluster, Place};
use crate::control::identity;
use crate::control::objects::Objects;
use crate::session::ports::Peer;

/// How long changes may follow each other before they are judged together.
const SETTLE: Duration = Duration::from_millis(20);

/// How long nothing must change before that.
const STILL: Duration = Duration::from_millis(4);

/// How often the time is looked at.
const TICK: Duration = Duration::from_millis(250);

/// How often what is mounted is looked at.
const MOUNTED: Duration = Duration::from_secs(1);

/// The most other replicas that cancel requests are passed to.
pub const MAX_PEERS: usize = 1_024;

/// What the process was started with.
#[derive(Debug, Clone)]
pub struct Given {
    /// Address of the pod.
    pub ip: IpAddr,
    pub port: Option<u16>,
    pub caller: Option<(String, String)>,
}

/// Where judgements come from.
#[derive(Debug)]
pub struct Plane {
    world: World,
    sight: Sight,
    given: Given,
    tree: Tree,
    /// None until the tree was read.
    mounted: Option<Mounted>,
    looked_at: Instant,
    good: LastGood,
    /// None until something was judged.
    last: Option<Last>,
    unreadable: bool,
}

#[derive(Debug)]
struct Mounted {
    look: Look,
    objects: Objects,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    stale: bool,
    after: Option<Duration>,
}

/// What is in force from now on.
#[derive(Debug)]
pub struct Step {
    pub judged: Judged,
    pub peers: Vec<Peer>,
}

// === impl Plane ===

impl Plane {
    /// Follows all that bears on the Connection, by tasks that end with `tasks`.
    pub fn new(
        cluster: &Cluster,
        place: &Place,
        (given, tree): (Given, Tree),
        sight: Sight,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let world = World::default();
        let following = Following {
            cluster,
            world: &world,
            sight: &sight,
        };
        following.all(place, tasks);
        let learning = super::issuer::learn(cluster.clone(), world.clone());
        tasks.spawn(learning);
        Self {
            world,
            sight,
            given,
            tree,
            mounted: None,
            looked_at: Instant::now(),
            good: LastGood::default(),
            last: None,
            unreadable: false,
        }
    }

    /// Waits until something is otherwise, and judges it. Nothing comes before everything has been
    /// listed once.
    pub async fn next(&mut self) -> Step {
        loop {
            let changed = timeout(TICK, self.world.changed()).await.is_ok();
            if changed {
                self.settle().await;
            }
            let mounted = self.look_at_mounted().await;
            if !(changed || mounted || self.is_due()) {
                continue;
            }
            let Some(seen) = self.world.look() else {
                continue;
            };
            if let Some(step) = self.judge(seen).await {
                return step;
            }
        }
    }

    /// Changes come in groups: one `kubectl apply` is many.
    async fn settle(&self) {
        let until = Instant::now() + SETTLE;
        while Instant::now() < until {
            if timeout(STILL, self.world.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Whether time alone has changed what is in force.
    fn is_due(&self) -> bool {
        match self.last {
            None => true,
            Some(last) => {
                let blind = self.sight.blind_for();
                last.after
                    .is_some_and(|after| (blind >= after) != last.stale)
            }
        }
    }

    /// Whether what is mounted is otherwise than it was.
    async fn look_at_mounted(&mut self) -> bool {
        if self.mounted.is_some() && self.looked_at.elapsed() < MOUNTED {
            return false;
        }
        self.looked_at = Instant::now();
        let tree = self.tree.clone();
        let seen = self.mounted.as_ref().map(|mounted| mounted.look.clone());
        let read = spawn_blocking(move || -> Result<_, TreeError> {
            match seen {
                Some(seen) if tree.look()? == seen => Ok(None),
                _ => tree.read().map(Some),
            }
        });
        match read.await {
            Ok(Ok(Some((look, objects)))) => {
                self.mounted = Some(Mounted { look, objects });
                self.unreadable = false;
                true
            }
            Ok(Ok(None)) => {
                self.unreadable = false;
                false
            }
            Ok(Err(error)) => {
                if !std::mem::replace(&mut self.unreadable, true) {
                    tracing::warn!(%error, "what is mounted cannot be read; what was read stays");
                }
                false
            }
            Err(_) => false,
        }
    }

    async fn judge(&mut self, seen: Seen) -> Option<Step> {
        let Mounted { look, objects } = self.mounted.take()?;
        let (mut good, given) = (std::mem::take(&mut self.good), self.given.clone());
        let blind_for = self.sight.blind_for();
        let judging = spawn_blocking(move || {
            let others = others(&seen, given.ip);
            let cluster = identity::Cluster {
                issuer: seen.issuer.clone(),
                caller: given.caller.clone(),
            };
            let terms = Terms {
                objects: &objects,
                cluster: &cluster,
                replicas: u32::try_from(others.len()).map_or(u32::MAX, |others| others + 1),
                blind_for,
                port: given.port,
            };
            let judged = judge(&seen, &mut good, &terms);
            (judged, others, objects, good)
        });
        // A judgement that died leaves nothing to go on from: all is read anew.
        let (judged, others, objects, good) = judging.await.ok()?;
        self.mounted = Some(Mounted { look, objects });
        self.good = good;
        let denies = judged.on_stale.action == StaleAction::Deny && judged.served.is_some();
        self.last = Some(Last {
            stale: judged.stale,
            after: denies.then(|| judged.on_stale.after.into()),
        });
        let port = judged.served.as_ref().map(|served| served.compiled.port);
        let peers = port.map(|port| peers(&others, port)).unwrap_or_default();
        Some(Step { judged, peers })
    }
}

/// Starts to follow.
struct Following<'a> {
    cluster: &'a Cluster,
    world: &'a World,
    sight: &'a Sight,
}

// === impl Following ===

impl Following<'_> {
    fn all(&self, place: &Place, tasks: &mut JoinSet<()>) {
        let client = || self.cluster.client.clone();
        let own = place.namespace.as_str();
        let named = |name: &str| Some(format!("metadata.name={name}"));
        let selected = |what, fields| Selected {
            what,
            fields,
            labels: None,
        };
        let this = selected("its Connection", named(&place.connection));
        tasks.spawn(self.one(Api::namespaced(client(), own), this, |seen| {
            &mut seen.connection
        }));
        let classes = selected("ConnectionClasses", None);
        tasks.spawn(self.one(Api::all(client()), classes, |seen| &mut seen.classes));
        let namespace = selected("its Namespace", named(own));
        tasks.spawn(self.one(Api::all(client()), namespace, |seen| &mut seen.namespaces));
        let guards = selected("GuardrailPolicies", None);
        tasks.spawn(self.one(Api::namespaced(client(), own), guards, |seen| {
            &mut seen.guardrails
        }));
        let masks = selected("MaskingRules", None);
        tasks.spawn(self.one(Api::namespaced(client(), own), masks, |seen| {
            &mut seen.masks
        }));
        let mut slices = selected("EndpointSlices", None);
        slices.labels = Some(format!("kubernetes.io/service-name={}", place.connection));
        tasks.spawn(self.one(Api::namespaced(client(), own), slices, |seen| {
            &mut seen.endpoints
        }));
        if own == PLATFORM_NAMESPACE {
            self.world.change(|seen| {
                seen.platform_guardrails = Shelf::never();
                seen.platform_masks = Shelf::never();
                true
            });
            return;
        }
        let platform = || client();
        let guards = selected("the platform's GuardrailPolicies", None);
        let api = Api::namespaced(platform(), PLATFORM_NAMESPACE);
        tasks.spawn(self.one(api, guards, |seen| &mut seen.platform_guardrails));
        let masks = selected("the platform's MaskingRules", None);
        let api = Api::namespaced(platform(), PLATFORM_NAMESPACE);
        tasks.spawn(self.one(api, masks, |seen| &mut seen.platform_masks));
    }

    fn one<K>(
        &self,
        api: Api<DeserializeGuard<K>>,
        selected: Selected,
        shelf: fn(&mut Seen) -> &mut Shelf<K>,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    {
        let (world, sight) = (self.world.clone(), self.sight.clone());
        async move {
            let tell = |change| world.change(|seen| shelf(seen).apply(change));
            follow(api, selected, sight, tell).await;
        }
    }
}

/// The addresses of the other replicas that are ready, of the family of our own.
fn others(seen: &Seen, own: IpAddr) -> Vec<IpAddr> {
    let slices = seen.endpoints.objects.values();
    let endpoints = slices.filter_map(|found| match found {
        Found::Readable(slice) => slice.endpoints.as_ref(),
        Found::Unreadable { .. } => None,
    });
    let ready = endpoints.flatten().filter(|endpoint| {
        let conditions = endpoint.conditions.as_ref();
        conditions.is_none_or(|conditions| conditions.ready != Some(false))
    });
    let addresses = ready
        .flat_map(|endpoint| &endpoint.addresses)
        .filter_map(|address| address.parse::<IpAddr>().ok())
        .filter(|address| address.is_ipv4() == own.is_ipv4() && *address != own);
    let distinct: BTreeSet<IpAddr> = addresses.collect();
    distinct.into_iter().collect()
}

fn peers(others: &[IpAddr], port: u16) -> Vec<Peer> {
    let peer = |address: &IpAddr| Peer {
        address: SocketAddr::new(*address, port),
        replica: Some(replica(*address)),
    };
    others.iter().take(MAX_PEERS).map(peer).collect()
}

/// The number of a replica: the low 16 bits of its address.
pub fn replica(address: IpAddr) -> u16 {
    let low = match address {
        IpAddr::V4(address) => u32::from(address) & 0xffff,
        IpAddr::V6(address) => {
            let [.., low] = address.segments();
            return low;
        }
    };
    u16::try_from(low).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::discovery::v1::EndpointSlice;
    use serde_json::json;

    use super::*;

    fn slice(endpoints: &serde_json::Value) -> Seen {
        let slice: EndpointSlice = serde_json::from_value(json!({
            "addressType": "IPv4", "metadata": { "name": "orders-x" }, "endpoints": endpoints,
        }))
        .unwrap();
        let mut seen = Seen::default();
        let name = (String::new(), "orders-x".to_owned());
        seen.endpoints.objects.insert(name, Found::Readable(slice));
        seen
    }

    #[test]
    fn others_are_those_that_are_ready_and_not_ourselves() {
        let seen = slice(&json!([
            { "addresses": ["10.244.0.7"], "conditions": { "ready": true } },
            { "addresses": ["10.244.0.8"], "conditions": {} },
            { "addresses": ["10.244.0.9"], "conditions": { "ready": false } },
            { "addresses": ["10.244.1.7", "fd00::7"] },
        ]));
        let others = others(&seen, "10.244.0.7".parse().unwrap());
        let expected: Vec<IpAddr> = ["10.244.0.8", "10.244.1.7"]
            .map(|it| it.parse().unwrap())
            .into();
        assert_eq!(others, expected);
        let peers = peers(&others, 5432);
        assert_eq!(peers[1].address, "10.244.1.7:5432".parse().unwrap());
        assert_eq!(peers[1].replica, Some(0x0107));
    }

    #[test]
    fn cancel_requests_go_to_so_many_others_and_no_more() {
        let address = |number: u32| IpAddr::from((0x0af4_0000 + number).to_be_bytes());
        let most = u32::try_from(MAX_PEERS).unwrap();
        let all: Vec<IpAddr> = (0..=most).map(address).collect();
        let (_, fewer) = all.split_first().unwrap();
        assert_eq!(peers(fewer, 5432).len(), MAX_PEERS);
        assert_eq!(peers(&all, 5432).len(), MAX_PEERS);
    }

    #[test]
    fn a_replica_is_numbered_by_the_end_of_its_address() {
        assert_eq!(replica("10.244.255.254".parse().unwrap()), 0xfffe);
        assert_eq!(replica("fd00::1:abcd".parse().unwrap()), 0xabcd);
    }
}

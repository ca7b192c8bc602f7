//! A Connection with a real writer, and approvals and a clock that tests hold in their hands.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use portcullis_policy::limit::{Counters, Monotonic};
use portcullis_policy::mask::MaskRule;
use portcullis_policy::{
    Access, AccessRule, ConnectionFacts, DefaultAction, Effect, Enforcement, Glob, Limits, Match,
    ObjectName, Operation, Origin, Policy, Resource, ResourceKind, Rule, Snapshot, SnapshotParts,
    Subject, SubjectSelector,
};
use portcullis_proxy::identity::config::{ApiKey, OidcIssuer};
use portcullis_proxy::identity::{Identities, IdentityConfig, Proven, ProvenBy};
use portcullis_proxy::metrics::Metrics;
use portcullis_proxy::session::denial::Denial;
use portcullis_proxy::session::gate::{Asked, Told};
use portcullis_proxy::session::ports::{
    ApprovalBounds, Approvals, ApprovalsRefused, Clock, Credential, CurrentTarget, Door, House,
    Payloads, Peers, RecordingRules, SessionBounds, Standing, Target, TlsMode, Upstream,
    WantedApproval,
};
use portcullis_proxy::session::registry::Registry;
use portcullis_proxy::session::{ClientSays, Session};
use portcullis_proxy::shutdown::Shutdown;
use portcullis_recording::chain::Walk;
use portcullis_recording::checkpoint::SigningKey;
use portcullis_recording::event::{Body, Event};
use portcullis_recording::format::decode_event;
use portcullis_recording::spool::SpoolConfig;
use portcullis_recording::writer::Writer;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) const KEY: [u8; 32] = [7; 32];

#[derive(Debug)]
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    pub(crate) door: Arc<Door>,
    pub(crate) approvals: Arc<FakeApprovals>,
    pub(crate) clock: Arc<FakeClock>,
}

/// What a test says of the Connection; the rest is as it mostly is.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) policies: Vec<Policy>,
    pub(crate) masks: Vec<MaskRule>,
    pub(crate) lockdown: bool,
    pub(crate) access: &'static str,
    pub(crate) keys: Vec<ApiKey>,
    pub(crate) oidc: Vec<OidcIssuer>,
    pub(crate) sessions: SessionBounds,
    pub(crate) recording: RecordingRules,
    pub(crate) revision: &'static str,
}

/// Time as the runtime has it, so that paused time moves it; and a test can put it forward.
#[derive(Debug)]
pub(crate) struct FakeClock {
    since: tokio::time::Instant,
    ahead: Mutex<Duration>,
}

#[derive(Debug)]
pub(crate) struct FakeApprovals {
    requests: Mutex<HashMap<String, (WantedApproval, Standing)>>,
    changed: watch::Sender<u64>,
    pub(crate) claims: Mutex<Vec<String>>,
    pub(crate) away: std::sync::atomic::AtomicBool,
}

pub(crate) fn agent() -> Subject {
    let key = key();
    Subject {
        username: key.username,
        issuer: "portcullis:api-key".to_owned(),
        owner: Some(key.owner),
        ..Subject::default()
    }
}

pub(crate) fn key() -> ApiKey {
    ApiKey {
        username: "agent".into(),
        owner: "carol".into(),
        groups: Vec::new(),
        connections: Vec::new(),
        sha256: KEY,
        expires_at: None,
    }
}

pub(crate) fn policy(name: &str, default: DefaultAction, rules: Vec<Rule>) -> Policy {
    Policy {
        name: ObjectName::new("shop", name),
        generation: 7,
        origin: Origin::Tenant,
        enforcement: Enforcement::Enforce,
        default,
        subjects: Vec::new(),
        rules,
        limits: Limits::default(),
    }
}

pub(crate) fn rule(name: &str, effects: &[Effect], action: portcullis_policy::Action) -> Rule {
    Rule {
        name: name.into(),
        matching: Match {
            effects: effects.to_vec(),
            ..Match::default()
        },
        unless: None,
        action,
        message: None,
    }
}

pub(crate) fn open_policy() -> Policy {
    policy("open", DefaultAction::Allow, Vec::new())
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            policies: vec![open_policy()],
            masks: Vec::new(),
            lockdown: false,
            access: "*",
            keys: vec![key()],
            oidc: Vec::new(),
            sessions: SessionBounds {
                max_concurrent: None,
                max_duration: None,
                idle_timeout: None,
                max_message_size: 64 << 20,
            },
            recording: RecordingRules {
                payloads: Payloads::Capped,
                deny_on_failure: true,
                strict: false,
            },
            revision: "r1",
        }
    }
}

impl Terms {
    pub(crate) fn of(policies: Vec<Policy>) -> Self {
        Self {
            policies,
            ..Self::default()
        }
    }

    pub(crate) fn target(self) -> Target {
        let parts = SnapshotParts {
            revision: self.revision.into(),
            connection: ConnectionFacts {
                namespace: "shop".into(),
                name: "orders".into(),
                uid: "uid-1".into(),
                protocol: "postgres".into(),
                ..ConnectionFacts::default()
            },
            access: AccessRule {
                subjects: vec![SubjectSelector::User(Glob::parse(self.access).unwrap())],
                expression: None,
            },
            lockdown: self.lockdown,
            policies: self.policies,
            masks: self.masks,
            replicas: 1,
            ..SnapshotParts::default()
        };
        let config = IdentityConfig {
            api_keys: self.keys,
            oidc: self.oidc,
            ..IdentityConfig::default()
        };
        Target {
            snapshot: Arc::new(Snapshot::compile(parts).unwrap()),
            upstream: Upstream {
                host: "db.internal".into(),
                port: 5432,
                database: "orders".into(),
                databases: Vec::new(),
                tls: TlsMode::VerifyFull,
                ca: None,
                server_name: None,
            },
            credential: Ok(Arc::new(Credential::default())),
            identities: Arc::new(Identities::new(config, None)),
            audience: None,
            sessions: self.sessions,
            recording: self.recording,
            reviews: Arc::default(),
            approvals: ApprovalBounds {
                max_pending_per_subject: 2,
                ttl_after_finished: Duration::from_secs(60),
                required_extra: BTreeMap::new(),
            },
        }
    }
}

impl Bed {
    pub(crate) fn new(terms: Terms) -> Self {
        Self::with_spool(terms, |_| {})
    }

    pub(crate) fn with_spool(terms: Terms, change: impl FnOnce(&mut SpoolConfig)) -> Self {
        let folder = TempDir::new_in("/dev/shm")
            .or_else(|_| TempDir::new())
            .unwrap();
        let mut config = SpoolConfig::new(folder.path(), "test".parse().unwrap());
        config.max_bytes = 8 << 30;
        config.max_subject_bytes = 8 << 30;
        change(&mut config);
        let clock = Arc::new(FakeClock {
            since: tokio::time::Instant::now(),
            ahead: Mutex::default(),
        });
        let (key, _) = SigningKey::generate().unwrap();
        let approvals = Arc::new(FakeApprovals {
            requests: Mutex::default(),
            changed: watch::Sender::new(0),
            claims: Mutex::default(),
            away: false.into(),
        });
        let house = House {
            writer: Arc::new(Writer::open(config, key, clock.now()).unwrap()),
            counters: Mutex::new(Counters::default()),
            approvals: approvals.clone(),
            metrics: Arc::new(Metrics::new().unwrap()),
            registry: Registry::default(),
            shutdown: Shutdown::default(),
            clock: clock.clone(),
            replica: 0,
            peers: Peers::default(),
        };
        let door = Door {
            namespace: "shop".into(),
            name: "orders".into(),
            protocol: "postgres",
            target: CurrentTarget::new(terms.target()),
            house: Arc::new(house),
            closed: CancellationToken::new(),
        };
        Self {
            folder,
            door: Arc::new(door),
            approvals,
            clock,
        }
    }

    pub(crate) async fn open(&self) -> Result<Session, Denial> {
        self.open_until(None).await
    }

    pub(crate) async fn open_until(&self, at: Option<SystemTime>) -> Result<Session, Denial> {
        let proven = Proven {
            subject: Arc::new(agent()),
            expires_at: at,
            credential: ProvenBy::ApiKey { sha256: KEY },
        };
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let says = ClientSays {
            attributes: vec![("user".into(), "root".into())],
        };
        Session::open(Arc::clone(&self.door), proven, client, says).await
    }

    pub(crate) fn edit(&self, terms: Terms) {
        self.door.target.store(terms.target());
    }

    pub(crate) fn house(&self) -> &House {
        &self.door.house
    }

    /// All events of the record, in order.
    pub(crate) fn record(&self) -> Vec<Body> {
        self.events().into_iter().map(|event| event.body).collect()
    }

    /// The same with the sessions that they belong to.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.house().writer.flush().unwrap();
        read(self.folder.path())
    }

    pub(crate) fn operations(&self) -> Vec<portcullis_recording::event::Operation> {
        let bodies = self.record().into_iter();
        bodies
            .filter_map(|body| match body {
                Body::Operation(operation) => Some(operation),
                _ => None,
            })
            .collect()
    }
}

fn read(spool: &Path) -> Vec<Event> {
    let entries = fs::read_dir(spool).unwrap().map(|e| e.unwrap().path());
    let folder = entries.into_iter().find(|path| path.is_dir()).unwrap();
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "seg"))
        .collect();
    files.sort();
    let mut events = Vec::new();
    for file in files {
        let bytes = fs::read(file).unwrap();
        let mut walk = Walk::new(&bytes).unwrap();
        while let Some(frame) = walk.next_frame().unwrap() {
            if frame.is_event() {
                events.push(decode_event(&frame.header, frame.payload).unwrap());
            }
        }
    }
    events
}

impl FakeClock {
    fn elapsed(&self) -> Duration {
        self.since.elapsed() + *self.ahead.lock().unwrap()
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.ahead.lock().unwrap() += by;
    }

    /// To the time of others, whose tokens would be of the future.
    pub(crate) fn set_to_now(&self) {
        let behind = SystemTime::now().duration_since(self.now());
        self.advance(behind.unwrap_or_default());
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_763_700_000) + self.elapsed()
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_nanos(u64::try_from(self.elapsed().as_nanos()).unwrap())
    }
}

impl FakeApprovals {
    pub(crate) fn set(&self, name: &str, standing: Standing) {
        self.requests.lock().unwrap().get_mut(name).unwrap().1 = standing;
        self.changed.send_modify(|changes| *changes += 1);
    }

    pub(crate) fn approve(&self, name: &str) {
        let (by, reasons) = (vec!["dave".to_owned()], vec!["ticket 7".to_owned()]);
        self.set(name, Standing::Approved { by, reasons });
    }

    pub(crate) fn standing(&self, name: &str) -> Standing {
        self.requests.lock().unwrap()[name].1.clone()
    }

    pub(crate) fn wanted(&self, name: &str) -> WantedApproval {
        self.requests.lock().unwrap()[name].0.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

#[async_trait]
impl Approvals for FakeApprovals {
    async fn request(
        &self,
        wanted: &WantedApproval,
    ) -> Result<(String, Standing), ApprovalsRefused> {
        if self.away.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(ApprovalsRefused::Unavailable("10.0.0.9 is away".into()));
        }
        let mut requests = self.requests.lock().unwrap();
        for number in 1.. {
            let name = format!("orders-{}-{number}", &wanted.hash[..16]);
            match requests.get(&name) {
                None => {
                    requests.insert(name.clone(), (wanted.clone(), Standing::Pending));
                    return Ok((name, Standing::Pending));
                }
                Some((known, standing)) => match standing {
                    Standing::Pending | Standing::Approved { .. } | Standing::Denied { .. } => {
                        if !known.is_same_as(wanted) {
                            return Err(ApprovalsRefused::Mismatch(name));
                        }
                        return Ok((name, standing.clone()));
                    }
                    _ => {}
                },
            }
        }
        unreachable!()
    }

    async fn decided(&self, _: &str, name: &str) -> Result<Standing, ApprovalsRefused> {
        let mut changed = self.changed.subscribe();
        loop {
            let standing = self.standing(name);
            if standing != Standing::Pending {
                return Ok(standing);
            }
            changed.changed().await.unwrap();
        }
    }

    async fn claim(
        &self,
        name: &str,
        wanted: &WantedApproval,
        execution: &str,
    ) -> Result<Standing, ApprovalsRefused> {
        let mut requests = self.requests.lock().unwrap();
        let (known, standing) = requests.get_mut(name).unwrap();
        if !known.is_same_as(wanted) {
            return Err(ApprovalsRefused::Mismatch(name.into()));
        }
        let before = standing.clone();
        if matches!(before, Standing::Approved { .. }) {
            *standing = Standing::Consumed;
            self.claims.lock().unwrap().push(execution.into());
        }
        Ok(before)
    }

    async fn withdraw(&self, _: &str, name: &str) -> Result<(), ApprovalsRefused> {
        self.set(name, Standing::Withdrawn);
        Ok(())
    }
}

pub(crate) fn told(effect: Effect, verb: &str, text: &str) -> Arc<Told> {
    let resource = Resource::Named {
        kind: ResourceKind::Table,
        segments: vec!["public".into(), "orders".into()],
    };
    Arc::new(Told::new(Operation {
        effect,
        verb: verb.into(),
        flags: BTreeSet::new(),
        attributes: Arc::new(BTreeMap::from([("database".into(), vec!["orders".into()])])),
        text: text.into(),
        accesses: Arc::new(BTreeSet::from([Access { effect, resource }])),
    }))
}

pub(crate) fn select() -> Arc<Told> {
    told(Effect::Read, "SELECT", "SELECT * FROM orders WHERE id = 7")
}

pub(crate) fn update() -> Arc<Told> {
    let text = "UPDATE orders SET state = $1 WHERE id = 7";
    told(Effect::Write, "UPDATE", text)
}

pub(crate) fn asked(told: &Arc<Told>) -> Asked<'_> {
    Asked {
        told,
        exact: told.operation.text.as_bytes(),
        parameters: &[],
        meaning: &(),
        may_wait: true,
    }
}

mod api;
mod claims;
mod requests;
mod standings;

use std::time::Duration;

use portcullis_policy::{ApprovalTerms, Grant as Granted, Wait};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::session::ports::ApprovalBounds;
use api::{Api as Server, Fault};

/// A clock that stands until it is moved.
#[derive(Debug)]
struct Stopped(Mutex<SystemTime>);

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> portcullis_policy::limit::Monotonic {
        portcullis_policy::limit::Monotonic::from_nanos(0)
    }
}

/// An API server and the replicas that use it.
struct Bed {
    api: Server,
    cluster: Cluster,
    clock: Arc<Stopped>,
    following: Vec<JoinHandle<()>>,
}

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000)
}

fn at(seconds: i64) -> Value {
    let now = i64::try_from(2_000_000_000_u64).unwrap();
    let time = k8s_openapi::jiff::Timestamp::from_second(now + seconds).unwrap();
    json!(time.to_string())
}

impl Bed {
    async fn new() -> Self {
        let (api, cluster) = Server::start().await;
        Self {
            api,
            cluster,
            clock: Arc::new(Stopped(Mutex::new(start()))),
            following: Vec::new(),
        }
    }

    /// One more replica, which has listed what there is.
    async fn replica(&mut self, name: &str) -> Requests {
        let place = Place {
            namespace: "shop".to_owned(),
            connection: "orders-db".to_owned(),
            pod: name.to_owned(),
            pod_uid: format!("uid-of-{name}"),
        };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let requests = Requests::new(self.cluster.clone(), place, clock);
        let following = requests.clone().follow(Sight::new());
        self.following.push(tokio::spawn(following));
        let listed = requests.clone();
        until(move || listed.watched().listed).await;
        requests
    }

    fn pass(&self, seconds: u64) {
        *self.clock.0.lock().unwrap() += Duration::from_secs(seconds);
    }

    /// What the operator writes once there are enough who agree.
    fn approve(&self, name: &str, by: &[&str], window: (i64, i64)) {
        self.api.edit(name, |object| {
            let decisions = by.iter();
            let decisions = decisions.map(|by| json!({ "username": by, "decision": "Approve" }));
            object["status"]["decisions"] = decisions.collect();
            object["status"]["state"] = json!("Approved");
            object["status"]["conditions"] = json!([{
                "type": "Approved", "status": "True", "reason": "QuorumReached", "message": "",
                "lastTransitionTime": at(0),
            }]);
            let (from, until) = window;
            object["status"]["grant"] = json!({ "notBefore": at(from), "expiresAt": at(until) });
        });
    }

    /// A decision that nobody has taken over yet.
    fn stamp(&self, name: &str, value: &str) {
        self.api.edit(name, |object| {
            object["metadata"]["annotations"] = json!({
                "decision.portcullis.dev/0123456789abcdef": value,
            });
        });
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.following.iter().for_each(JoinHandle::abort);
    }
}

async fn until(mut is: impl FnMut() -> bool) {
    let waited = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(20), waited).await.unwrap();
}

fn wanted() -> WantedApproval {
    WantedApproval {
        namespace: "shop".to_owned(),
        connection: "orders-db".to_owned(),
        connection_uid: "5d3c1f5e".to_owned(),
        address: "orders.internal:5432".to_owned(),
        policy: ("shop".to_owned(), "writes".to_owned()),
        generation: 7,
        rule: "hold".to_owned(),
        requester: "agent-7".to_owned(),
        on_behalf_of: Some("oidc:Alice@example.com".to_owned()),
        issuer: "api-key".to_owned(),
        hash: "ab".repeat(32),
        summary: "DELETE FROM orders WHERE id = 7".to_owned(),
        verb: "DELETE".to_owned(),
        effects: vec!["Write"],
        resources: vec!["Write table:public.orders".to_owned()],
        flags: vec!["unbounded"],
        attributes: BTreeMap::from([("database".to_owned(), vec!["orders".to_owned()])]),
        text: "DELETE FROM orders\nWHERE id = 7".to_owned(),
        masked_values: 0,
        terms: ApprovalTerms {
            required: 1,
            grant: Granted::OneShot,
            wait: Wait::Reject,
            expires_after: Duration::from_secs(900),
        },
        bounds: ApprovalBounds {
            max_pending_per_subject: 2,
            ttl_after_finished: Duration::from_secs(3_600),
            required_extra: BTreeMap::new(),
        },
    }
}

fn approved(by: &[&str]) -> Standing {
    Standing::Approved {
        by: by.iter().map(|by| (*by).to_owned()).collect(),
        reasons: by.iter().map(|_| String::new()).collect(),
    }
}

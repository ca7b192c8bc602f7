use std::os::unix::fs::MetadataExt;
use std::sync::Mutex as StdMutex;

use arc_swap::ArcSwap;
use portcullis_crds::connection_class::OsUser;
use portcullis_recording::checkpoint::SigningKey;
use portcullis_recording::spool::SpoolConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::super::socket::{Desk, MAX_COMMAND_BYTES, Socket};
use super::*;
use crate::control::caretaker::Ward;
use crate::control::clock::SystemClock;
use crate::control::compile::Deciders;
use crate::control::doors::{ClassInForce, Served, Standing as InForce};
use crate::identity::{Identities, IdentityConfig};
use crate::metrics::Metrics;
use crate::session::ports::{House, Peers};
use crate::session::registry::Registry;
use crate::shutdown::Shutdown;

/// A desk whose requests and spool are in a folder of their own, and at which these may decide.
pub(crate) fn desk(folder: &Path, deciders: &[(u32, &str)]) -> Desk {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let spool = SpoolConfig::new(folder.join("spool"), "test".parse().unwrap());
    let (key, _) = SigningKey::generate().unwrap();
    let writer = Arc::new(Writer::open(spool, key, clock.now()).unwrap());
    let approvals = folder.join("approvals");
    std::fs::create_dir(&approvals).unwrap();
    let book = open(&approvals, clock.now());
    let requests = Requests::new(book, Arc::clone(&clock), Arc::clone(&writer));
    let house = House {
        writer,
        counters: StdMutex::default(),
        approvals: Arc::new(requests.clone()),
        metrics: Arc::new(Metrics::new().unwrap()),
        registry: Registry::default(),
        shutdown: Shutdown::default(),
        clock,
        replica: 0,
        peers: Peers::default(),
    };
    let users = deciders.iter().map(|(uid, name)| {
        let user = OsUser {
            uid: i64::from(*uid),
            username: (*name).to_owned(),
            groups: vec![format!("{name}s")],
        };
        (*uid, user)
    });
    let class = ClassInForce {
        identities: Arc::new(Identities::new(IdentityConfig::default(), None)),
        admin_groups: vec!["carols".to_owned()],
        deciders: Arc::new(Deciders::new(users)),
    };
    let served = Served {
        protocol: "PostgreSQL",
        port: 5432,
        class: "default".to_owned(),
    };
    let standing = InForce {
        revision: "sha256:1".to_owned(),
        connections: BTreeMap::from([(("shop".to_owned(), "orders-db".to_owned()), served)]),
        refused: Vec::new(),
        classes: BTreeMap::from([("default".to_owned(), class)]),
        closed: false,
    };
    Desk {
        requests,
        ward: Ward {
            standing: Arc::new(ArcSwap::from_pointee(standing)),
            house: Arc::new(house),
        },
    }
}

fn command(verb: &str, name: &str) -> Vec<u8> {
    json!({ "verb": verb, "name": name, "reason": "because" })
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn the_decider_is_who_the_uid_is_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(
        folder.path(),
        &[(1000, "carol"), (1001, "oidc:alice@EXAMPLE.com")],
    );
    let (name, _) = desk.requests.request(&wanted()).await.unwrap();
    let refused = desk
        .answer(&command("approve", &name), 1002)
        .await
        .unwrap_err();
    assert!(
        refused.starts_with("user id 1002 is nobody here"),
        "{refused}"
    );
    let refused = desk
        .answer(&command("approve", &name), 1001)
        .await
        .unwrap_err();
    assert!(refused.contains("cannot approve it"), "{refused}");
    let lied = br#"{"verb":"approve","name":"x","username":"carol"}"#;
    assert!(
        desk.answer(lied, 1000)
            .await
            .unwrap_err()
            .contains("username")
    );
    let answer = desk.answer(&command("approve", &name), 1000).await.unwrap();
    assert_eq!(answer, json!({ "state": "Approved" }));
    let claimed = desk.requests.claim(&name, &wanted(), "e").await.unwrap();
    assert_eq!(claimed, approved(&["carol"]));
}

#[tokio::test]
async fn who_may_decide_is_shown_the_whole_operation_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path(), &[(1000, "carol")]);
    let mut wanted = wanted();
    wanted.masked_values = 2;
    wanted.terms.wait = Wait::Hold {
        hold_for: Duration::from_secs(600),
    };
    let (name, _) = desk.requests.request(&wanted).await.unwrap();
    let show = |named: Value| {
        let mut show = json!({ "verb": "show" });
        let members = named.as_object().unwrap().clone();
        show.as_object_mut().unwrap().extend(members);
        show.to_string().into_bytes()
    };
    let ask = show(json!({ "name": name, "namespace": "shop" }));
    let told = desk.answer(&ask, 1000).await.unwrap();
    let request = &told["request"];
    assert_eq!(request["name"], json!(name));
    assert_eq!(request["connection"], json!("orders-db"));
    assert!(request["heldUntil"].is_string(), "{request}");
    let spec = &request["spec"];
    let operation = json!({
        "hash": format!("sha256:{}", "ab".repeat(32)),
        "hashVersion": "v1",
        "summary": "DELETE FROM orders WHERE id = 7",
        "verb": "DELETE",
        "effects": ["Write"],
        "resources": ["Write table:public.orders"],
        "flags": ["unbounded"],
        "attributes": { "database": ["orders"] },
        "text": "DELETE FROM orders\nWHERE id = 7",
        "maskedValues": 2,
    });
    assert_eq!(spec["operation"], operation);
    assert_eq!(spec["requester"]["username"], "agent-7");
    assert_eq!(spec["requester"]["onBehalfOf"], "oidc:Alice@example.com");
    let policy = json!({ "namespace": "shop", "name": "writes", "rule": "hold", "generation": 7 });
    assert_eq!(spec["policyRef"], policy);
    assert_eq!(request["status"]["decisions"], json!([]));
    desk.answer(&command("approve", &name), 1000).await.unwrap();
    let told = desk.answer(&ask, 1000).await.unwrap();
    let said = json!([{ "username": "carol", "decision": "Approve", "reason": "because" }]);
    assert_eq!(told["request"]["status"]["decisions"], said);
    assert_eq!(told["request"]["heldUntil"], Value::Null);
    for uid in [0, 1002] {
        let refused = desk.answer(&ask, uid).await.unwrap_err();
        assert!(refused.contains("is nobody here"), "{refused}");
    }
    for other in [
        json!({ "name": "none-1" }),
        json!({ "name": name, "namespace": "other" }),
    ] {
        let refused = desk.answer(&show(other), 1000).await.unwrap_err();
        assert!(refused.starts_with("there is no request"), "{refused}");
    }
}

#[tokio::test]
async fn requests_are_told_only_to_deciders_of_their_own_connection() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path(), &[(1000, "carol")]);
    let (name, _) = desk.requests.request(&wanted()).await.unwrap();
    let mut standing = desk.ward.standing.load().as_ref().clone();
    let dave = OsUser {
        uid: 1001,
        username: "dave".to_owned(),
        groups: Vec::new(),
    };
    let mut class = standing.classes["default"].clone();
    class.deciders = Arc::new(Deciders::new([(1001, dave)]));
    standing.classes.insert("other".to_owned(), class);
    desk.ward.standing.store(Arc::new(standing));
    let listed = |uid| desk.answer(br#"{"verb":"list"}"#, uid);
    assert_eq!(listed(1001).await.unwrap(), json!({ "requests": [] }));
    let carol = listed(1000).await.unwrap();
    assert_eq!(carol["requests"][0]["name"], json!(name));
    let show = json!({ "verb": "show", "name": name }).to_string();
    assert!(desk.answer(show.as_bytes(), 1001).await.is_err());
}

#[tokio::test]
async fn a_connection_that_is_gone_has_no_deciders() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path(), &[(1000, "carol")]);
    let (name, _) = desk.requests.request(&wanted()).await.unwrap();
    desk.ward.standing.store(Arc::default());
    assert!(desk.answer(&command("approve", &name), 1000).await.is_err());
    assert!(desk.answer(br#"{"verb":"list"}"#, 1000).await.is_err());
}

#[tokio::test]
async fn whoever_waits_is_told_of_a_decision_and_of_a_withdrawal() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path(), &[(1000, "carol")]);
    let mut other = wanted();
    other.hash = "cd".repeat(32);
    let (one, _) = desk.requests.request(&wanted()).await.unwrap();
    let (two, _) = desk.requests.request(&other).await.unwrap();
    let waits = |name: String| {
        let requests = desk.requests.clone();
        tokio::spawn(async move { requests.decided("shop", &name).await })
    };
    let (first, second) = (waits(one.clone()), waits(two.clone()));
    desk.answer(&command("deny", &one), 1000).await.unwrap();
    let denied = Standing::Denied {
        by: "carol".to_owned(),
        reason: "because".to_owned(),
    };
    assert_eq!(first.await.unwrap().unwrap(), denied);
    desk.requests.withdraw("shop", &two).await.unwrap();
    assert_eq!(second.await.unwrap().unwrap(), Standing::Withdrawn);
    assert!(desk.requests.decided("shop", "none-1").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_claims_at_once_one_has_the_grant() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path(), &[(1000, "carol")]);
    let (name, _) = desk.requests.request(&wanted()).await.unwrap();
    desk.answer(&command("approve", &name), 1000).await.unwrap();
    let claims: Vec<_> = (0..16)
        .map(|number| {
            let (requests, name) = (desk.requests.clone(), name.clone());
            tokio::spawn(async move {
                requests
                    .claim(&name, &wanted(), &format!("e{number}"))
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut granted = 0;
    for claim in claims {
        match claim.await.unwrap() {
            Standing::Approved { .. } => granted += 1,
            standing => assert_eq!(standing, Standing::Consumed),
        }
    }
    assert_eq!(granted, 1);
}

async fn ask(path: &Path, line: &[u8]) -> Value {
    let stream = UnixStream::connect(path).await.unwrap();
    let (reading, mut writing) = stream.into_split();
    writing.write_all(line).await.unwrap();
    writing.write_all(b"\n").await.unwrap();
    let mut answer = String::new();
    BufReader::new(reading)
        .read_line(&mut answer)
        .await
        .unwrap();
    serde_json::from_str(&answer).unwrap()
}

#[tokio::test]
async fn the_socket_knows_its_peer_by_the_kernel() {
    let folder = tempfile::tempdir().unwrap();
    let uid = std::fs::metadata(folder.path()).unwrap().uid();
    let desk = desk(folder.path(), &[(uid, "carol")]);
    let path = folder.path().join("control.sock");
    let serving = tokio::spawn(Socket::bind(&path).unwrap().serve(desk.clone()));
    let (name, _) = desk.requests.request(&wanted()).await.unwrap();
    let listed = ask(&path, br#"{"verb":"list"}"#).await;
    assert_eq!(listed["ok"], json!(true));
    assert_eq!(listed["requests"][0]["name"], json!(name));
    let request = listed["requests"][0].as_object().unwrap();
    let keys: Vec<&str> = request.keys().map(String::as_str).collect();
    let expected = [
        "approvals",
        "connection",
        "expiresAt",
        "name",
        "namespace",
        "requester",
        "state",
        "summary",
    ];
    assert_eq!(keys, expected);
    assert_eq!(request["state"], json!("Pending"));
    assert_eq!(request["approvals"], json!("0/1"));
    let answer = ask(&path, &command("approve", &name)).await;
    assert_eq!(answer, json!({ "ok": true, "state": "Approved" }));
    let again = ask(&path, &command("approve", &name)).await;
    assert_eq!(
        again,
        json!({ "ok": false, "error": "it is Approved already" })
    );
    assert_eq!(
        ask(&path, br#"{"verb":"sessions"}"#).await,
        json!({ "ok": true, "sessions": [] })
    );
    let none = br#"{"verb":"kill","session":"00000000000000000000000000000001","reason":"x"}"#;
    let told = ask(&path, none).await;
    let missing = "no session 00000000000000000000000000000001 is open here";
    assert_eq!(told, json!({ "ok": false, "error": missing }));
    assert_eq!(ask(&path, b"hello").await["ok"], json!(false));
    let max = usize::try_from(MAX_COMMAND_BYTES).unwrap();
    let long = ask(&path, &vec![b' '; max]).await;
    assert_eq!(
        long["error"],
        json!(format!("a command has at most {max} bytes"))
    );
    serving.abort();
    let _ = serving.await;
    assert!(!path.exists());
}

#[tokio::test]
async fn only_members_of_an_admin_group_look_after_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path(), &[(1000, "carol"), (1001, "dave")]);
    let session = "00000000000000000000000000000001";
    let commands = [
        json!({ "verb": "sessions" }),
        json!({ "verb": "kill", "session": session, "reason": "x" }),
    ];
    for command in commands {
        let command = command.to_string();
        let dave = desk.answer(command.as_bytes(), 1001).await.unwrap_err();
        assert!(
            dave.starts_with("dave may not look after sessions: none of its groups"),
            "{dave}"
        );
        let nobody = desk.answer(command.as_bytes(), 1002).await.unwrap_err();
        assert!(
            nobody.starts_with("user id 1002 is nobody here"),
            "{nobody}"
        );
    }
    let listed = desk.answer(br#"{"verb":"sessions"}"#, 1000).await.unwrap();
    assert_eq!(listed, json!({ "sessions": [] }));
    let silent = json!({ "verb": "kill", "session": session, "reason": " " }).to_string();
    let silent = desk.answer(silent.as_bytes(), 1000).await.unwrap_err();
    assert!(silent.starts_with("say why"), "{silent}");
    // Approvals are another right.
    desk.answer(br#"{"verb":"list"}"#, 1001).await.unwrap();
}

#[tokio::test]
async fn a_socket_that_was_left_is_replaced_and_a_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists() && Socket::bind(&path).is_ok());
    std::fs::write(&path, "mine").unwrap();
    assert!(Socket::bind(&path).is_err());
}

//! The admin port, where a guard says who may look after sessions, as in a cluster.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use portcullis_proxy::admin::{AdminPort, MAX_BODY_BYTES, Office, Reception};
use portcullis_proxy::control::caretaker::{Guard, NotLetIn, SessionVerb};
use portcullis_proxy::control::doors::{ClassInForce, Served, Standing};
use portcullis_proxy::identity::{Identities, IdentityConfig};
use portcullis_proxy::secret::Secret;
use portcullis_proxy::session::gate::{Outcome, Ruling};
use portcullis_proxy::session::{EndReason, Session};
use portcullis_recording::event::Body;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::bed::{Bed, Terms, asked, select};

/// Carol may what is listed here.
#[derive(Debug)]
struct Carol(Mutex<Vec<SessionVerb>>);

#[async_trait]
impl Guard for Carol {
    async fn may(&self, token: &Secret, verb: SessionVerb) -> Result<String, NotLetIn> {
        if token.reveal() != b"of-carol" {
            return Err(NotLetIn::Nobody);
        }
        match self.0.lock().unwrap().contains(&verb) {
            true => Ok("carol".to_owned()),
            false => Err(NotLetIn::Forbidden),
        }
    }
}

struct Port {
    address: SocketAddr,
    carol: Arc<Carol>,
}

impl Port {
    async fn open(bed: &Bed, may: &[SessionVerb]) -> Self {
        let class = ClassInForce {
            identities: Arc::new(Identities::new(IdentityConfig::default(), None)),
            admin_groups: Vec::new(),
            deciders: Arc::default(),
        };
        let served = Served {
            protocol: "PostgreSQL",
            port: 5432,
            class: "default".to_owned(),
        };
        let standing = Standing {
            revision: "1".to_owned(),
            connections: BTreeMap::from([(("shop".to_owned(), "orders".to_owned()), served)]),
            classes: BTreeMap::from([("default".to_owned(), class)]),
            ..Standing::default()
        };
        let carol = Arc::new(Carol(Mutex::new(may.to_vec())));
        let office = Office {
            standing: Arc::new(ArcSwap::from_pointee(standing)),
            house: Arc::new(OnceLock::from(Arc::clone(&bed.door.house))),
            reception: Reception::Cluster(Arc::clone(&carol) as Arc<dyn Guard>),
        };
        let port = AdminPort::bind("127.0.0.1:0".parse().unwrap()).await;
        let port = port.unwrap();
        let address = port.local_addr().unwrap();
        tokio::spawn(port.serve(office));
        Self { address, carol }
    }

    async fn send(&self, what: &str, body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{what} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer of-carol\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        BufReader::new(stream)
    }

    async fn ask(&self, what: &str, body: &str) -> String {
        let mut answer = String::new();
        let mut stream = self.send(what, body).await;
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    }
}

/// The next line of JSON, past heads and the sizes of pieces.
async fn line(stream: &mut BufReader<TcpStream>) -> Value {
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).await.unwrap(), 0, "it ended");
        if line.starts_with('{') {
            return serde_json::from_str(&line).unwrap();
        }
    }
}

async fn runs(session: &mut Session) {
    let select = select();
    let Ruling::Admitted(admitted) = session.judge(&asked(&select)).await else {
        panic!("allowed");
    };
    admitted.forward().end(Outcome::Succeeded);
}

#[tokio::test]
async fn each_act_takes_its_own_verb_and_a_kill_tells_why() {
    let bed = Bed::new(Terms::default());
    let session = bed.open().await.unwrap();
    let path = format!("/sessions/{}", session.id);
    let (kill, tail) = (format!("DELETE {path}"), format!("POST {path}/tail"));
    let acts = [
        ("GET /sessions", SessionVerb::List),
        (tail.as_str(), SessionVerb::Get),
        (kill.as_str(), SessionVerb::Delete),
    ];
    for (act, needed) in acts {
        let others = acts.map(|(_, verb)| verb);
        let others: Vec<_> = others.into_iter().filter(|verb| *verb != needed).collect();
        let port = Port::open(&bed, &others).await;
        assert_eq!(port.ask(act, "").await, "403", "{act}");
    }
    let port = Port::open(&bed, &acts.map(|(_, verb)| verb)).await;
    assert_eq!(port.ask("GET /sessions", "").await, "200");
    for (wrong, status) in [
        (format!("PUT {path}"), "405"),
        (format!("GET {path}/tail"), "405"),
    ] {
        assert_eq!(port.ask(&wrong, "").await, status, "{wrong}");
    }
    let fits = format!("{{\"reason\":\"x\"}}{}", " ".repeat(MAX_BODY_BYTES - 14));
    let nobody = format!("DELETE /sessions/{}", "9".repeat(32));
    assert_eq!(port.ask(&nobody, &fits).await, "404");
    for body in [
        "why",
        "{\"reason\":7}",
        "{\"because\":\"x\"}",
        &format!("{fits} "),
    ] {
        assert_eq!(port.ask(&kill, body).await, "400", "{body}");
    }
    assert_eq!(
        port.ask(&kill, "{\"reason\":\"end of the shift\"}").await,
        "200"
    );
    let EndReason::Killed(denial) = session.ended(true).await else {
        panic!("killed");
    };
    let told = denial.message.to_string();
    assert!(
        told.contains("carol") && told.contains("end of the shift"),
        "{told}"
    );
    let acts = bed.record().into_iter().filter_map(|body| match body {
        Body::AdminAct(act) if act.act == "kill" => Some((act.actor, act.reason)),
        _ => None,
    });
    assert_eq!(
        acts.collect::<Vec<_>>(),
        [("carol".into(), "end of the shift".into())]
    );
}

#[tokio::test]
async fn a_tail_tells_lines_until_the_right_to_it_is_gone() {
    let bed = Bed::new(Terms::default());
    let mut session = bed.open().await.unwrap();
    let port = Port::open(&bed, &[SessionVerb::Get]).await;
    let what = format!("POST /sessions/{}/tail", session.id);
    let mut stream = port.send(&what, "{\"reason\":\"a look\"}").await;
    assert_eq!(
        line(&mut stream).await["session"]["session"],
        session.id.to_string()
    );
    runs(&mut session).await;
    assert_eq!(line(&mut stream).await["operation"]["decision"], "allow");
    assert!(line(&mut stream).await["end"].is_object());
    // Longer than anybody else may stay connected.
    tokio::time::pause();
    for _ in 0..13 {
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    tokio::time::resume();
    runs(&mut session).await;
    assert_eq!(line(&mut stream).await["operation"]["decision"], "allow");
    assert!(line(&mut stream).await["end"].is_object());
    port.carol.0.lock().unwrap().clear();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    runs(&mut session).await;
    let told = line(&mut stream).await["error"].to_string();
    assert!(
        told.contains("may not follow this session any more"),
        "{told}"
    );
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(!rest.contains('{'), "{rest}");
}

//! Replicas that come, go, or cannot be made.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use portcullis_e2e::{pause, wait_until};
use serde_json::json;

use super::bed::{with_bed, with_gateway};

/// What a client of PostgreSQL asks before TLS, and the answer of a proxy.
const TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const YES: u8 = b'S';
/// How long a proxy may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_roll_out_refuses_nobody() {
    with_gateway(|bed| {
        let service = bed.admin.get(&["service", "orders"]);
        let address = service["spec"]["clusterIP"].as_str().unwrap().to_owned();
        let before = bed.proxies();
        let over = AtomicBool::new(false);
        let (served, failures) = thread::scope(|scope| {
            let dialling = scope.spawn(|| {
                let (mut served, mut failures) = (0, Vec::new());
                while !over.load(Ordering::Relaxed) {
                    match dial(&address) {
                        Ok(YES) => served += 1,
                        other => failures.push(format!("{other:?}")),
                    }
                    pause(Duration::from_millis(10));
                }
                (served, failures)
            });
            bed.admin.must(&["rollout", "restart", "deployment/orders"]);
            bed.admin
                .must(&["rollout", "status", "deployment/orders", "--timeout=90s"]);
            let select = "--selector=portcullis.dev/connection=orders";
            wait_until("the old proxies to be gone", || {
                let pods = bed.admin.must(&["get", "pods", select, "--output=name"]);
                let is_old = |(name, _): &(String, String)| pods.contains(name.as_str());
                let any = before.iter().any(is_old);
                (!any).then_some(()).ok_or(pods)
            });
            over.store(true, Ordering::Relaxed);
            dialling.join().unwrap()
        });
        assert_eq!(failures, [""; 0], "of {served} that were served");
        assert!(served > 100, "{served}");
    });
}

fn dial(address: &str) -> std::io::Result<u8> {
    let address = SocketAddr::new(address.parse().unwrap(), 5432);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&TLS)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer[0])
}

#[test]
fn a_replica_that_cannot_be_made_keeps_it_from_being_programmed() {
    with_bed(|bed| {
        // Room for the target and for one of two proxies.
        bed.admin.must(&["create", "quota", "two", "--hard=pods=2"]);
        bed.connection(&json!({ "mode": "Gateway", "gateway": { "replicas": 2 } }));
        let told = wait_until("one of two proxies", || {
            let status = bed.admin.get(&["connection/orders"])["status"].clone();
            match status["proxies"] == json!({ "total": 2, "current": 1 }) {
                true => Ok(status),
                false => Err(status.to_string()),
            }
        });
        let conditions = told["conditions"].as_array().unwrap();
        let programmed = conditions.iter().find(|it| it["type"] == "Programmed");
        let programmed = programmed.unwrap();
        assert_eq!(programmed["status"], "False", "{programmed}");
        assert_eq!(programmed["reason"], "PartiallyProgrammed", "{programmed}");
        // No policy is Programmed on its account either.
        let guard = bed.admin.get(&["guardrailpolicy/customers"])["status"].clone();
        let programmed = &guard["ancestors"][0]["conditions"][1];
        assert_eq!(programmed["status"], "False", "{guard}");
    });
}

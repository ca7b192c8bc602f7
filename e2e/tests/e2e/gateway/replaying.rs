//! One approval, and many who would use it.

use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use portcullis_e2e::wait_until;
use serde_json::json;

use super::bed::{Bed, with_bed};
use crate::session::Psql;

const EXECUTIONS: usize = 20;
const PROXIES: usize = 3;
/// Where a proxy answers the kubelet and Prometheus.
const ADMIN_PORT: u16 = 9090;

const RAISE: &str = "update customers set credit = credit + 5 where id = 2";

#[test]
fn of_twenty_executions_on_three_pods_one_runs() {
    with_bed(|bed| {
        bed.connection(&json!({ "mode": "Gateway", "gateway": { "replicas": PROXIES } }));
        bed.wait_until_rolled_out();
        bed.keep_ca();
        let proxies = wait_until("all proxies", || {
            let pods = bed.proxies();
            (pods.len() == PROXIES)
                .then(|| pods.clone())
                .ok_or(format!("{pods:?}"))
        });
        let token = bed.token("frank");
        let mut sessions: Vec<Psql> = proxies
            .iter()
            .cycle()
            .take(EXECUTIONS)
            .map(|(_, address)| bed.session_at(address, &token))
            .collect();
        for session in &mut sessions {
            session.send(RAISE);
        }
        wait_until("all to wait", || {
            let waiting: u32 = proxies.iter().map(|(_, address)| waiting(address)).sum();
            (waiting == 20).then_some(()).ok_or(waiting.to_string())
        });
        let request = the_request(bed);
        let erin = bed.namespace.user("erin");
        erin.must(&["annotate", "appr", &request, "portcullis.dev/approve=once"]);
        let answers: Vec<String> = thread::scope(|scope| {
            let asked: Vec<_> = sessions
                .iter_mut()
                .map(|it| scope.spawn(|| it.answer()))
                .collect();
            asked.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let those = |what: &str| answers.iter().filter(|it| it.contains(what)).count();
        assert_eq!(those("ERROR"), EXECUTIONS - 1, "{answers:#?}");
        assert_eq!(those("was used up"), EXECUTIONS - 1, "{answers:#?}");
        let credit = bed.target_says("select credit from customers where id = 2");
        assert_eq!(credit, "25");
        let status = erin.get(&["appr", &request])["status"].clone();
        assert!(status["usage"]["claimedBy"].is_string(), "{status}");
    });
}

/// The one request that there is.
fn the_request(bed: &Bed<'_>) -> String {
    let all = bed.admin.get(&["appr"])["items"].clone();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0]["metadata"]["name"].as_str().unwrap().to_owned()
}

/// How many operations wait at a proxy, as its metrics say.
fn waiting(address: &str) -> u32 {
    let metrics = metrics(address).unwrap_or_default();
    let lines = metrics.lines();
    let lines = lines.filter(|it| it.starts_with("portcullis_approvals_waiting"));
    let values = lines.filter_map(|it| it.rsplit(' ').next()?.parse::<u32>().ok());
    values.sum()
}

fn metrics(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((address, ADMIN_PORT))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    io::read_to_string(stream)
}

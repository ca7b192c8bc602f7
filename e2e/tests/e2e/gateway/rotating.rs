//! What is replaced while proxies run, and what finds its way between them.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_e2e::{Platform, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, object, with_gateway};

/// How long what is cancelled would have run.
const LONG: u64 = 40;

/// One gateway for all of it: it takes seconds to come up.
#[test]
fn what_is_cancelled_rotated_or_derived_is_so_at_every_proxy() {
    with_gateway(|bed| {
        a_cancel_request_finds_the_proxy_of_its_session(bed);
        another_password_reaches_new_sessions_and_no_open_one(bed);
        a_mask_of_the_platform_has_a_key_of_this_namespace(bed);
    });
}

/// A port of this machine whose first connection leads to one proxy, and all others to another.
fn crossed(first: &str, others: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut next = vec![others.to_owned(), first.to_owned()];
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let place = match next.len() {
                2 => next.pop(),
                _ => next.first().cloned(),
            };
            let server = TcpStream::connect((place.unwrap(), 5432)).unwrap();
            let mut ways = [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ];
            for (from, to) in &mut ways {
                let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                thread::spawn(move || {
                    let _cut = io::copy(&mut from, &mut to);
                    let _gone = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    port
}

#[allow(clippy::disallowed_methods, reason = "by the clock of the machine")]
fn a_cancel_request_finds_the_proxy_of_its_session(bed: &Bed<'_>) {
    let proxies = bed.proxies();
    let [(_, one), (_, other)] = proxies.as_slice() else {
        panic!("{proxies:?}")
    };
    for (here, there) in [(one, other), (other, one)] {
        let port = crossed(here, there);
        let mut session = bed.session_by("127.0.0.1", port, &bed.token("dana"));
        assert_eq!(session.ask("select 1"), "1");
        session.send(&format!("select pg_sleep({LONG})"));
        let runs = "select count(*) from pg_stat_activity \
                    where state = 'active' and usename = 'app' and query like '%pg_sleep%'";
        wait_until("it to run", || {
            let count = bed.target_says(runs);
            (count == "1").then_some(()).ok_or(count)
        });
        let asked = Instant::now();
        session.interrupt();
        let answer = session.answer();
        let wanted = "canceling statement due to user request";
        assert!(answer.contains(wanted), "{answer}");
        assert!(asked.elapsed() < Duration::from_secs(LONG / 2), "{answer}");
        assert_eq!(bed.target_says(runs), "0");
    }
}

fn another_password_reaches_new_sessions_and_no_open_one(bed: &Bed<'_>) {
    let proxies = bed.proxies();
    let token = bed.token("dana");
    let mut open: Vec<_> = proxies
        .iter()
        .map(|(_, address)| bed.session_at(address, &token))
        .collect();
    let backends: Vec<String> = open
        .iter_mut()
        .map(|session| session.ask("select pg_backend_pid()"))
        .collect();
    bed.target_says("alter role app password 'the-next-one'");
    for (_, address) in &proxies {
        let answer = bed.session_at(address, &token).ask("select 1");
        assert!(answer.contains("FATAL"), "{answer}");
        assert!(!answer.contains("the-"), "{answer}");
    }
    let next = r#"{"stringData":{"password":"the-next-one"}}"#;
    let secret = ["patch", "secret", "orders-credentials", "-p", next];
    bed.admin.must(&secret);
    for (_, address) in &proxies {
        wait_until("the next password", || {
            bed.nudge();
            let answer = bed.session_at(address, &token).ask("select 1");
            (answer == "1").then_some(()).ok_or(answer)
        });
    }
    for (session, backend) in open.iter_mut().zip(backends) {
        assert_eq!(session.ask("select pg_backend_pid()"), backend);
    }
    // By the pods that were there.
    assert_eq!(bed.proxies(), proxies);
}

fn a_mask_of_the_platform_has_a_key_of_this_namespace(bed: &Bed<'_>) {
    let namespace = &bed.namespace.name;
    let name = format!("mask-{namespace}");
    let key = "a key of the platform, long enough";
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
        "stringData": { "key": key },
    });
    let selector = json!({ "namespaceSelector": { "matchLabels": {
        "kubernetes.io/metadata.name": namespace,
    } } });
    let rule = json!({
        "targetSelector": selector, "match": { "columns": ["public.customers.email"] },
        "transform": { "type": "Hash", "keySecretRef": { "name": name, "key": "key" } },
    });
    let _platform = Platform::with(
        bed.namespace,
        &[secret, object("MaskingRule", &name, &rule)],
    );
    bed.admin.must(&["delete", "maskingrule", "emails"]);
    // What is mounted is another set, so other pods come.
    let is_hash = |text: &str| text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    let ask = |address: &str| {
        let query = "select email from customers where id = 1";
        bed.session_at(address, &bed.token("dana")).ask(query)
    };
    let hashes = wait_until("hashes at both proxies", || {
        let answers: Vec<String> = bed.proxies().iter().map(|(_, at)| ask(at)).collect();
        let good = answers.len() == 2 && answers.iter().all(|it| is_hash(it));
        good.then_some(answers.clone())
            .ok_or(format!("{answers:?}"))
    });
    assert_eq!(hashes[0], hashes[1]);
    let copies = bed.admin.get(&["secret", "orders-portcullis-platform"]);
    let paths = &copies["metadata"]["annotations"]["portcullis.dev/paths"];
    let paths: Value = serde_json::from_str(paths.as_str().unwrap()).unwrap();
    let path = format!("secrets/portcullis-system/{name}/key");
    let mut own = paths.as_object().unwrap().iter();
    let (short, _) = own.find(|(_, it)| **it == path).unwrap();
    let derived = decoded(copies["data"][short].as_str().unwrap());
    assert_eq!(derived.len(), 32);
    assert!(!key.as_bytes().starts_with(&derived));
    // With the copy at hand the platform's own hashes cannot be made.
    let direct = hmac(key.as_bytes(), "ada@example.com");
    assert_ne!(hashes[0], direct);
}

fn decoded(base64: &str) -> Vec<u8> {
    piped("base64 -d", base64.as_bytes())
}

fn hmac(key: &[u8], text: &str) -> String {
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("openssl dgst -sha256 -mac HMAC -macopt hexkey:{key}");
    let said = String::from_utf8(piped(&line, text.as_bytes())).unwrap();
    said.split_whitespace()
        .last()
        .unwrap_or_default()
        .to_owned()
}

fn piped(line: &str, input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("sh")
        .args(["-c", line])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().stdout
}

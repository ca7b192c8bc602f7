//! Recorded and open sessions, as people look at them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_recording::checkpoint::SigningKey;
use portcullis_recording::crypt::RecipientPrivateKey;
use portcullis_recording::event::{self, Body, Event, SessionId, Timestamp};
use portcullis_recording::spool::SpoolConfig;
use portcullis_recording::writer::Writer;
use serde_json::{Value, json};

use crate::run::{complained, json as parsed, portcullis, proxy, said};

const SESSION: SessionId = SessionId::new([0xab; 16]);

/// A row of one text, as a client gets it.
fn row(text: &str) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
    let mut row = b"D".to_vec();
    row.extend_from_slice(&length(text.len() + 10));
    row.extend_from_slice(&[0, 1]);
    row.extend_from_slice(&length(text.len()));
    row.extend_from_slice(text.as_bytes());
    row
}

/// A state directory with one recorded session, whose operation took two seconds.
pub(crate) fn recorded(folder: &Path, recipient: Option<&RecipientPrivateKey>) -> Writer {
    let (key, pem) = SigningKey::generate().unwrap();
    std::fs::write(folder.join("signing-key.pem"), pem).unwrap();
    let mut spool = SpoolConfig::new(folder.join("spool"), "test".parse().unwrap());
    spool.recipient = recipient.map(|key| *key.public());
    let at = |seconds: u64| Timestamp(1_700_000_000_000_000 + seconds * 1_000_000);
    let writer = Writer::open(spool, key, at(0)).unwrap();
    let text = BTreeMap::from([("text".to_owned(), "SELECT secret".into())]);
    let bodies = [
        Body::SessionStarted(event::SessionStarted {
            subject: "agent".to_owned(),
            connection: "shop/orders".to_owned(),
            protocol: "PostgreSQL".to_owned(),
            ..event::SessionStarted::default()
        }),
        Body::Operation(event::Operation {
            number: 1,
            operation: text,
            decision: "allow".to_owned(),
            ..event::Operation::default()
        }),
        Body::Output(event::Output {
            number: 1,
            data: row("what was\u{202e} seen"),
            ..event::Output::default()
        }),
        Body::OperationEnded(event::OperationEnded {
            number: 1,
            outcome: "succeeded".to_owned(),
            rows: 1,
            ..event::OperationEnded::default()
        }),
    ];
    for (seconds, body) in (0..).zip(bodies) {
        let event = Event::new(SESSION, body);
        writer.append(&event, at(seconds)).unwrap();
    }
    // Signed at the first, and that is on the disk at the second.
    writer.tick(at(5)).unwrap();
    writer.tick(at(7)).unwrap();
    writer
}

fn key_file(folder: &Path, name: &str, key: &RecipientPrivateKey) -> String {
    let mut der = vec![
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20,
    ];
    der.extend_from_slice(&*key.secret_bytes().unwrap());
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    );
    let path = folder.join(name);
    std::fs::write(&path, pem).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_encrypted_session_is_read_with_its_key_and_not_without() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let (key, other) = (
        RecipientPrivateKey::generate().unwrap(),
        RecipientPrivateKey::generate().unwrap(),
    );
    drop(recorded(folder.path(), Some(&key)));
    let right = key_file(folder.path(), "right.pem", &key);
    let wrong = key_file(folder.path(), "wrong.pem", &other);
    let ask = |words: &[&str], key: Option<&str>| {
        let mut arguments = vec!["sessions"];
        arguments.extend(words);
        arguments.extend(["--state", state]);
        arguments.extend(key.into_iter().flat_map(|key| ["--key", key]));
        portcullis(&arguments)
    };
    let session = SESSION.to_string();
    let reads: [&[&str]; 4] = [
        &["show", "abab"],
        &["replay", &session],
        &["export"],
        &["list"],
    ];
    for words in reads {
        let wanted = match words[0] {
            "list" => "shop/orders",
            _ => "SELECT secret",
        };
        let open = ask(words, Some(&right));
        assert_eq!(
            open.status.code(),
            Some(0),
            "{words:?} {}",
            complained(&open)
        );
        assert!(said(&open).contains(wanted), "{words:?} {}", said(&open));
        for key in [None, Some(wrong.as_str())] {
            let closed = ask(words, key);
            assert!(!said(&closed).contains(wanted), "{words:?} {key:?}");
        }
    }
    // When it was is clear all the same.
    let list = said(&ask(&["list"], None));
    assert!(
        list.contains("2023-11-14") && list.contains("unreadable"),
        "{list}"
    );
    // The chain covers what was encrypted; only with a key must it open too.
    for (key, code) in [(None, 0), (Some(&right), 0), (Some(&wrong), 1)] {
        let verified = ask(&["verify"], key.map(String::as_str));
        assert_eq!(verified.status.code(), Some(code), "{}", said(&verified));
        let named = format!("session {SESSION} cannot be read: the private key ");
        assert_eq!(
            said(&verified).contains(&named),
            code == 1,
            "{}",
            said(&verified)
        );
    }
    let none = ask(&["show", "abab"], Some("/dev/null"));
    assert_eq!(none.status.code(), Some(2));
    assert!(
        complained(&none).contains("/dev/null: "),
        "{}",
        complained(&none)
    );
}

#[test]
fn a_replay_tells_what_was_seen_and_waits_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    drop(recorded(folder.path(), None));
    let state = folder.path().to_str().unwrap();
    let begun = Instant::now();
    let plain = portcullis(&["sessions", "replay", "abab", "--state", state]);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "nothing waits in a pipe"
    );
    let told = said(&plain);
    let lines: Vec<&str> = told.lines().map(str::trim).collect();
    assert_eq!(lines.len(), 5, "{told}");
    assert!(lines[0].contains("session agent at shop/orders"), "{told}");
    assert!(lines[1].ends_with("1 allow SELECT secret"), "{told}");
    assert_eq!(lines[3], "what was\\u{202e} seen");
    assert!(lines[4].contains("1 succeeded, 1 rows"), "{told}");
    assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}'));

    let machine =
        |format| portcullis(&["sessions", "replay", "abab", "--state", state, "-o", format]);
    let lines = said(&machine("json"));
    let kinds: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].to_string())
        .collect();
    assert_eq!(kinds.len(), 4, "{lines}");
    assert_eq!(kinds[1], "\"operation\"");
    assert_eq!(said(&machine("yaml")).matches("---\n").count(), 4);

    let begun = Instant::now();
    let fast = [
        "sessions", "replay", "abab", "--state", state, "--speed", "3",
    ];
    let waited = portcullis(&fast);
    assert_eq!(said(&waited), told);
    assert!(
        begun.elapsed() >= Duration::from_millis(990),
        "{:?}",
        begun.elapsed()
    );
    let standing = [
        "sessions", "replay", "abab", "--state", state, "--speed", "0",
    ];
    let refused = portcullis(&standing);
    assert_eq!(refused.status.code(), Some(2));
    assert!(complained(&refused).contains("a speed is a number above 0"));
}

#[test]
fn a_tail_that_was_cut_off_after_a_head_went_out_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let writer = recorded(folder.path(), None);
    let head = writer.head().unwrap();
    drop(writer);
    let heads = folder.path().join("heads");
    std::fs::write(&heads, format!("v0 half of a li\n{head}\n")).unwrap();
    let heads = heads.to_str().unwrap();
    let verify = |more: &[&str]| {
        let arguments = [&["sessions", "verify", "--state", state], more].concat();
        portcullis(&arguments)
    };
    let whole = verify(&["--heads", heads]);
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    assert!(complained(&whole).contains("heads: line 1: a head is"));

    let spool = folder.path().join("spool");
    let writers = std::fs::read_dir(&spool).unwrap();
    let mut paths = writers.map(|entry| entry.unwrap().path());
    let segment = paths.find_map(|path| {
        let segment = path.join(format!("{:020}.seg", 1));
        segment.exists().then_some(segment)
    });
    let segment = segment.unwrap();
    let bytes = std::fs::read(&segment).unwrap();
    let frames = frames(&bytes);
    // The checkpoint, and the end of the operation before it.
    let start = frames[frames.len() - 2];
    std::fs::write(&segment, &bytes[..start]).unwrap();
    let unseen = verify(&[]);
    assert_eq!(
        unseen.status.code(),
        Some(0),
        "without a head nobody can tell"
    );
    let cut = verify(&["--heads", heads]);
    assert_eq!(cut.status.code(), Some(1), "{}", said(&cut));
    let named = "the record ends at frame 4, but its head at frame 6 was anchored";
    assert!(said(&cut).contains(named), "{}", said(&cut));
    assert_eq!(verify(&["--heads", "/dev/null"]).status.code(), Some(2));
}

/// Where frames begin in a segment.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut at = b"PCLREC".len() + 2;
    let mut frames = Vec::new();
    while at + 4 <= bytes.len() {
        frames.push(at);
        let length = bytes[at..at + 4].try_into().unwrap();
        at += 4 + usize::try_from(u32::from_le_bytes(length)).unwrap();
    }
    frames
}

fn open(session: &str) -> Value {
    json!({
        "session": session, "subject": "agent", "namespace": "shop", "connection": "orders",
        "protocol": "PostgreSQL", "startedAt": 1_700_000_000, "operations": 3,
        "client": "127.0.0.1",
    })
}

#[test]
fn open_sessions_are_listed_and_killed_by_the_first_digits() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let (one, two) = ("ab".repeat(16), "ac".repeat(16));
    let listed = json!({ "ok": true, "sessions": [open(&one), open(&two)] });
    let no = json!({ "ok": false, "error": "dave may not look after sessions" });
    let proxy = proxy(
        folder.path(),
        vec![
            vec![listed.clone()],
            vec![listed.clone()],
            vec![listed.clone()],
            vec![json!({ "ok": true })],
            vec![listed],
            vec![no],
            vec![json!({ "ok": true })],
        ],
    );
    let table = portcullis(&["sessions", "list", "--open", "--state", state]);
    let told = said(&table);
    assert!(
        told.contains("abababababab  2023-11-14 22:13:20Z  agent    shop/orders"),
        "{told}"
    );
    let machine = parsed(&portcullis(&[
        "sessions", "list", "--open", "--state", state, "-o", "json",
    ]));
    assert_eq!(machine[0]["startedAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(machine[0]["namespace"], "shop");
    assert_eq!(machine[0]["connection"], "orders");
    let kill = |digits: &str| {
        portcullis(&[
            "sessions", "kill", digits, "--state", state, "--reason", "why",
        ])
    };
    let killed = kill("ac");
    assert_eq!(said(&killed), format!("{two} is ended\n"));
    let several = kill("a");
    assert_eq!(several.status.code(), Some(2));
    assert!(complained(&several).contains("several open sessions begin with a"));
    let refused = kill(&one);
    assert_eq!(refused.status.code(), Some(2));
    assert!(complained(&refused).contains("dave may not look after sessions"));
    let machine = portcullis(&[
        "sessions", "kill", &two, "--state", state, "--reason", "why", "-o", "json",
    ]);
    let told = json!({ "session": two, "ended": true, "reason": "why" });
    assert_eq!(parsed(&machine), told);
    let heard = proxy.join().unwrap();
    let asked = json!({ "verb": "kill", "session": two, "reason": "why" });
    assert_eq!(heard[3], asked);
    let store = ["sessions", "list", "--open", "--store", state];
    assert_eq!(portcullis(&store).status.code(), Some(2));
    let silent = ["sessions", "kill", "ab", "--state", state];
    assert_eq!(
        portcullis(&silent).status.code(),
        Some(2),
        "a reason is asked for"
    );
}

#[test]
fn a_tail_tells_operations_decisions_and_rows_until_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let session = "ab".repeat(16);
    let operation = |number: u64, decision: &str, text: &str, class: &str, rule: &str| {
        json!({ "operation": {
            "number": number, "decision": decision, "text": text, "class": class, "rule": rule,
        }})
    };
    let first = json!({ "ok": true, "session": open(&session) });
    let output = json!({ "output": {
        "number": 1, "data": STANDARD.encode(row("clear")), "leftOut": 0,
    }});
    let told = vec![
        first.clone(),
        operation(1, "allow", "SELECT\u{1b}[2J 1", "", ""),
        output,
        json!({ "end": { "number": 1, "outcome": "succeeded" } }),
        operation(2, "deny", "DELETE", "PolicyDenied", "shop/rules none"),
        json!({ "missed": 7 }),
        json!({ "over": true }),
    ];
    let proxy = proxy(
        folder.path(),
        vec![
            told.clone(),
            told,
            vec![first.clone()],
            vec![first, json!({ "ok": false, "error": "not any more" })],
        ],
    );
    let tail = || portcullis(&["sessions", "tail", &session, "--state", state]);
    let machine = portcullis(&["sessions", "tail", &session, "--state", state, "-o", "json"]);
    assert_eq!(machine.status.code(), Some(0), "{}", complained(&machine));
    let lines: Vec<serde_json::Value> = said(&machine)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0]["session"]["session"], session.as_str());
    assert_eq!(lines[1]["operation"]["decision"], "allow");
    assert_eq!(lines[6], json!({ "over": true }));
    let whole = tail();
    assert_eq!(whole.status.code(), Some(0), "{}", complained(&whole));
    let expected = format!(
        "session {session} of agent at shop/orders\n   \
         1 allow SELECT\\u{{1b}}[2J 1\n       clear\n   1 succeeded\n   2 deny  DELETE\n     \
         PolicyDenied shop/rules none\n7 lines were lost: they were not read in time\n\
         the session is over\n"
    );
    assert_eq!(said(&whole), expected);
    let cut = tail();
    assert_eq!(cut.status.code(), Some(2));
    assert!(complained(&cut).contains("the proxy tells no more"));
    let refused = tail();
    assert_eq!(refused.status.code(), Some(2));
    assert!(complained(&refused).contains("not any more"));
    let heard = proxy.join().unwrap();
    assert_eq!(
        heard[0],
        json!({ "verb": "tail", "session": session, "reason": "" })
    );
}

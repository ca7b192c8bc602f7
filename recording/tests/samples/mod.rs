//! One event of every kind, with every field filled, as the golden files hold them.

use portcullis_recording::event::{
    AdminAct, Approval, Body, Event, Input, LaterField, Map, Notice, Operation, OperationEnded,
    Output, SessionEnded, SessionId, SessionStarted, Stream, Terminal, Value, notice,
};

pub(crate) const SESSION: SessionId = SessionId::new(*b"golden session 1");

pub(crate) fn map(pairs: &[(&str, Value)]) -> Map {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn attributes() -> Map {
    map(&[
        ("bytes", Value::Bytes(vec![0, 1, 0xfe, 0xff])),
        (
            "later",
            Value::Opaque {
                tag: 200,
                bytes: b"not known yet".to_vec(),
            },
        ),
        (
            "numbers",
            vec![0_i64, -1, 1, 63, 64, -64, -65, i64::MAX, i64::MIN].into(),
        ),
        ("text", "größer — \u{202e}".into()),
        (
            "whole",
            map(&[
                ("empty", Value::Text(String::new())),
                ("list", Value::List(vec![])),
            ])
            .into(),
        ),
    ])
}

fn operation() -> Map {
    let access = map(&[
        ("effect", "Read".into()),
        ("kind", "table".into()),
        ("segments", vec!["public", "orders"].into()),
    ]);
    map(&[
        ("accesses", Value::List(vec![access.into()])),
        ("effect", "Read".into()),
        ("text", "SELECT id FROM orders WHERE id = 1".into()),
        ("verb", "SELECT".into()),
    ])
}

/// Every kind by the name of its golden file.
pub(crate) fn events() -> Vec<(&'static str, Event)> {
    let in_session = |body| Event::new(SESSION, body);
    vec![
        (
            "session-started",
            in_session(Body::SessionStarted(started())),
        ),
        ("operation", in_session(Body::Operation(judged()))),
        ("operation-ended", in_session(Body::OperationEnded(ended()))),
        ("output", in_session(Body::Output(output()))),
        ("input", in_session(Body::Input(input()))),
        (
            "terminal-input",
            in_session(terminal(Stream::Input, b"ls\r")),
        ),
        (
            "terminal-output",
            in_session(terminal(Stream::Output, b"a  b\x1b[0m\r\n")),
        ),
        (
            "terminal-error",
            in_session(terminal(Stream::Error, b"no\n")),
        ),
        (
            "terminal-resize",
            in_session(terminal(Stream::Resize, b"80x24")),
        ),
        (
            "terminal-marker",
            in_session(terminal(Stream::Marker, b"here")),
        ),
        (
            "terminal-later",
            in_session(terminal(Stream::Other(77), b"?")),
        ),
        ("approval", in_session(Body::Approval(approval()))),
        (
            "admin-act",
            Event::new(SessionId::NONE, Body::AdminAct(admin_act())),
        ),
        (
            "session-ended",
            in_session(Body::SessionEnded(session_ended())),
        ),
        (
            "notice",
            Event::new(SessionId::NONE, Body::Notice(clock_notice())),
        ),
        ("empty", in_session(Body::Operation(Operation::default()))),
        ("later-fields", later_fields()),
        (
            "later-kind",
            in_session(Body::Unknown {
                kind: 900,
                payload: b"anything".to_vec(),
            }),
        ),
    ]
}

fn started() -> SessionStarted {
    SessionStarted {
        subject: "oidc:alice@corp".into(),
        actor: "agent-7".into(),
        groups: vec!["dev".into(), String::new(), "oncall".into()],
        connection: "shop/orders".into(),
        protocol: "example".into(),
        client_address: "[2001:db8::7]:50000".into(),
        attributes: attributes(),
    }
}

fn judged() -> Operation {
    Operation {
        number: 300,
        operation: operation(),
        decision: "deny".into(),
        class: "PolicyDenied".into(),
        policy: "shop/no-ddl".into(),
        rule: "no-drop".into(),
        hash: vec![0xab; 32],
        revision: "sha256:00ff".into(),
        attributes: attributes(),
    }
}

fn ended() -> OperationEnded {
    OperationEnded {
        number: 300,
        outcome: "ok".into(),
        rows: 127,
        bytes: 128,
        duration_micros: u64::MAX,
        attributes: attributes(),
    }
}

fn output() -> Output {
    Output {
        number: 300,
        offset: 65_536,
        data: vec![7; 200],
        omitted_bytes: 9,
        omitted_rows: 2,
    }
}

fn input() -> Input {
    Input {
        number: 300,
        offset: 65_536,
        data: b"7\tseven\n".repeat(30),
        omitted_bytes: 9,
    }
}

fn terminal(stream: Stream, data: &[u8]) -> Body {
    Body::Terminal(Terminal {
        stream,
        data: data.to_vec(),
    })
}

fn approval() -> Approval {
    Approval {
        number: 300,
        request: "orders-0123456789abcdef-1".into(),
        fact: "approved".into(),
        decider: "oidc:bob@corp".into(),
        reason: "looks fine".into(),
        attributes: attributes(),
    }
}

fn admin_act() -> AdminAct {
    AdminAct {
        act: "kill".into(),
        actor: "oidc:carol@corp".into(),
        target: SESSION.to_string(),
        reason: "leaving".into(),
        attributes: attributes(),
    }
}

fn session_ended() -> SessionEnded {
    SessionEnded {
        outcome: "closed".into(),
        reason: "client left".into(),
        operations: 300,
        attributes: attributes(),
    }
}

fn clock_notice() -> Notice {
    let attributes = map(&[("from", 2_i64.into()), ("to", 1_i64.into())]);
    Notice {
        what: notice::CLOCK_STEPPED_BACK.into(),
        attributes,
    }
}

fn later_fields() -> Event {
    let later = vec![
        LaterField {
            number: 100,
            bytes: b"of a later version".to_vec(),
        },
        LaterField {
            number: 70_000,
            bytes: Vec::new(),
        },
    ];
    Event {
        later,
        ..Event::new(SESSION, Body::OperationEnded(ended()))
    }
}

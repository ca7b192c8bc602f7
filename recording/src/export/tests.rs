use serde_json::{Value as Json, json};

use super::*;
use crate::event::{
    Body, Event, Input, LaterField, Operation, Output, SessionEnded, SessionStarted, Stream,
    Terminal, Timestamp, Value,
};
use crate::reader::{KeyError, Payload, Record, Unreadable};

/// 2026-11-21 04:37:58 UTC.
const START: u64 = 1_795_235_878_000_000;

fn record(after_micros: u64, body: Body) -> Record {
    told(
        after_micros,
        Payload::Event(Box::new(Event::new(SessionId::new([7; 16]), body))),
    )
}

fn told(after_micros: u64, payload: Payload) -> Record {
    Record {
        writer: "w".parse().unwrap(),
        segment: 3,
        sequence: 9,
        time: Timestamp(START + after_micros),
        session: SessionId::new([7; 16]),
        payload,
    }
}

fn terminal(after_micros: u64, stream: Stream, data: &[u8]) -> Record {
    record(
        after_micros,
        Body::Terminal(Terminal {
            stream,
            data: data.to_vec(),
        }),
    )
}

fn attribute(name: &str, value: Value) -> crate::event::Map {
    [(name.to_owned(), value)].into()
}

fn line(record: &Record) -> String {
    let mut lines = JsonLines::new(Vec::new());
    lines.record(record).unwrap();
    String::from_utf8(lines.finish().unwrap()).unwrap()
}

fn event_of(record: &Record) -> Json {
    serde_json::from_str::<Json>(&line(record)).unwrap()["event"].take()
}

fn cast(records: &[Record]) -> Vec<String> {
    let mut cast = Asciicast::new(Vec::new());
    records
        .iter()
        .for_each(|record| cast.record(record).unwrap());
    let text = String::from_utf8(cast.finish().unwrap()).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

/// The lines after the header.
fn played(records: &[Record]) -> Vec<String> {
    cast(records).split_off(1)
}

// === JSON lines ===

#[test]
fn line_tells_where_when_and_what() {
    let body = Body::Operation(Operation {
        number: 4,
        operation: attribute("text", "SELECT 1".into()),
        decision: "deny".to_owned(),
        hash: vec![0xab, 1],
        ..Operation::default()
    });
    let line = line(&record(1_500, body));
    let expected = json!({
        "writer": "w", "segment": 3, "sequence": 9, "kind": "operation",
        "time": "2026-11-21T04:37:58.001500Z", "session": "07".repeat(16),
        "event": {
            "number": 4, "operation": {"text": "SELECT 1"}, "decision": "deny", "class": "",
            "policy": "", "rule": "", "hash": "ab01", "revision": "", "attributes": {},
        },
    });
    assert_eq!(serde_json::from_str::<Json>(&line).unwrap(), expected);
    assert_eq!(line.matches('\n').count(), 1);
}

#[test]
fn bytes_that_are_no_text_are_base64() {
    let output = |data: &[u8]| {
        let body = Output {
            data: data.to_vec(),
            ..Output::default()
        };
        event_of(&record(0, Body::Output(body)))["data"].take()
    };
    assert_eq!(output("größer\n".as_bytes()), json!("größer\n"));
    assert_eq!(output(&[0xff, 0, 1]), json!({"$base64": "/wAB"}));
    // Half a character.
    assert_eq!(output(&[b'g', 0xc3]), json!({"$base64": "Z8M="}));
}

#[test]
fn what_a_client_sent_is_told_apart_from_what_it_saw() {
    let body = Input {
        number: 4,
        offset: 10,
        data: b"1\ta\n".to_vec(),
        omitted_bytes: 3,
    };
    let line = line(&record(0, Body::Input(body)));
    let told: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(told["kind"], "input");
    let expected = json!({"number": 4, "offset": 10, "data": "1\ta\n", "omittedBytes": 3});
    assert_eq!(told["event"], expected);
}

#[test]
fn values_of_every_sort_are_told_apart() {
    let started = |attributes| SessionStarted {
        attributes,
        ..SessionStarted::default()
    };
    let told = |value: Value| {
        let body = Body::SessionStarted(started(attribute("x", value)));
        event_of(&record(0, body))["attributes"]["x"].take()
    };
    assert_eq!(
        told(Value::Bytes(b"text".to_vec())),
        json!({"$base64": "dGV4dA=="})
    );
    assert_eq!(told(i64::MIN.into()), json!(i64::MIN));
    assert_eq!(told(vec!["a", "b"].into()), json!(["a", "b"]));
    let opaque = Value::Opaque {
        tag: 200,
        bytes: vec![1],
    };
    assert_eq!(told(opaque), json!({"$tag": 200, "$base64": "AQ=="}));
    // A name that looks like ours is one dollar longer.
    assert_eq!(
        told(attribute("$base64", "x".into()).into()),
        json!({"$$base64": "x"})
    );
}

#[test]
fn what_a_later_version_wrote_is_kept() {
    let mut event = Event::new(
        SessionId::NONE,
        Body::Unknown {
            kind: 99,
            payload: vec![1, 2],
        },
    );
    event.later = vec![LaterField {
        number: 40,
        bytes: vec![3],
    }];
    let line = line(&told(0, Payload::Event(Box::new(event))));
    let line: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(line["kind"], json!(99));
    assert_eq!(line["event"]["payload"], json!({"$base64": "AQI="}));
    assert_eq!(
        line["event"]["later"],
        json!([{"number": 40, "bytes": {"$base64": "Aw=="}}])
    );
}

#[test]
fn event_that_cannot_be_read_is_told_with_its_reason() {
    let why = Unreadable::Key(KeyError::Missing);
    let line = line(&told(0, Payload::Unreadable { kind: 17, why }));
    let line: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(line["kind"], "operation");
    let expected = "the session's key is not in the store: it was destroyed, or has not arrived";
    assert_eq!(line["unreadable"], expected);
    assert_eq!(line.get("event"), None);
}

#[test]
fn characters_that_hide_or_turn_text_are_escaped() {
    let hostile = "a\u{1b}[2J\u{9b}b\u{202e}c\u{2066}\u{200b}\u{feff}\u{e0041}\u{7f}\u{2028}";
    let line = line(&terminal(0, Stream::Output, hostile.as_bytes()));
    assert!(line.is_ascii(), "{line}");
    assert!(
        line.trim_end()
            .bytes()
            .all(|byte| (0x20..0x7f).contains(&byte)),
        "{line}"
    );
    let value: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(value["event"]["data"], hostile);
    // Other letters are left as they are.
    let line = self::line(&terminal(0, Stream::Output, "größer 日本 🙂".as_bytes()));
    assert!(line.contains("größer 日本 🙂"), "{line}");
}

#[test]
fn times_are_written_as_calendars_have_them() {
    let cases = [
        (0, "1970-01-01T00:00:00.000000Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
        (951_868_799_999_999, "2000-02-29T23:59:59.999999Z"),
        (951_868_800_000_000, "2000-03-01T00:00:00.000000Z"),
        (4_107_542_399_000_001, "2100-02-28T23:59:59.000001Z"),
        (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        (START, "2026-11-21T04:37:58.000000Z"),
        (u64::MAX, "586524-01-19T08:01:49.551615Z"),
    ];
    for (micros, text) in cases {
        assert_eq!(time::rfc3339(Timestamp(micros)), text);
    }
}

// === asciicast ===

#[test]
fn terminal_session_becomes_an_asciicast() {
    let started = SessionStarted {
        subject: "ana".to_owned(),
        connection: "web-1".to_owned(),
        attributes: attribute(TERM_ATTRIBUTE, "xterm-256color".into()),
        ..SessionStarted::default()
    };
    let ended = SessionEnded {
        attributes: attribute(EXIT_STATUS_ATTRIBUTE, 3_i64.into()),
        ..SessionEnded::default()
    };
    let lines = cast(&[
        record(0, Body::SessionStarted(started)),
        terminal(10_000, Stream::Resize, b"120x40"),
        terminal(20_000, Stream::Output, b"$ "),
        terminal(1_520_000, Stream::Input, b"ls\r"),
        terminal(1_520_001, Stream::Error, b"no\r\n"),
        terminal(1_600_000, Stream::Resize, b"80x24"),
        terminal(1_600_000, Stream::Marker, b"here"),
        record(2_600_000, Body::SessionEnded(ended)),
    ]);
    let header: Json = serde_json::from_str(&lines[0]).unwrap();
    let expected = json!({
        "version": 3, "timestamp": START / 1_000_000, "title": "ana at web-1",
        "term": {"cols": 120, "rows": 40, "type": "xterm-256color"},
    });
    assert_eq!(header, expected);
    let expected = [
        r#"[0.020000, "o", "$ "]"#,
        r#"[1.500000, "i", "ls\r"]"#,
        r#"[0.000001, "o", "no\r\n"]"#,
        r#"[0.079999, "r", "80x24"]"#,
        r#"[0.000000, "m", "here"]"#,
        r#"[1.000000, "x", "3"]"#,
    ];
    assert_eq!(lines[1..], expected);
}

#[test]
fn size_is_the_default_where_none_was_told() {
    for records in [vec![], vec![terminal(0, Stream::Output, b"x")]] {
        let header: Json = serde_json::from_str(&cast(&records)[0]).unwrap();
        assert_eq!(header["term"], json!({"cols": 80, "rows": 24}));
    }
}

#[test]
fn character_cut_in_pieces_is_put_together_at_its_last_piece() {
    let bytes = "🙂".as_bytes();
    let records: Vec<Record> = (0..4)
        .map(|at| terminal(at * 1_000, Stream::Output, &bytes[at as usize..][..1]))
        .collect();
    assert_eq!(played(&records), [r#"[0.003000, "o", "🙂"]"#]);
    // Input between the pieces is another text.
    let records = [
        terminal(0, Stream::Output, &bytes[..2]),
        terminal(1_000, Stream::Input, &[0xc3]),
        terminal(2_000, Stream::Output, &bytes[2..]),
        terminal(3_000, Stream::Input, &[0xa4]),
    ];
    assert_eq!(
        played(&records),
        [r#"[0.002000, "o", "🙂"]"#, r#"[0.001000, "i", "ä"]"#]
    );
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such() {
    let records = [
        terminal(0, Stream::Output, b"a\xffb\xc3(c\xf0\x9f"),
        terminal(1_000, Stream::Output, b"d\xed\xa0\x80"),
        // Never completed.
        terminal(2_000, Stream::Output, b"\xe2\x82"),
    ];
    let expected = [
        "[0.000000, \"o\", \"a\u{fffd}b\u{fffd}(c\"]",
        "[0.001000, \"o\", \"\u{fffd}d\u{fffd}\u{fffd}\u{fffd}\"]",
        "[0.000000, \"o\", \"\u{fffd}\"]",
    ];
    assert_eq!(played(&records), expected);
}

#[test]
fn text_cut_at_any_place_reads_the_same() {
    let text = "aß日🙂é\u{1b}[1mz";
    for one in 0..=text.len() {
        for two in one..=text.len() {
            let bytes = text.as_bytes();
            let pieces = [&bytes[..one], &bytes[one..two], &bytes[two..]];
            let records: Vec<Record> = pieces
                .iter()
                .map(|piece| terminal(0, Stream::Output, piece))
                .collect();
            let shown: String = played(&records)
                .iter()
                .map(|line| {
                    serde_json::from_str::<Json>(line).unwrap()[2]
                        .as_str()
                        .unwrap()
                        .to_owned()
                })
                .collect();
            assert_eq!(shown, text, "cut at {one} and {two}");
        }
    }
}

#[test]
fn clock_that_stepped_back_gives_no_negative_interval() {
    let records = [
        terminal(5_000_000, Stream::Output, b"a"),
        terminal(1_000_000, Stream::Output, b"b"),
        terminal(1_500_000, Stream::Output, b"c"),
    ];
    let intervals: Vec<Json> = played(&records)
        .iter()
        .map(|line| serde_json::from_str::<Json>(line).unwrap()[0].take())
        .collect();
    assert_eq!(intervals, [json!(0.0), json!(0.0), json!(0.5)]);
}

#[test]
fn sizes_are_checked_at_their_limits() {
    for good in ["1x1", "65535x65535"] {
        let lines = played(&[
            terminal(0, Stream::Output, b"x"),
            terminal(0, Stream::Resize, good.as_bytes()),
        ]);
        assert_eq!(lines[1], format!("[0.000000, \"r\", \"{good}\"]"));
    }
    for bad in [
        "0x1", "1x0", "65536x1", "1x65536", "80", "80x", "x24", "80x24x1", "+80x24", "", "80X24",
    ] {
        let lines = played(&[terminal(0, Stream::Resize, bad.as_bytes())]);
        let expected = format!("[0.000000, \"m\", \"no size of a terminal: {bad}\"]");
        assert_eq!(lines, [expected]);
    }
}

#[test]
fn operations_and_what_cannot_be_read_are_marks() {
    let operation = Operation {
        operation: attribute("text", "rm -rf /".into()),
        decision: "deny".to_owned(),
        ..Operation::default()
    };
    let why = Unreadable::Key(KeyError::Missing);
    let lines = played(&[
        record(0, Body::Operation(operation)),
        record(
            0,
            Body::Operation(Operation {
                decision: "allow".to_owned(),
                ..Operation::default()
            }),
        ),
        told(0, Payload::Unreadable { kind: 20, why }),
        terminal(0, Stream::Other(9), b"later"),
    ]);
    assert_eq!(lines[0], r#"[0.000000, "m", "deny: rm -rf /"]"#);
    assert_eq!(lines[1], r#"[0.000000, "m", "allow"]"#);
    assert!(lines[2].starts_with(r#"[0.000000, "m", "unreadable: the session's key"#));
    assert_eq!(
        lines[3],
        r#"[0.000000, "m", "5 bytes of stream 9 of a later version"]"#
    );
}

#[test]
fn second_session_is_refused() {
    let mut cast = Asciicast::new(Vec::new());
    cast.record(&terminal(0, Stream::Output, b"x")).unwrap();
    let mut other = terminal(0, Stream::Output, b"x");
    other.session = SessionId::new([8; 16]);
    assert!(matches!(
        cast.record(&other),
        Err(ExportError::OtherSession { .. })
    ));
}

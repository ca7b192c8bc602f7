//! How fast a record is verified, read and sealed, and what it takes in a store.
//!
//! The sizes are printed first. Both recordings are made up: 100,000 point selects and updates in
//! 50 sessions, and a terminal session of listings, builds and an editor's screen.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a bench"
)]

use std::fs;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use portcullis_recording::checkpoint::{Head, SigningKey};
use portcullis_recording::crypt::{RecipientKey, RecipientPrivateKey};
use portcullis_recording::event::{
    Body, Event, Operation, SessionId, SessionStarted, Stream, Terminal, Timestamp, Value,
};
use portcullis_recording::format::{Frame, Parsed, decode_event, strip_file_header};
use portcullis_recording::seal::{seal, unseal};
use portcullis_recording::spool::SpoolConfig;
use portcullis_recording::verify::{Trust, Verdict, WriterCheck};
use portcullis_recording::writer::Writer;

const OPERATIONS: u64 = 100_000;

/// A record as the spool has it, and as the store gets it.
struct Recording {
    key: SigningKey,
    head: Head,
    events: u64,
    /// Of the events as a caller gives them: texts and data alone.
    content: u64,
    raw: Vec<Vec<u8>>,
    sealed: Vec<Vec<u8>>,
}

static SQL: LazyLock<Recording> = LazyLock::new(|| Recording::new(None, statements()));
static TERMINAL: LazyLock<Recording> = LazyLock::new(|| Recording::new(None, screens()));

fn main() {
    let private = RecipientPrivateKey::generate().unwrap();
    let recipient = Some(*private.public());
    println!(
        "{:<34}{:>9}{:>10}{:>10}{:>10}{:>12}",
        "bytes", "events", "content", "spool", "store", "per event"
    );
    SQL.print("100,000 operations");
    Recording::new(recipient, statements()).print("100,000 operations, encrypted");
    TERMINAL.print("terminal session");
    Recording::new(recipient, screens()).print("terminal session, encrypted");
    divan::main();
}

#[divan::bench]
fn verify_raw(bencher: Bencher<'_, '_>) {
    let bytes: usize = SQL.raw.iter().map(Vec::len).sum();
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| SQL.verify(&SQL.raw));
}

#[divan::bench]
fn verify_from_store(bencher: Bencher<'_, '_>) {
    let bytes: usize = SQL.raw.iter().map(Vec::len).sum();
    let raw = || {
        SQL.sealed
            .iter()
            .map(|sealed| unseal(sealed).unwrap())
            .collect::<Vec<_>>()
    };
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| SQL.verify(&raw()));
}

#[divan::bench]
fn seal_segments(bencher: Bencher<'_, '_>) {
    let bytes: usize = SQL.raw.iter().map(Vec::len).sum();
    let bencher = bencher.counter(BytesCount::new(bytes));
    bencher.bench(|| {
        SQL.raw
            .iter()
            .map(|raw| seal(raw).unwrap().len())
            .sum::<usize>()
    });
}

#[divan::bench]
fn unseal_segments(bencher: Bencher<'_, '_>) {
    let bytes: usize = SQL.raw.iter().map(Vec::len).sum();
    let bencher = bencher.counter(BytesCount::new(bytes));
    bencher.bench(|| {
        SQL.sealed
            .iter()
            .map(|packed| unseal(packed).unwrap().len())
            .sum::<usize>()
    });
}

#[divan::bench]
fn decode_events(bencher: Bencher<'_, '_>) {
    let bencher = bencher.counter(ItemsCount::new(SQL.events));
    bencher.bench(|| SQL.raw.iter().map(|raw| decode(raw)).sum::<usize>());
}

fn decode(raw: &[u8]) -> usize {
    let mut rest = strip_file_header(raw).unwrap();
    let mut count = 0;
    while let Ok(Parsed::Frame {
        frame,
        rest: behind,
    }) = Frame::parse(rest)
    {
        if frame.is_event() {
            divan::black_box(decode_event(&frame.header, frame.payload).unwrap());
            count += 1;
        }
        rest = behind;
    }
    count
}

impl Recording {
    fn new(recipient: Option<RecipientKey>, events: impl Iterator<Item = (u64, Event)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key, pem) = SigningKey::generate().unwrap();
        let mut config = SpoolConfig::new(folder.path(), "bench".parse().unwrap());
        config.recipient = recipient;
        config.max_subject_bytes = config.max_bytes;
        let begin = 1_794_000_000_000_000;
        let writer = Writer::open(config, key, Timestamp(begin)).unwrap();
        let (mut now, mut count, mut content) = (begin, 0, 0);
        for (after, event) in events {
            now += after;
            content += match &event.body {
                Body::Operation(operation) => text(operation).len() as u64,
                Body::Terminal(terminal) => terminal.data.len() as u64,
                _ => 0,
            };
            count += 1;
            writer.append(&event, Timestamp(now)).unwrap();
            if count % 1_000 == 0 {
                writer.tick(Timestamp(now)).unwrap();
            }
        }
        writer.seal(Timestamp(now)).unwrap();
        let raw: Vec<Vec<u8>> = writer
            .sealed()
            .unwrap()
            .iter()
            .map(|segment| fs::read(&segment.path).unwrap())
            .collect();
        let sealed = raw.iter().map(|raw| seal(raw).unwrap()).collect();
        let (key, head) = (SigningKey::from_pem(&pem).unwrap(), writer.head().unwrap());
        Self {
            key,
            head,
            events: count,
            content,
            raw,
            sealed,
        }
    }

    fn verify(&self, raw: &[Vec<u8>]) {
        let keys = [self.key.public()].into_iter().collect();
        let trust = Trust {
            keys,
            anchors: vec![self.head.clone()],
            ..Trust::default()
        };
        let mut check = WriterCheck::new(self.head.writer.clone(), &trust);
        for (number, bytes) in (1..).zip(raw) {
            check.segment(number, bytes);
        }
        assert_eq!(check.finish().verdict(), Verdict::Intact);
    }

    fn print(&self, name: &str) {
        let sum = |segments: &[Vec<u8>]| segments.iter().map(Vec::len).sum::<usize>();
        let (raw, sealed) = (sum(&self.raw), sum(&self.sealed));
        let each = sealed as f64 / self.events as f64;
        let (events, content) = (self.events, self.content);
        println!("{name:<34}{events:>9}{content:>10}{raw:>10}{sealed:>10}{each:>12.1}");
    }
}

fn text(operation: &Operation) -> &str {
    match operation.operation.get("text") {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

fn started(session: u8) -> (u64, Event) {
    let subject = format!("agent-{session}");
    let body = Body::SessionStarted(SessionStarted {
        subject,
        ..SessionStarted::default()
    });
    (1_000, Event::new(SessionId::new([session; 16]), body))
}

/// A whole operation each, as a gate records it: accesses, effect, verb, text.
fn statements() -> impl Iterator<Item = (u64, Event)> {
    let operation = |number: u64| {
        let (verb, effect, text) = if number % 5 == 4 {
            let text = format!(
                "UPDATE orders SET state = 'sent' WHERE id = {}",
                number * 7_919 % 1_000_003
            );
            ("UPDATE", "Write", text)
        } else {
            let id = number * 104_729 % 1_000_003;
            let text =
                format!("SELECT id, name, total FROM orders WHERE customer_id = {id} LIMIT 50");
            ("SELECT", "Read", text)
        };
        let access = [
            ("effect", effect.into()),
            ("kind", "table".into()),
            ("segments", vec!["shop", "public", "orders"].into()),
        ];
        let access = Value::Map(
            access
                .map(|(name, value): (_, Value)| (name.to_owned(), value))
                .into(),
        );
        let fields = [
            ("accesses", Value::List(vec![access])),
            ("effect", effect.into()),
            ("text", text.into()),
            ("verb", verb.into()),
        ];
        let body = Body::Operation(Operation {
            number,
            operation: fields.map(|(name, value)| (name.to_owned(), value)).into(),
            decision: "allow".to_owned(),
            policy: "shop/agents".to_owned(),
            rule: "reads".to_owned(),
            revision: "5f1c9e0b".to_owned(),
            ..Operation::default()
        });
        (
            400 + number % 37,
            Event::new(SessionId::new([session_of(number); 16]), body),
        )
    };
    (1..=50).map(started).chain((0..OPERATIONS).map(operation))
}

fn session_of(number: u64) -> u8 {
    u8::try_from(number % 50 + 1).unwrap()
}

/// Key by key in, and back in pieces of a line to a screen.
fn screens() -> impl Iterator<Item = (u64, Event)> {
    let piece = |number: u64| {
        let (stream, data) = match number % 8 {
            0..=3 => (
                Stream::Input,
                vec![b"ls -la\r"[usize::try_from(number % 7).unwrap()]],
            ),
            4 => (Stream::Output, listing(number).into_bytes()),
            5 | 6 => (
                Stream::Output,
                format!(
                    "   Compiling crate-{} v0.{}.{}\r\n",
                    number % 311,
                    number % 17,
                    number % 5
                )
                .into_bytes(),
            ),
            _ => (Stream::Output, screen(number).into_bytes()),
        };
        let body = Body::Terminal(Terminal { stream, data });
        (
            90_000 + number % 1_009 * 100,
            Event::new(SessionId::new([1; 16]), body),
        )
    };
    std::iter::once(started(1)).chain((0..20_000).map(piece))
}

fn listing(number: u64) -> String {
    let line = |at: u64| {
        let size = (number * 31 + at) * 2_654_435_761 % 99_991;
        format!(
            "-rw-r--r--  1 ana  staff  {size:>6} Nov {:>2} 1{}:{:02} file-{at:03}.rs\r\n",
            at % 28 + 1,
            at % 10,
            size % 60
        )
    };
    (0..12).map(line).collect()
}

fn screen(number: u64) -> String {
    let line = |row: u64| {
        format!(
            "\x1b[{};1H\x1b[K\x1b[38;5;{}m{:>4} \x1b[0mlet value_{} = compute({});",
            row + 1,
            row * 7 % 256,
            number + row,
            row % 9,
            number * row % 1_000
        )
    };
    (0..24).map(line).collect()
}

//! What recording costs: an event, a strict event, verification, and bytes on disk.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench prints its figures and stops where something is wrong"
)]

use std::fs;
use std::os::unix::fs::FileExt;
use std::time::{Instant, SystemTime};

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use portcullis_recording::chain::{Chain, verify_segment};
use portcullis_recording::checkpoint::{SigningKey, TrustedKeys};
use portcullis_recording::crypt::RecipientPrivateKey;
use portcullis_recording::encoder::Encoder;
use portcullis_recording::event::{
    Body, Event, Map, Operation, OperationEnded, SessionId, SessionStarted, Stream, Terminal,
    Timestamp, Value,
};
use portcullis_recording::layout::SegmentName;
use portcullis_recording::seal;
use portcullis_recording::spool::SpoolConfig;
use portcullis_recording::writer::Writer;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp(1_763_700_000_000_000);
const SESSION: SessionId = SessionId::new([1; 16]);

fn main() {
    // Not when one bench was asked for by its name.
    if std::env::args()
        .skip(1)
        .all(|argument| argument.starts_with('-'))
    {
        print_append_over_its_floor();
        print_sizes();
    }
    divan::main();
}

struct Bed {
    folder: TempDir,
    writer: Writer,
    keys: TrustedKeys,
}

fn bed(encrypted: bool) -> Bed {
    let folder = TempDir::new().unwrap();
    let (key, _) = SigningKey::generate().unwrap();
    let keys = TrustedKeys::from_iter([key.public()]);
    let mut config = SpoolConfig::new(folder.path(), "bench".parse().unwrap());
    config.max_bytes = 16 << 30;
    config.max_subject_bytes = 16 << 30;
    if encrypted {
        config.recipient = Some(*RecipientPrivateKey::generate().unwrap().public());
    }
    let writer = Writer::open(config, key, NOW).unwrap();
    let started = SessionStarted {
        subject: "alice".into(),
        ..SessionStarted::default()
    };
    writer
        .append(&Event::new(SESSION, Body::SessionStarted(started)), NOW)
        .unwrap();
    Bed {
        folder,
        writer,
        keys,
    }
}

/// An operation as a data base sees it. Its frame has about 300 bytes.
fn operation(number: u64) -> Event {
    let text = format!(
        "SELECT id, status, total FROM orders WHERE customer_id = {} AND status = 'open'",
        number.wrapping_mul(7_919) % 1_000_000
    );
    let segments: Vec<Value> = vec!["public".into(), "orders".into()];
    let access = [
        ("effect", Value::from("Read")),
        ("kind", "table".into()),
        ("segments", Value::List(segments)),
    ];
    let pairs = [
        ("accesses", Value::List(vec![map(access).into()])),
        ("effect", "Read".into()),
        ("text", text.into()),
        ("verb", "SELECT".into()),
    ];
    let operation = Operation {
        number,
        operation: map(pairs),
        decision: "allow".into(),
        policy: "shop/read-only-agent".into(),
        rule: "reads".into(),
        revision: "5f0c3a1e".into(),
        ..Operation::default()
    };
    Event::new(SESSION, Body::Operation(operation))
}

fn ended(number: u64) -> Event {
    let ended = OperationEnded {
        number,
        outcome: "ok".into(),
        rows: number % 50,
        bytes: number % 5_000,
        duration_micros: 300 + number % 700,
        ..OperationEnded::default()
    };
    Event::new(SESSION, Body::OperationEnded(ended))
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> Map {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// How much one more event of this sort takes on disk.
fn frame_bytes() -> u64 {
    let bed = bed(false);
    let before = bed.writer.status().bytes;
    bed.writer.append(&operation(123_456), NOW).unwrap();
    bed.writer.status().bytes - before
}

#[divan::bench(sample_count = 200, sample_size = 500)]
fn append_300_bytes(bencher: Bencher) {
    let bed = bed(false);
    let event = operation(123_456);
    bencher.bench_local(|| bed.writer.append(black_box(&event), NOW).unwrap());
}

/// The floor: what the kernel takes for a write of that size.
#[divan::bench(sample_count = 200, sample_size = 500)]
fn pwrite_300_bytes_alone(bencher: Bencher) {
    let folder = TempDir::new().unwrap();
    let file = fs::File::create(folder.path().join("file")).unwrap();
    let bytes = vec![7; usize::try_from(frame_bytes()).unwrap()];
    let mut offset = 0;
    bencher.bench_local(|| {
        file.write_all_at(black_box(&bytes), offset).unwrap();
        offset += bytes.len() as u64;
    });
}

/// Encoding and the chain, without the write.
#[divan::bench(sample_count = 200, sample_size = 500)]
fn encode_and_link_300_bytes(bencher: Bencher) {
    let mut encoder = Encoder::new(Chain::START);
    let event = operation(123_456);
    bencher.bench_local(|| {
        encoder.event(black_box(&event), NOW).unwrap();
        encoder.clear();
    });
}

#[divan::bench(sample_count = 200, sample_size = 500)]
fn append_300_bytes_with_the_end_of_the_last(bencher: Bencher) {
    let bed = bed(false);
    let (event, end) = (operation(123_456), ended(123_455));
    bencher.bench_local(|| {
        bed.writer.defer(black_box(&end), NOW).unwrap();
        bed.writer.append(black_box(&event), NOW).unwrap()
    });
}

#[divan::bench(sample_count = 200, sample_size = 500)]
fn append_300_bytes_encrypted(bencher: Bencher) {
    let bed = bed(true);
    let event = operation(123_456);
    bencher.bench_local(|| bed.writer.append(black_box(&event), NOW).unwrap());
}

#[divan::bench(sample_count = 300, sample_size = 1)]
fn append_strict_one_caller(bencher: Bencher) {
    let bed = bed(false);
    let event = operation(123_456);
    bencher.bench_local(|| bed.writer.append_strict(black_box(&event), NOW).unwrap());
}

/// Sixteen callers at once, each with ten operations: the time of all 160.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn append_strict_160_by_16_callers(bencher: Bencher) {
    let bed = bed(false);
    let event = operation(123_456);
    bencher.bench_local(|| {
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        bed.writer.append_strict(black_box(&event), NOW).unwrap();
                    }
                });
            }
        });
    });
}

#[divan::bench(sample_count = 50)]
fn verify(bencher: Bencher) {
    let bed = bed(false);
    for number in 0..20_000 {
        bed.writer.append(&operation(number), NOW).unwrap();
    }
    let path = bed.folder.path().join(bed.writer.id().as_str());
    let bytes = fs::read(path.join(SegmentName::open(1).to_string())).unwrap();
    bencher
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| verify_segment(black_box(&bytes), &bed.keys, None).unwrap());
}

/// Both in turn, so that what else the machine does meets both alike.
fn print_append_over_its_floor() {
    const ROUNDS: usize = 1_001;
    const CALLS: u32 = 200;
    let (bed, event) = (bed(false), operation(123_456));
    let folder = TempDir::new().unwrap();
    let file = fs::File::create(folder.path().join("file")).unwrap();
    let bytes = vec![7; usize::try_from(frame_bytes()).unwrap()];
    let mut offset = 0;
    let (mut appends, mut writes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..CALLS {
            bed.writer.append(black_box(&event), NOW).unwrap();
        }
        appends.push(started.elapsed() / CALLS);
        let started = Instant::now();
        for _ in 0..CALLS {
            file.write_all_at(black_box(&bytes), offset).unwrap();
            offset += bytes.len() as u64;
        }
        writes.push(started.elapsed() / CALLS);
    }
    let [append, write] = [appends, writes].map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2]
    });
    let bytes = bytes.len();
    println!(
        "append of {bytes} bytes: {append:?} median, {:?} over the bare write of them ({write:?})",
        append.saturating_sub(write)
    );
}

/// What there is on disk after sealing, and what goes to the store.
fn sizes(bed: &Bed) -> (u64, usize) {
    bed.writer.seal(NOW).unwrap();
    let sealed = bed.writer.sealed().unwrap();
    let compressed = sealed.iter().map(|segment| {
        let raw = fs::read(&segment.path).unwrap();
        seal::seal(&raw).unwrap().len()
    });
    let compressed = compressed.sum();
    (sealed.iter().map(|segment| segment.bytes).sum(), compressed)
}

fn print_sizes() {
    for encrypted in [false, true] {
        let note = if encrypted { ", encrypted" } else { "" };
        let started = SystemTime::now();
        let bed = bed(encrypted);
        for number in 0..100_000 {
            bed.writer
                .append(&operation(number), later(number * 10_000))
                .unwrap();
            bed.writer
                .defer(&ended(number), later(number * 10_000 + 900))
                .unwrap();
        }
        let took = started.elapsed().unwrap();
        let (raw, compressed) = sizes(&bed);
        println!("100,000 operations with their ends{note}: {raw} bytes, {compressed} compressed");
        println!("  written in {took:?}");

        let bed = self::bed(encrypted);
        let seen = terminal_session(&bed.writer);
        let (raw, compressed) = sizes(&bed);
        println!("terminal session of {seen} bytes{note}: {raw} bytes, {compressed} compressed");
    }
}

fn later(micros: u64) -> Timestamp {
    Timestamp(NOW.0 + micros)
}

/// Half an hour at a shell: commands typed key by key and echoed, listings, logs, a full-screen
/// monitor redrawn each second.
fn terminal_session(writer: &Writer) -> usize {
    let mut clock = 0;
    let mut seen = 0;
    let mut say = |stream, data: &[u8], micros: u64| {
        clock += micros;
        seen += data.len();
        let event = Event::new(
            SESSION,
            Body::Terminal(Terminal {
                stream,
                data: data.to_vec(),
            }),
        );
        writer.append(&event, later(clock)).unwrap();
    };
    let commands = [
        "ls -la /var/log",
        "tail -n 40 app.log",
        "df -h",
        "systemctl status app",
    ];
    for round in 0..150_usize {
        for key in commands[round % commands.len()].bytes() {
            say(Stream::Input, &[key], 120_000);
            say(Stream::Output, &[key], 900);
        }
        say(Stream::Input, b"\r", 300_000);
        for line in 0..40_usize {
            let text = format!(
                "2026-11-21T04:{:02}:{:02}.{:06}Z INFO app::orders request {} took {} ms\r\n",
                round % 60,
                line,
                (round * 7_919 + line * 104_729) % 1_000_000,
                round * 40 + line,
                (round * line) % 97,
            );
            say(Stream::Output, text.as_bytes(), 400);
        }
        if round % 5 == 0 {
            for frame in 0..30_usize {
                say(Stream::Output, monitor(round, frame).as_bytes(), 1_000_000);
            }
        }
    }
    seen
}

fn monitor(round: usize, frame: usize) -> String {
    let mut screen = String::from("\x1b[H\x1b[2J\x1b[1mtasks: 120 total, 1 running\x1b[0m\r\n");
    for row in 0..22_usize {
        let load = (round * 31 + frame * 17 + row * 7) % 1_000;
        screen.push_str(&format!(
            "\x1b[{};1H{:>6} app      20   0 {:>8} S {:>3}.{} 0:{:02} worker-{row}\x1b[K",
            row + 3,
            1_000 + row,
            40_000 + load,
            load / 10,
            load % 10,
            frame,
        ));
    }
    screen
}

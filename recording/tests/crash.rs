//! A process that records is killed at random instants, hundreds of times: every event that it
//! acknowledged is in the record, once, and the record verifies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test stops where something is wrong, and this one needs real time and processes"
)]

mod verified;

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use std::os::unix::process::ExitStatusExt;

use portcullis_recording::event::{Body, Event, SessionId, notice};
use portcullis_recording::spool::SpoolConfig;
use portcullis_recording::writer::Writer;
use tempfile::TempDir;
use verified::{key, operation, started, trusted, verify};

const KILLS: u64 = 320;
const LANES: u64 = 2;
const KILLS_PER_SPOOL: u64 = 8;
const SIGKILL: i32 = 9;

/// How the child keeps its promise.
const HONEST: &str = "honest";
/// It acknowledges events that it writes a little later: the test must catch it.
const EARLY: &str = "early";

const FOLDER: &str = "PORTCULLIS_CRASH_FOLDER";
const MANNER: &str = "PORTCULLIS_CRASH_MANNER";
const RUN: &str = "PORTCULLIS_CRASH_RUN";

#[test]
fn no_acknowledged_event_is_lost_by_a_kill() {
    let seed = seed();
    println!("seed {seed}");
    let counter = || AtomicU64::new(0);
    let (kills, acknowledged, restarts, torn) = (counter(), counter(), counter(), counter());
    thread::scope(|scope| {
        for lane in 0..LANES {
            let (kills, acknowledged, restarts, torn) = (&kills, &acknowledged, &restarts, &torn);
            scope.spawn(move || {
                let mut random = Random(seed ^ (lane + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                for _ in 0..KILLS / LANES / KILLS_PER_SPOOL {
                    let outcome = kill_again_and_again(HONEST, KILLS_PER_SPOOL, &mut random);
                    assert_eq!(
                        outcome.missing, [""; 0],
                        "seed {seed}: acknowledged and lost"
                    );
                    assert_eq!(outcome.twice, [""; 0], "seed {seed}: recorded twice");
                    kills.fetch_add(outcome.kills, SeqCst);
                    acknowledged.fetch_add(outcome.acknowledged, SeqCst);
                    restarts.fetch_add(outcome.restarts, SeqCst);
                    torn.fetch_add(outcome.torn, SeqCst);
                }
            });
        }
    });
    println!("{kills:?} kills, {acknowledged:?} events acknowledged");
    println!("{restarts:?} restarts recorded, {torn:?} of them with a torn tail");
    assert_eq!(kills.into_inner(), KILLS);
    assert!(
        acknowledged.into_inner() > KILLS,
        "the children got to work"
    );
}

#[test]
fn writer_that_acknowledges_before_it_writes_is_caught() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random(seed | 1);
    for _ in 0..10 {
        let outcome = kill_again_and_again(EARLY, 4, &mut random);
        if !outcome.missing.is_empty() {
            return;
        }
    }
    panic!("seed {seed}: 40 kills and nothing was missed; this test can find nothing");
}

/// What came of one spool.
#[derive(Debug, Default)]
struct Outcome {
    kills: u64,
    acknowledged: u64,
    restarts: u64,
    torn: u64,
    missing: Vec<String>,
    twice: Vec<String>,
}

/// Starts and kills children on one spool, then compares the record with what they acknowledged.
fn kill_again_and_again(manner: &str, kills: u64, random: &mut Random) -> Outcome {
    let folder = TempDir::new().unwrap();
    let mut outcome = Outcome::default();
    let mut acknowledged = Vec::new();
    for run in 0..kills {
        let (child, reader) = start_child(folder.path(), manner, run);
        // Sometimes while it still recovers, mostly while it works.
        let (least, more) = if random.below(8) == 0 {
            (0, 20_000)
        } else {
            (15_000, 120_000)
        };
        thread::sleep(Duration::from_micros(least + random.below(more)));
        kill(child);
        acknowledged.extend(reader.join().unwrap());
        outcome.kills += 1;
        // Sometimes the next child has to recover.
        if random.below(2) == 0 || run + 1 == kills {
            check(folder.path(), &acknowledged, &mut outcome);
        }
    }
    outcome.acknowledged = acknowledged.len() as u64;
    outcome
}

fn start_child(folder: &Path, manner: &str, run: u64) -> (Child, thread::JoinHandle<Vec<String>>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "child_that_is_killed",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .env(MANNER, manner)
        .env(RUN, run.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = BufReader::new(child.stdout.take().unwrap());
    let reader = thread::spawn(move || {
        let mut names = Vec::new();
        for line in pipe.split(b'\n') {
            // A line without its end was not acknowledged: `.` is the last thing in it.
            let line = String::from_utf8(line.unwrap()).unwrap();
            let name = line
                .strip_prefix("ack ")
                .and_then(|rest| rest.strip_suffix('.'));
            names.extend(name.map(str::to_owned));
        }
        names
    });
    (child, reader)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(
        status.signal(),
        Some(SIGKILL),
        "the child ended by itself: {status}"
    );
}

/// Recovers, verifies, and looks for everything that was acknowledged.
fn check(folder: &Path, acknowledged: &[String], outcome: &mut Outcome) {
    drop(Writer::open(config(folder), key(), SystemTime::now()).unwrap());
    let record = verify(folder, &trusted(), 1).unwrap();
    let mut found: HashMap<&str, u64> = HashMap::new();
    for name in record.operations() {
        *found.entry(name).or_default() += 1;
    }
    let lost = acknowledged
        .iter()
        .filter(|name| !found.contains_key(name.as_str()));
    outcome.missing.extend(lost.cloned());
    let twice = found.iter().filter(|(_, count)| **count > 1);
    outcome
        .twice
        .extend(twice.map(|(name, _)| (*name).to_owned()));
    let told = || {
        record
            .notices()
            .filter(|told| told.what == notice::WRITER_RESTARTED)
    };
    outcome.restarts = told().count() as u64;
    outcome.torn = told().filter(|told| !told.attributes.is_empty()).count() as u64;
}

/// Small segments and short times, so that kills meet seals, syncs and checkpoints too.
fn config(folder: &Path) -> SpoolConfig {
    let mut config = SpoolConfig::new(folder, "crash".parse().unwrap());
    config.segment_bytes = 16 * 1024;
    config.seal_after = Duration::from_millis(15);
    config.sync_after = Duration::from_millis(4);
    config
}

#[test]
#[ignore = "run by the other tests as a child, which they kill"]
fn child_that_is_killed() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let early = env::var(MANNER).unwrap() == EARLY;
    let run: u64 = env::var(RUN).unwrap().parse().unwrap();
    // The test harness has begun a line.
    println!();
    let writer = Writer::open(config(Path::new(&folder)), key(), SystemTime::now()).unwrap();
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..3_u8 {
            let (writer, failed) = (&writer, &failed);
            scope.spawn(move || {
                let session = SessionId::new([number + 1; 16]);
                writer
                    .append(&started(session, "alice"), SystemTime::now())
                    .unwrap();
                let prefix = format!("{run}-{number}");
                let done = if early { work_early } else { work };
                done(writer, session, &prefix);
                failed.store(true, SeqCst);
            });
        }
        while !failed.load(SeqCst) {
            writer.tick(SystemTime::now()).unwrap();
            thread::sleep(Duration::from_micros(500));
        }
    });
}

/// Appends, then acknowledges. Now and then it waits for the disk, or defers something.
fn work(writer: &Writer, session: SessionId, prefix: &str) {
    for number in 0_u64.. {
        let name = format!("{prefix}-{number}");
        let event = operation(session, &name);
        let now = SystemTime::now();
        match number % 50 {
            7 => writer.append_strict(&event, now).unwrap(),
            9 => {
                let big = padded(session, &name, 20_000);
                writer.append(&big, now).unwrap()
            }
            11 => {
                // Not acknowledged: it may be lost until the next write.
                writer
                    .defer(&operation(session, &format!("{name}-deferred")), now)
                    .unwrap();
                writer.append(&event, now).unwrap()
            }
            _ => writer.append(&event, now).unwrap(),
        };
        acknowledge(&name);
    }
}

/// The same with the two steps the wrong way round.
fn work_early(writer: &Writer, session: SessionId, prefix: &str) {
    for batch in 0_u64.. {
        let names: Vec<_> = (0..16)
            .map(|number| format!("{prefix}-{batch}-{number}"))
            .collect();
        names.iter().for_each(|name| acknowledge(name));
        for name in &names {
            writer
                .append(&operation(session, name), SystemTime::now())
                .unwrap();
        }
    }
}

fn padded(session: SessionId, name: &str, bytes: usize) -> Event {
    let mut event = operation(session, name);
    if let Body::Operation(operation) = &mut event.body {
        operation.hash = vec![0x5a; bytes];
    }
    event
}

/// One write to the pipe for each event.
fn acknowledge(name: &str) {
    let line = format!("ack {name}.\n");
    if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
        // The parent is gone: nobody else would end this process.
        std::process::exit(1);
    }
}

fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    env::var("PORTCULLIS_CRASH_SEED").map_or_else(
        |_| u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap(),
        |seed| seed.parse().unwrap(),
    )
}

/// Numbers that look random (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.max(1);
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

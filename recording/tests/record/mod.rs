//! A small recording made in memory, segment by segment, and its folder on disk.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use portcullis_recording::chain::Chain;
use portcullis_recording::checkpoint::{Head, HeadKind, SigningKey, TrustedKeys};
use portcullis_recording::encoder::Encoder;
use portcullis_recording::event::{
    Body, Event, Operation, SessionEnded, SessionId, SessionStarted, Stream, Terminal, Timestamp,
    Value, WriterId,
};
use portcullis_recording::layout::SegmentName;

/// The first event's time: some day in 2026, in microseconds.
pub(crate) const BEGIN: u64 = 1_794_000_000_000_000;

/// Makes segments one after the other.
pub(crate) struct Recorder {
    pub(crate) writer: WriterId,
    pub(crate) key: SigningKey,
    pub(crate) pem: String,
    pub(crate) encoder: Encoder,
    pub(crate) segment: u64,
    pub(crate) now: u64,
    /// Every head that was signed.
    pub(crate) heads: Vec<Head>,
    /// The finished segments, the first being number 1.
    pub(crate) segments: Vec<Vec<u8>>,
}

impl Recorder {
    pub(crate) fn new(writer: &str) -> Self {
        let (key, pem) = SigningKey::generate().unwrap();
        Self {
            writer: writer.parse().unwrap(),
            key,
            pem,
            encoder: Encoder::new(Chain::START),
            segment: 0,
            now: BEGIN,
            heads: Vec::new(),
            segments: Vec::new(),
        }
    }

    /// `count` segments of `operations` each in two sessions, sealed.
    pub(crate) fn filled(writer: &str, count: u64, operations: u64) -> Self {
        let mut recorder = Self::new(writer);
        for _ in 0..count {
            recorder.start();
            for number in 0..operations {
                recorder.event(session((number % 2) as u8 + 1), operation(number));
                if number % 4 == 3 {
                    recorder.sign(HeadKind::Checkpoint);
                }
            }
            recorder.seal();
        }
        recorder
    }

    pub(crate) fn keys(&self) -> TrustedKeys {
        [self.key.public()].into_iter().collect()
    }

    pub(crate) fn start(&mut self) {
        self.segment += 1;
        let now = self.tick();
        self.encoder
            .start_segment(&self.writer, self.segment, now)
            .unwrap();
    }

    pub(crate) fn event(&mut self, session: SessionId, body: Body) {
        let now = self.tick();
        self.encoder.event(&Event::new(session, body), now).unwrap();
    }

    pub(crate) fn sign(&mut self, kind: HeadKind) {
        let now = self.tick();
        let place = (&self.writer, self.segment);
        self.heads
            .push(self.encoder.sign(kind, place, &self.key, now).unwrap());
    }

    /// Ends the segment with a seal.
    pub(crate) fn seal(&mut self) {
        self.sign(HeadKind::Seal);
        self.leave();
    }

    /// Ends the segment without one.
    pub(crate) fn leave(&mut self) {
        self.segments.push(self.encoder.bytes().to_vec());
        self.encoder.clear();
    }

    /// Writes the finished segments as the spool has them, below `root`.
    pub(crate) fn write(&self, root: &Path) {
        let folder = root.join(self.writer.as_str());
        fs::create_dir_all(folder.join("keys")).unwrap();
        for (number, bytes) in (1..).zip(&self.segments) {
            fs::write(folder.join(SegmentName::open(number).to_string()), bytes).unwrap();
        }
    }

    fn tick(&mut self) -> Timestamp {
        self.now += 1_000;
        Timestamp(self.now)
    }
}

pub(crate) fn session(number: u8) -> SessionId {
    SessionId::new([number; 16])
}

pub(crate) fn operation(number: u64) -> Body {
    let text = format!("SELECT * FROM orders WHERE id = {number}");
    Body::Operation(Operation {
        number,
        operation: [("text".to_owned(), Value::Text(text))].into(),
        decision: "allow".to_owned(),
        ..Operation::default()
    })
}

pub(crate) fn started(subject: &str) -> Body {
    Body::SessionStarted(SessionStarted {
        subject: subject.to_owned(),
        ..Default::default()
    })
}

pub(crate) fn ended() -> Body {
    Body::SessionEnded(SessionEnded {
        outcome: "closed".to_owned(),
        ..Default::default()
    })
}

pub(crate) fn terminal(stream: Stream, data: &[u8]) -> Body {
    Body::Terminal(Terminal {
        stream,
        data: data.to_vec(),
    })
}

/// Every file below a folder by its path there, with its content. What a store or an uploader at
/// work takes away or renames while this looks is left out.
pub(crate) fn files(root: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                match fs::read(&path) {
                    Ok(content) => {
                        found.insert(name, content);
                    }
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => panic!("{name}: {error}"),
                }
            }
        }
    }
    found
}

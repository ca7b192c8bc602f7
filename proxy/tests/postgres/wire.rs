//! A client that speaks frames: it sends exactly what a test says, and tells exactly what came.
//!
//! A script is a list of lines, each one message or one wait:
//!
//! ```text
//! P name|text   B portal|statement|value,value   DS name   DP name   E portal|rows
//! CS name   CP name   S   H   Q text   d data   c   f why   F   X   ! hex
//! = 2     waits for two ReadyForQuery        ~ G     waits for one message of type G
//! ```

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use portcullis_dialect::postgres::wire::backend::{Backend, tag as said};
use portcullis_dialect::postgres::wire::frontend::tag;
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header, write};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::PASSWORD;

/// What anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest message that a test expects.
const LONGEST: usize = 128 * 1024 * 1024;

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: BytesMut,
    /// For cancel requests.
    pub(crate) key: Option<(u32, Vec<u8>)>,
    /// Sends in pieces of this size.
    pub(crate) piece: usize,
}

// === impl Client ===

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            read: BytesMut::new(),
            key: None,
            piece: usize::MAX,
        }
    }

    pub(crate) async fn log_in(address: SocketAddr) -> Self {
        Self::log_in_to(address, "postgres").await
    }

    pub(crate) async fn log_in_to(address: SocketAddr, database: &str) -> Self {
        let mut client = Self::connect(address).await;
        client
            .start("trusted", PASSWORD, &[("database", database)])
            .await;
        client
    }

    /// Logs in, sending in pieces of this size from the first byte on.
    pub(crate) async fn log_in_by(address: SocketAddr, piece: usize) -> Self {
        let mut client = Self::connect(address).await;
        client.piece = piece;
        client
            .start("trusted", PASSWORD, &[("database", "postgres")])
            .await;
        client
    }

    /// From the start-up packet to the first ReadyForQuery.
    pub(crate) async fn start(&mut self, user: &str, key: &str, more: &[(&str, &str)]) {
        let mut packet = Vec::new();
        let parameters = [("user", user)];
        let parameters = parameters.iter().chain(more);
        let parameters: Vec<_> = parameters
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        write::startup(&mut packet, 3 << 16, parameters);
        self.send(&packet).await;
        loop {
            let (tag, body) = self.next().await.expect("login goes on");
            match (tag, body.as_ref()) {
                (said::AUTHENTICATION, [0, 0, 0, 3]) => {
                    let mut answer = Vec::new();
                    write::password(&mut answer, &[key.as_bytes(), b"\0"].concat());
                    self.send(&answer).await;
                }
                (said::BACKEND_KEY, [a, b, c, d, key @ ..]) => {
                    self.key = Some((u32::from_be_bytes([*a, *b, *c, *d]), key.to_vec()));
                }
                (said::READY, _) => return,
                (said::ERROR, _) => panic!("login failed: {}", told(tag, &body)),
                _ => {}
            }
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece) {
            // The other side may have closed already, which a test sees in what it reads.
            if self.stream.write_all(piece).await.is_err() {
                return;
            }
        }
    }

    /// The next message; none at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<(u8, Bytes)> {
        loop {
            if let Some(header) = Header::parse(&self.read, LONGEST).unwrap()
                && self.read.len() >= header.total()
            {
                let body = self.read.split_to(header.total()).split_off(HEADER_BYTES);
                return Some((header.tag, body.freeze()));
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.read));
            match read.await.expect("an answer comes in time") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Plays a script and tells all that came, to its last wait.
    pub(crate) async fn play(&mut self, script: &[&str]) -> Vec<String> {
        let (mut out, mut heard) = (Vec::new(), Vec::new());
        for line in script {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let awaited = match word {
                "=" => (said::READY, rest.parse().unwrap()),
                "~" => (rest.as_bytes()[0], 1),
                "." => (0, 1),
                _ => {
                    message(&mut out, word, rest);
                    continue;
                }
            };
            self.send(&std::mem::take(&mut out)).await;
            self.hear(awaited, &mut heard).await;
        }
        assert!(out.is_empty(), "a script ends with a wait");
        heard
    }

    async fn hear(&mut self, (awaited, times): (u8, usize), heard: &mut Vec<String>) {
        let mut left = times;
        while left > 0 {
            let Some((tag, body)) = self.next().await else {
                heard.push("closed".to_owned());
                return;
            };
            heard.push(told(tag, &body));
            left -= usize::from(tag == awaited);
        }
    }

    /// The same as [`Client::play`], in one line.
    pub(crate) async fn line(&mut self, script: &[&str]) -> String {
        self.play(script).await.join(" ")
    }
}

/// Waits until the server runs a statement that ends so, or does so no more.
pub(crate) async fn until_active(server: u16, ending: &str, active: bool) {
    let mut direct = Client::log_in(SocketAddr::from(([127, 0, 0, 1], server))).await;
    let count = format!(
        "Q SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{ending}' AND state = 'active'"
    );
    let begun = std::time::Instant::now();
    let expected = format!("D({})", u8::from(active));
    while !direct.line(&[&count, "= 1"]).await.contains(&expected) {
        assert!(
            begun.elapsed() < PATIENCE,
            "{ending}: not as expected: {active}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One message of a script.
fn message(out: &mut Vec<u8>, word: &str, rest: &str) {
    let mut parts = rest.split('|');
    let mut part = move || parts.next().unwrap_or_default().as_bytes();
    let strings = |out: &mut Vec<u8>, kind: u8, strings: &[&[u8]], tail: &[u8]| {
        write::message(out, kind, |out| {
            strings.iter().for_each(|text| write::string(out, text));
            out.extend_from_slice(tail);
        });
    };
    let named = |out: &mut Vec<u8>, kind: u8| {
        let target = word.as_bytes()[1];
        write::message(out, kind, |out| {
            out.push(target);
            write::string(out, rest.as_bytes());
        });
    };
    match word {
        "P" => {
            let (name, text) = rest.split_once('|').unwrap();
            strings(
                out,
                tag::PARSE,
                &[name.as_bytes(), text.as_bytes()],
                &[0; 2],
            );
        }
        "B" => bind(out, part(), part(), std::str::from_utf8(part()).unwrap()),
        "DS" | "DP" => named(out, tag::DESCRIBE),
        "CS" | "CP" => named(out, tag::CLOSE),
        "E" => {
            let portal = part();
            let rows = std::str::from_utf8(part()).unwrap().parse::<i32>();
            strings(
                out,
                tag::EXECUTE,
                &[portal],
                &rows.unwrap_or(0).to_be_bytes(),
            );
        }
        "S" => write::sync(out),
        "H" => strings(out, tag::FLUSH, &[], &[]),
        "Q" => write::query(out, rest.as_bytes()),
        "d" => strings(out, tag::COPY_DATA, &[], format!("{rest}\n").as_bytes()),
        "c" => strings(out, tag::COPY_DONE, &[], &[]),
        "f" => strings(out, tag::COPY_FAIL, &[rest.as_bytes()], &[]),
        "F" => strings(
            out,
            tag::FUNCTION_CALL,
            &[],
            &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        ),
        "X" => strings(out, tag::TERMINATE, &[], &[]),
        "!" => out.extend(
            rest.split(' ')
                .map(|byte| u8::from_str_radix(byte, 16).unwrap()),
        ),
        other => panic!("no message {other}"),
    }
}

/// All values in text; `\N` is NULL.
fn bind(out: &mut Vec<u8>, portal: &[u8], statement: &[u8], values: &str) {
    let values: Vec<&str> = values
        .split(',')
        .filter(|value| !value.is_empty())
        .collect();
    write::message(out, tag::BIND, |out| {
        write::string(out, portal);
        write::string(out, statement);
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&u16::try_from(values.len()).unwrap().to_be_bytes());
        for value in values {
            if value == "\\N" {
                out.extend_from_slice(&(-1_i32).to_be_bytes());
                continue;
            }
            out.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
            out.extend_from_slice(value.as_bytes());
        }
        out.extend_from_slice(&[0; 2]);
    });
}

/// A message as a word: its type, and what it says.
pub(crate) fn told(tag: u8, body: &[u8]) -> String {
    let mut word = char::from(tag).to_string();
    let says = match Backend::decode(tag, body).expect("the message can be read") {
        Backend::Error(fields) | Backend::Notice(fields) => {
            let field = |kind| String::from_utf8_lossy(fields.get(kind).unwrap_or_default());
            format!("{}: {}", field(b'C'), field(b'M'))
        }
        Backend::DataRow(row) => row
            .values()
            .map(|value| value.map_or("NULL".into(), short))
            .collect::<Vec<_>>()
            .join(","),
        Backend::CommandComplete(tag) => short(tag),
        Backend::Ready(state) => char::from(state.byte()).to_string(),
        Backend::RowDescription(rows) => rows
            .fields()
            .map(|field| String::from_utf8_lossy(field.name).into_owned())
            .collect::<Vec<_>>()
            .join(","),
        Backend::CopyData(data) => short(data),
        // Whose it is differs between two sessions.
        Backend::Notification { .. } => String::new(),
        _ => short(body),
    };
    if !says.is_empty() {
        write!(word, "({says})").unwrap();
    }
    word
}

fn short(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=200 => bytes.escape_ascii().to_string(),
        more => format!("{more} bytes"),
    }
}

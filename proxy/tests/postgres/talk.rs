//! A client that says exactly what a test wants, message by message.

use std::net::SocketAddr;

use portcullis_dialect::postgres::wire::write;

use crate::house::PASSWORD;
use crate::wire;

pub(crate) struct Client {
    wire: wire::Client,
    pub(crate) out: Vec<u8>,
}

/// A message of the server: its type and its body.
pub(crate) type Message = (u8, Vec<u8>);

impl Client {
    pub(crate) async fn log_in(address: SocketAddr) -> Self {
        Self::log_in_as(address, PASSWORD).await
    }

    /// With a key of its own.
    pub(crate) async fn log_in_as(address: SocketAddr, key: &str) -> Self {
        Self::log_in_with(address, key, "postgres").await
    }

    /// To another database.
    pub(crate) async fn log_in_to(address: SocketAddr, database: &str) -> Self {
        Self::log_in_with(address, PASSWORD, database).await
    }

    async fn log_in_with(address: SocketAddr, key: &str, database: &str) -> Self {
        let mut wire = wire::Client::connect(address).await;
        wire.start("anybody", key, &[("database", database)]).await;
        Self {
            wire,
            out: Vec::new(),
        }
    }

    /// Adds a message to what is sent next.
    pub(crate) fn say(&mut self, tag: u8, parts: &[&[u8]]) -> &mut Self {
        write::message(&mut self.out, tag, |out| out.extend(parts.concat()));
        self
    }

    pub(crate) fn query(&mut self, text: &str) -> &mut Self {
        self.say(b'Q', &[text.as_bytes(), b"\0"])
    }

    /// Parse, Bind and Execute with the unnamed statement and portal.
    pub(crate) fn run(&mut self, text: &str, parameters: &[&str]) -> &mut Self {
        self.say(b'P', &[b"\0", text.as_bytes(), b"\0\0\0"]);
        self.bind("", parameters).execute(0)
    }

    pub(crate) fn bind(&mut self, statement: &str, parameters: &[&str]) -> &mut Self {
        let mut body = [b"\0", statement.as_bytes(), b"\0\0\0"].concat();
        body.extend_from_slice(&u16::try_from(parameters.len()).unwrap().to_be_bytes());
        for parameter in parameters {
            body.extend_from_slice(&u32::try_from(parameter.len()).unwrap().to_be_bytes());
            body.extend_from_slice(parameter.as_bytes());
        }
        body.extend_from_slice(&[0, 0]);
        self.say(b'B', &[&body])
    }

    pub(crate) fn execute(&mut self, rows: u32) -> &mut Self {
        self.say(b'E', &[b"\0", &rows.to_be_bytes()])
    }

    pub(crate) fn sync(&mut self) -> &mut Self {
        self.say(b'S', &[])
    }

    pub(crate) async fn send(&mut self) {
        let out = std::mem::take(&mut self.out);
        self.wire.send(&out).await;
    }

    /// The next message; none at the end of the connection.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        let (tag, body) = self.wire.next().await?;
        Some((tag, body.to_vec()))
    }

    /// All messages up to the first of this type, or the end.
    pub(crate) async fn until(&mut self, tag: u8) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.message().await {
            let last = message.0 == tag;
            messages.push(message);
            if last {
                break;
            }
        }
        messages
    }

    /// The same where the connection may be gone: none then.
    pub(crate) async fn try_answer(&mut self) -> Option<Vec<Message>> {
        self.send().await;
        let messages = self.until(b'Z').await;
        messages
            .last()
            .is_some_and(|(tag, _)| *tag == b'Z')
            .then_some(messages)
    }

    /// Sends what was said, and reads to ReadyForQuery.
    pub(crate) async fn answer(&mut self) -> Vec<Message> {
        self.send().await;
        self.until(b'Z').await
    }
}

/// The types of messages, in order, rows only once each run.
pub(crate) fn shape(messages: &[Message]) -> String {
    let mut shape: Vec<u8> = messages.iter().map(|(tag, _)| *tag).collect();
    shape.dedup_by(|one, two| one == two && matches!(one, b'D' | b'd'));
    String::from_utf8(shape).unwrap()
}

pub(crate) fn count(messages: &[Message], tag: u8) -> usize {
    messages.iter().filter(|(its, _)| *its == tag).count()
}

/// All words of an answer, to look for one.
pub(crate) fn words(messages: &[Message], tag: u8) -> String {
    let bodies = messages.iter().filter(|(its, _)| *its == tag);
    bodies
        .map(|(_, body)| String::from_utf8_lossy(body).replace('\0', " "))
        .collect()
}

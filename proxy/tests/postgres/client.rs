//! A client of frames: it sees every byte.

use std::net::SocketAddr;

use portcullis_dialect::postgres::wire::frontend::{Target, tag as ask};
use portcullis_dialect::postgres::wire::write;

use crate::house::{House, PASSWORD};
use crate::wire;

pub(crate) struct Client {
    wire: wire::Client,
    /// What is to be sent.
    pub(crate) out: Vec<u8>,
    /// Every body that was ever read.
    pub(crate) heard: Vec<u8>,
}

/// One message of the server: its type and its body.
pub(crate) type Message = (char, Vec<u8>);

impl Client {
    pub(crate) async fn open(house: &House, path: &str) -> Self {
        Self::open_at(house.address, "postgres", path).await
    }

    pub(crate) async fn open_at(address: SocketAddr, database: &str, path: &str) -> Self {
        let mut wire = wire::Client::connect(address).await;
        let options = format!("-c search_path={path}");
        let more = [("database", database), ("options", options.as_str())];
        wire.start("trusted", PASSWORD, &more).await;
        Self {
            wire,
            out: Vec::new(),
            heard: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self) {
        self.wire.send(&self.out).await;
        self.out.clear();
    }

    pub(crate) fn parse(&mut self, name: &str, text: &str) -> &mut Self {
        write::message(&mut self.out, ask::PARSE, |out| {
            write::string(out, name.as_bytes());
            write::string(out, text.as_bytes());
            out.extend([0, 0]);
        });
        self
    }

    /// Without parameters; one format for all results.
    pub(crate) fn bind(&mut self, portal: &str, statement: &str, format: u8) -> &mut Self {
        write::message(&mut self.out, ask::BIND, |out| {
            write::string(out, portal.as_bytes());
            write::string(out, statement.as_bytes());
            out.extend([0, 0, 0, 0, 0, 1, 0, format]);
        });
        self
    }

    pub(crate) fn describe(&mut self, portal: &str) -> &mut Self {
        write::describe(&mut self.out, Target::Portal, portal.as_bytes());
        self
    }

    pub(crate) fn execute(&mut self, portal: &str, rows: u32) -> &mut Self {
        write::message(&mut self.out, ask::EXECUTE, |out| {
            write::string(out, portal.as_bytes());
            out.extend(rows.to_be_bytes());
        });
        self
    }

    pub(crate) fn close(&mut self, portal: &str) -> &mut Self {
        write::close(&mut self.out, Target::Portal, portal.as_bytes());
        self
    }

    pub(crate) fn flush(&mut self) -> &mut Self {
        write::message(&mut self.out, ask::FLUSH, |_| {});
        self
    }

    /// Sends all with a Sync; tells everything up to ReadyForQuery.
    pub(crate) async fn sync(&mut self) -> Vec<Message> {
        write::sync(&mut self.out);
        self.send().await;
        self.until('Z').await
    }

    pub(crate) async fn query(&mut self, text: &str) -> Vec<Message> {
        write::query(&mut self.out, text.as_bytes());
        self.send().await;
        self.until('Z').await
    }

    pub(crate) async fn until(&mut self, last: char) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = self.message().await;
            let tag = message.0;
            messages.push(message);
            if tag == last {
                return messages;
            }
        }
    }

    async fn message(&mut self) -> Message {
        let (tag, body) = self.wire.next().await.expect("the session goes on");
        self.heard.extend_from_slice(&body);
        (char::from(tag), body.to_vec())
    }
}

/// The types of messages, in their order.
pub(crate) fn tags(messages: &[Message]) -> String {
    messages.iter().map(|(tag, _)| *tag).collect()
}

/// The values of the rows among messages; `None` is NULL.
pub(crate) fn rows(messages: &[Message]) -> Vec<Vec<Option<Vec<u8>>>> {
    let rows = messages.iter().filter(|(tag, _)| *tag == 'D');
    let values = |body: &[u8]| {
        let mut left = &body[2..];
        let mut values = Vec::new();
        while let Some((length, rest)) = left.split_first_chunk::<4>() {
            let length = usize::try_from(i32::from_be_bytes(*length)).ok();
            values.push(length.map(|length| rest[..length].to_vec()));
            left = &rest[length.unwrap_or(0)..];
        }
        values
    };
    rows.map(|(_, body)| values(body)).collect()
}

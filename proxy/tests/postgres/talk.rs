//! A client that says exactly what a test wants, message by message.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::PASSWORD;

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    stream: TcpStream,
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
        let stream = TcpStream::connect(address).await.unwrap();
        let mut client = Self {
            stream,
            out: Vec::new(),
        };
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        body.extend_from_slice(b"user\0anybody\0database\0postgres\0\0");
        let length = u32::try_from(body.len() + 4).unwrap();
        client.out.extend_from_slice(&length.to_be_bytes());
        client.out.extend_from_slice(&body);
        client.send().await;
        assert_eq!(client.message().await.unwrap().0, b'R');
        client.say(b'p', &[key.as_bytes(), b"\0"]);
        client.send().await;
        client.until(b'Z').await;
        client
    }

    /// Adds a message to what is sent next.
    pub(crate) fn say(&mut self, tag: u8, parts: &[&[u8]]) -> &mut Self {
        let body = parts.concat();
        self.out.push(tag);
        let length = u32::try_from(body.len() + 4).unwrap();
        self.out.extend_from_slice(&length.to_be_bytes());
        self.out.extend_from_slice(&body);
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
        self.stream.write_all(&out).await.unwrap();
    }

    /// The next message; none at the end of the connection.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        let read = async {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let mut body = vec![0; usize::try_from(length).unwrap() - 4];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((head[0], body))
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("an answer")
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
        let out = std::mem::take(&mut self.out);
        self.stream.write_all(&out).await.ok()?;
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

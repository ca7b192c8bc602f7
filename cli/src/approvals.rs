//! Deciding about requests of a standalone proxy, over its socket.
//!
//! The proxy asks the kernel who is at the other end, so nothing here says who decides.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::args::{Approvals, ApprovalsCommand, Decide};
use crate::output::{Tone, for_machines, line, table, tinted};
use crate::{Done, Failed};

/// The socket in the state directory.
const SOCKET: &str = "control.sock";

/// The longest answer that is read.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the proxy answers; each command fills what it is about.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    ok: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    pub(crate) requests: Vec<Request>,
}

/// A request, in short.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) state: String,
    /// How many have approved, of how many that must.
    approvals: String,
    requester: String,
    summary: String,
    expires_at: String,
}

pub(crate) async fn decide(verb: &str, args: &Decide) -> Done {
    let mut asked = json!({"verb": verb, "name": args.name, "reason": args.reason});
    if let (Some(namespace), Some(asked)) = (&args.namespace, asked.as_object_mut()) {
        asked.insert("namespace".to_owned(), json!(namespace));
    }
    let answer = ask(&args.state, &asked).await?;
    let state = answer.state.unwrap_or_default();
    println!("{} {}", args.name, tinted(tone(&state), &state));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn run(args: &Approvals) -> Done {
    let ApprovalsCommand::List { state, output } = &args.command;
    let answer = ask(state, &json!({"verb": "list"})).await?;
    if for_machines(*output, &serde_json::to_value(&answer.requests)?)? {
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = answer.requests.iter().map(row).collect();
    let headings = [
        "NAMESPACE",
        "NAME",
        "STATE",
        "APPROVALS",
        "REQUESTER",
        "OPERATION",
        "EXPIRES",
    ];
    table(&headings, &rows);
    Ok(ExitCode::SUCCESS)
}

fn row(request: &Request) -> Vec<String> {
    let text = |text: &str| line(text, 60);
    vec![
        text(&request.namespace),
        text(&request.name),
        tinted(tone(&request.state), &text(&request.state)),
        text(&request.approvals),
        text(&request.requester),
        text(&request.summary),
        text(&request.expires_at),
    ]
}

fn tone(state: &str) -> Tone {
    match state {
        "Approved" | "Consumed" => Tone::Good,
        "Pending" => Tone::Waiting,
        "Denied" | "Revoked" => Tone::Bad,
        _ => Tone::Faint,
    }
}

/// One line to the proxy, one line back.
pub(crate) async fn ask(state: &Path, asked: &Value) -> Result<Answer, Failed> {
    let path = state.join(SOCKET);
    let exchange = async {
        let stream = UnixStream::connect(&path).await.map_err(|error| {
            format!(
                "{}: {error}; is the proxy running, and may you decide?",
                path.display()
            )
        })?;
        let (reader, mut writer) = stream.into_split();
        writer.write_all(format!("{asked}\n").as_bytes()).await?;
        let mut answer = String::new();
        BufReader::new(reader.take(MAX_ANSWER))
            .read_line(&mut answer)
            .await?;
        Ok::<_, Failed>(
            serde_json::from_str::<Answer>(&answer)
                .map_err(|error| format!("the proxy's answer cannot be read: {error}"))?,
        )
    };
    let answer = tokio::time::timeout(PATIENCE, exchange)
        .await
        .map_err(|_| "the proxy does not answer")??;
    match answer.ok {
        true => Ok(answer),
        false => Err(answer
            .error
            .unwrap_or_else(|| "the proxy refused".to_owned())
            .into()),
    }
}

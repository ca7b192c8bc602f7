//! Deciding about requests of a standalone proxy, over its socket.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Done;
use crate::args::{Approvals, ApprovalsCommand, Decide};
use crate::output::{Tone, for_machines, line, table, tinted};
use crate::socket::ask;

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

//! Deciding about requests: of a standalone proxy, over its socket, and of a cluster.

use std::path::Path;
use std::process::ExitCode;

use portcullis_crds::approval_request::DecisionKind;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::{Approvals, ApprovalsCommand, Decide};
use crate::output::{Tone, for_machines, line, say, table, tinted};
use crate::socket::ask;
use crate::{Done, Failed, cluster, request};

/// A request, in short.
#[derive(Debug, Deserialize)]
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

pub(crate) async fn decide(decision: DecisionKind, args: &Decide) -> Done {
    let Some(state) = &args.which.state else {
        return cluster::approvals::decide(decision, args).await;
    };
    let verb = decision.word().to_lowercase();
    let mut asked = json!({"verb": verb, "name": args.name, "reason": args.reason});
    if let (Some(namespace), Some(asked)) = (&args.which.cluster.namespace, asked.as_object_mut()) {
        asked.insert("namespace".to_owned(), json!(namespace));
    }
    let answer = ask(state, &asked).await?;
    let state = answer.state.unwrap_or_default();
    let told = json!({ "name": args.name, "state": state });
    if !for_machines(args.output, &told)? {
        say([format!("{} {}", args.name, tinted(tone(&state), &state))])?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn run(args: &Approvals) -> Done {
    match &args.command {
        ApprovalsCommand::List {
            which,
            all_namespaces,
            output,
        } => {
            let Some(state) = &which.state else {
                return cluster::approvals::list(&which.cluster, *all_namespaces, *output).await;
            };
            let requests = ask(state, &json!({"verb": "list"})).await?.requests;
            if output.is_table() {
                print(&requests)?;
            } else {
                let mut whole = Vec::new();
                for request in &requests {
                    whole.push(shown(state, &request.name, Some(&request.namespace)).await?);
                }
                for_machines(*output, &Value::Array(whole))?;
            }
        }
        ApprovalsCommand::Show {
            name,
            which,
            output,
        } => {
            let request = match &which.state {
                Some(state) => shown(state, name, which.cluster.namespace.as_deref()).await?,
                None => cluster::approvals::shown(name, &which.cluster).await?,
            };
            if !for_machines(*output, &request)? {
                say(request::lines(&request)?)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All of a request, as the proxy tells it.
async fn shown(state: &Path, name: &str, namespace: Option<&str>) -> Result<Value, Failed> {
    let asked = json!({"verb": "show", "name": name, "namespace": namespace});
    let request = ask(state, &asked).await?.request;
    Ok(request.ok_or("the proxy tells nothing of the request")?)
}

/// In short; what somebody approves is told by `show`.
pub(crate) fn print(requests: &[Request]) -> Result<(), Failed> {
    let rows: Vec<Vec<String>> = requests.iter().map(row).collect();
    let headings = [
        "NAMESPACE",
        "NAME",
        "STATE",
        "APPROVALS",
        "REQUESTER",
        "OPERATION",
        "EXPIRES",
    ];
    table(&headings, &rows)?;
    if requests.iter().any(|request| request.state == "Pending") {
        let hint = "`portcullis approvals show NAME` tells all of an operation";
        say([tinted(Tone::Faint, hint)])?;
    }
    Ok(())
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

pub(crate) fn tone(state: &str) -> Tone {
    match state {
        "Approved" | "Consumed" => Tone::Good,
        "Pending" => Tone::Waiting,
        "Denied" | "Revoked" => Tone::Bad,
        _ => Tone::Faint,
    }
}

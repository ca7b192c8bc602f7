//! `portcullis sessions list`, `tail` and `kill` on a cluster: every proxy of a Connection is asked, for
//! each knows its own sessions alone.

use std::process::ExitCode;

use hyper::Method;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use portcullis_recording::event::SessionId;
use serde_json::{Value, json};

use super::Cluster;
use super::port::{Asked, Bearer};
use crate::args::Proxies;
use crate::output::{Format, for_machines, line, warn};
use crate::sessions::{OpenSession, chosen, ended, follow, print};
use crate::{Done, Failed};

/// What the operator's own pods carry, and no others may.
const GATEWAYS: &str = "app.kubernetes.io/name=portcullis-proxy,portcullis.dev/connection";

/// The proxies that were asked, and what they said.
#[derive(Debug, Default)]
struct Heard {
    sessions: Vec<(OpenSession, Pod)>,
    /// Those that did not answer, and why.
    silent: Vec<String>,
}

pub(crate) async fn list(proxies: &Proxies, output: Format) -> Done {
    let cluster = Cluster::connect(&proxies.cluster).await?;
    let bearer = cluster.bearer(proxies.service_account.as_deref()).await?;
    let heard = cluster.hear(&bearer, proxies.connection.as_deref()).await?;
    let value: Vec<Value> = heard.sessions.iter().map(told).collect();
    if !for_machines(output, &Value::Array(value))? {
        print(heard.sessions.iter().map(|(session, _)| session))?;
    }
    heard.complain();
    Ok(ExitCode::from(if heard.silent.is_empty() { 0 } else { 2 }))
}

pub(crate) async fn kill(session: &str, proxies: &Proxies, reason: &str, output: Format) -> Done {
    let cluster = Cluster::connect(&proxies.cluster).await?;
    let bearer = cluster.bearer(proxies.service_account.as_deref()).await?;
    let (session, pod) = cluster.find(session, &bearer, proxies).await?;
    let path = format!("/sessions/{session}");
    let asked = Asked {
        method: Method::DELETE,
        path: &path,
        body: Some(json!({ "reason": reason })),
    };
    cluster.ask(&pod, &bearer, asked).await?;
    ended(&session, reason, output)
}

pub(crate) async fn tail(session: &str, proxies: &Proxies, reason: &str, output: Format) -> Done {
    let cluster = Cluster::connect(&proxies.cluster).await?;
    let bearer = cluster.bearer(proxies.service_account.as_deref()).await?;
    let (session, pod) = cluster.find(session, &bearer, proxies).await?;
    let path = format!("/sessions/{session}/tail");
    let asked = Asked {
        method: Method::POST,
        path: &path,
        body: Some(json!({ "reason": reason })),
    };
    let mut lines = cluster.lines(&pod, &bearer, asked).await?;
    let answer = lines.answer().await?;
    follow(&mut lines, &answer, output).await
}

// === impl Cluster ===

impl Cluster {
    /// The session whose number begins so, and the proxy that has it.
    async fn find(
        &self,
        digits: &str,
        bearer: &Bearer,
        proxies: &Proxies,
    ) -> Result<(String, Pod), Failed> {
        let heard = self.hear(bearer, proxies.connection.as_deref()).await?;
        heard.complain();
        let open = heard.sessions.iter().map(|(open, _)| open.session.as_str());
        let session = match digits.parse::<SessionId>() {
            Ok(session) => session,
            // Among those that did not answer may be a second one that begins so.
            Err(_) if !heard.silent.is_empty() => {
                return Err("not every proxy answered; write the whole number".into());
            }
            Err(_) => chosen(digits, open)?.parse()?,
        };
        let session = session.to_string();
        let mut found = heard.sessions.into_iter();
        let found = found.find(|(open, _)| open.session == session);
        let (_, pod) = found.ok_or_else(|| match heard.silent.is_empty() {
            true => format!("no proxy tells of an open session {session}"),
            false => format!("not every proxy answered, and no other has the session {session}"),
        })?;
        Ok((session, pod))
    }

    async fn hear(&self, bearer: &Bearer, connection: Option<&str>) -> Result<Heard, Failed> {
        let pods = self.proxies(connection).await?;
        let mut heard = Heard::default();
        for pod in pods {
            let asked = Asked {
                method: Method::GET,
                path: "/sessions",
                body: None,
            };
            match self.ask(&pod, bearer, asked).await.and_then(listed) {
                Ok(sessions) => {
                    let each = sessions.into_iter().map(|session| (session, pod.clone()));
                    heard.sessions.extend(each);
                }
                Err(error) => heard.silent.push(format!("{}: {error}", pod.name_any())),
            }
        }
        heard
            .sessions
            .sort_by_key(|(session, _)| session.started_at);
        Ok(heard)
    }

    /// The gateways' pods that run.
    async fn proxies(&self, connection: Option<&str>) -> Result<Vec<Pod>, Failed> {
        let labels = match connection {
            Some(name) => format!("{GATEWAYS}={name}"),
            None => GATEWAYS.to_owned(),
        };
        let params = ListParams::default().labels(&labels);
        let mut pods: Vec<Pod> = self.list(Some(&self.namespace), params).await?;
        pods.retain(|pod| {
            let status = pod.status.as_ref();
            status.and_then(|status| status.phase.as_deref()) == Some("Running")
        });
        let of = connection.map_or_else(String::new, |name| format!(" of {name}"));
        match pods.is_empty() {
            true => Err(format!("no gateway{of} runs in {}", self.namespace).into()),
            false => Ok(pods),
        }
    }
}

// === impl Heard ===

impl Heard {
    fn complain(&self) {
        for silent in &self.silent {
            warn(&format!("portcullis: {}", line(silent, 1024)));
        }
    }
}

fn listed(answer: Value) -> Result<Vec<OpenSession>, Failed> {
    let sessions = answer.get("sessions").cloned().unwrap_or_default();
    let sessions = serde_json::from_value(sessions);
    Ok(sessions.map_err(|error| format!("the proxy's answer cannot be read: {error}"))?)
}

fn told((session, pod): &(OpenSession, Pod)) -> Value {
    let mut value = session.json();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("proxy".to_owned(), json!(pod.name_any()));
    }
    value
}

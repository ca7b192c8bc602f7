//! `portcullis sessions tail`: an open session as it happens.

use std::path::Path;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncRead;

use super::open::find;
use super::seen::Seen;
use super::show::{SHOWN, decided};
use crate::output::{Format, Tone, line, one_by_one, say, tinted};
use crate::socket::{Answer, Door, Lines};
use crate::{Done, Failed};

/// What the proxy tells next.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Told {
    Operation {
        number: u64,
        decision: String,
        text: String,
        class: String,
        rule: String,
    },
    #[serde(rename_all = "camelCase")]
    Output {
        number: u64,
        data: String,
        left_out: u64,
    },
    End {
        number: u64,
        outcome: String,
    },
    Missed(u64),
}

/// What was told so far.
#[derive(Debug, Default)]
struct Following {
    number: u64,
    seen: Seen,
}

pub(super) async fn run(session: &str, state: &Path, reason: &str, output: Format) -> Done {
    let session = find(session, state).await?;
    let asked = json!({ "verb": "tail", "session": session, "reason": reason });
    let (mut door, answer) = Door::ask(state, &asked).await?;
    follow(&mut door.lines, &answer, output).await
}

/// Tells what a proxy tells, until the session is over.
pub(crate) async fn follow<R>(lines: &mut Lines<R>, answer: &Answer, output: Format) -> Done
where
    R: AsyncRead + Unpin,
{
    if let Some(open) = &answer.session
        && !one_by_one(output, || json!({ "session": open.json() }))?
    {
        say([format!(
            "{} {} of {} at {}",
            tinted(Tone::Bold, "session"),
            line(&open.session, 40),
            line(&open.subject, 60),
            line(&format!("{}/{}", open.namespace, open.connection), 60),
        )])?;
    }
    let mut following = Following::default();
    while let Some(mut told) = lines.next::<serde_json::Map<_, _>>().await? {
        if let Some(error) = told.remove("error") {
            return Err(line(error.as_str().unwrap_or("the proxy refused"), SHOWN).into());
        }
        if told.contains_key("over") {
            if one_by_one(output, || told.into())? {
                return Ok(ExitCode::SUCCESS);
            }
            say([tinted(Tone::Bold, "the session is over")])?;
            return Ok(ExitCode::SUCCESS);
        }
        let read: Told = serde_json::from_value(told.clone().into())
            .map_err(|error| format!("the proxy's answer cannot be read: {error}"))?;
        if !one_by_one(output, || told.into())? {
            say(following.lines(read)?)?;
        }
    }
    Err("the proxy tells no more: it ended, or this was read too slowly".into())
}

// === impl Following ===

impl Following {
    fn lines(&mut self, told: Told) -> Result<Vec<String>, Failed> {
        Ok(match told {
            Told::Operation {
                number,
                decision,
                text,
                class,
                rule,
            } => {
                let mut lines = vec![decided(number, &decision, &text)];
                if decision != "allow" {
                    lines.push(format!("     {} {}", line(&class, 40), line(&rule, SHOWN)));
                }
                lines
            }
            Told::Output {
                number,
                data,
                left_out,
            } => {
                if self.number != number {
                    (self.number, self.seen) = (number, Seen::default());
                }
                let data = STANDARD.decode(data)?;
                let lines = self.seen.piece(&data, left_out).into_iter();
                lines.map(|line| format!("       {line}")).collect()
            }
            Told::End { number, outcome } => vec![format!("{number:>4} {}", line(&outcome, 60))],
            Told::Missed(lines) => {
                self.seen.gap();
                let missed = format!("{lines} lines were lost: they were not read in time");
                vec![tinted(Tone::Waiting, &missed)]
            }
        })
    }
}

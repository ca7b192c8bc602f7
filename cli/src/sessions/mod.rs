//! `portcullis sessions`: what was recorded, and what is open.

mod credential;
mod list;
mod open;
mod replay;
mod seen;
mod show;
mod source;
mod tail;
mod time;
mod verify;

use std::process::ExitCode;

use portcullis_recording::export::JsonLines;

use crate::Done;
use crate::args::{Sessions, SessionsCommand};
use crate::output::Out;
pub(crate) use open::OpenSession;

pub(crate) async fn run(args: Sessions) -> Done {
    match args.command {
        SessionsCommand::List { from, open, output } => match (open, &from.place.state) {
            (true, Some(state)) => open::list(state, output).await,
            _ => list::run(&from, output).await,
        },
        SessionsCommand::Show {
            session,
            from,
            output,
        } => show::run(&session, &from, output).await,
        SessionsCommand::Verify {
            from,
            signers,
            heads,
            output,
        } => verify::run(&from, &signers, &heads, output).await,
        SessionsCommand::Export { session, from } => export(session.as_deref(), &from).await,
        SessionsCommand::Replay {
            session,
            from,
            speed,
        } => replay::run(&session, &from, speed).await,
        SessionsCommand::Tail {
            session,
            state,
            reason,
        } => tail::run(&session, &state, &reason).await,
        SessionsCommand::Kill {
            session,
            state,
            reason,
        } => open::kill(&session, &state, &reason).await,
    }
}

async fn export(session: Option<&str>, from: &crate::args::Recorded) -> Done {
    let recordings = source::open(from)?;
    let query = source::query(&recordings, session).await?;
    let mut events = recordings.events(query, source::keyring(from)?);
    let mut lines = JsonLines::new(Out::new());
    while let Some(record) = events.next().await {
        lines.record(&record?)?;
    }
    drop(lines.finish()?);
    Ok(ExitCode::SUCCESS)
}

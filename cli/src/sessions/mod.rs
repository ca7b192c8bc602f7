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

use crate::args::{Proxies, Sessions, SessionsCommand};
use crate::output::Out;
use crate::{Done, cluster};
pub(crate) use open::{OpenSession, chosen, ended, print};
pub(crate) use tail::follow;

pub(crate) async fn run(args: Sessions) -> Done {
    match args.command {
        SessionsCommand::List {
            from,
            open,
            proxies,
            output,
        } => {
            let is_cluster = from.place.state.is_none() && from.place.store.is_none();
            if !is_cluster && proxies != Proxies::default() {
                return Err("--state and --store name a place, the other options a cluster".into());
            }
            match &from.place.state {
                _ if is_cluster => cluster::sessions::list(&proxies, output).await,
                Some(state) if open => open::list(state, output).await,
                _ => list::run(&from, output).await,
            }
        }
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
            output,
        } => replay::run(&session, &from, speed, output).await,
        SessionsCommand::Tail {
            session,
            state,
            proxies,
            reason,
            output,
        } => match state {
            Some(state) => tail::run(&session, &state, &reason, output).await,
            None => cluster::sessions::tail(&session, &proxies, &reason, output).await,
        },
        SessionsCommand::Kill {
            session,
            state,
            proxies,
            reason,
            output,
        } => match state {
            Some(state) => open::kill(&session, &state, &reason, output).await,
            None => cluster::sessions::kill(&session, &proxies, &reason, output).await,
        },
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

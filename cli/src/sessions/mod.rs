//! `portcullis sessions`: what was recorded.

mod list;
mod show;
mod source;
mod time;
mod verify;

use std::process::ExitCode;

use portcullis_recording::export::JsonLines;
use portcullis_recording::reader::Keyring;

use crate::Done;
use crate::args::{Sessions, SessionsCommand};

pub(crate) async fn run(args: Sessions) -> Done {
    match args.command {
        SessionsCommand::List { from, output } => list::run(&from, output).await,
        SessionsCommand::Show {
            session,
            from,
            output,
        } => show::run(&session, &from, output).await,
        SessionsCommand::Verify {
            from,
            keys,
            anchors,
            output,
        } => verify::run(&from, &keys, anchors.as_deref(), output).await,
        SessionsCommand::Export { session, from } => export(session.as_deref(), &from).await,
    }
}

async fn export(session: Option<&str>, from: &crate::args::Recorded) -> Done {
    let recordings = source::open(from)?;
    let query = source::query(&recordings, session).await?;
    let mut events = recordings.events(query, Keyring::default());
    let mut lines = JsonLines::new(std::io::stdout().lock());
    while let Some(record) = events.next().await {
        lines.record(&record?)?;
    }
    drop(lines.finish()?);
    Ok(ExitCode::SUCCESS)
}

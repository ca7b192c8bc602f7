//! Logs: one line an event on standard error, text for people and JSON for machines. Messages are
//! constant, what varies is in fields, and a secret is in neither (`secret::Secret` shows nothing).

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{LogForm, Logs};

/// Starts logging for the process. A second call changes nothing: the first one holds.
pub fn start(logs: &Logs) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(&logs.log_filter)?;
    let terminal = stderr().is_terminal();
    let json = match logs.log_form {
        LogForm::Auto => !terminal,
        LogForm::Text => false,
        LogForm::Json => true,
    };
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(terminal && !json);
    let _first = if json {
        started.json().flatten_event(true).try_init()
    } else {
        started.try_init()
    };
    Ok(())
}

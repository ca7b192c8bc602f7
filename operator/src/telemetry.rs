//! Logs: one line an event on standard error. Messages are constant, what varies is in fields.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{LogForm, Settings};

/// Starts logging for the process. A second call changes nothing: the first one holds.
pub fn start(settings: &Settings) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(&settings.log_filter)?;
    let terminal = stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(terminal);
    let machine =
        settings.log_form == LogForm::Json || (settings.log_form == LogForm::Auto && !terminal);
    let _first = match machine {
        true => lines.json().flatten_event(true).try_init(),
        false => lines.try_init(),
    };
    Ok(())
}

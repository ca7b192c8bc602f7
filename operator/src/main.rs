//! The process: flags, logs, a runtime, a run, and what it exits with.

use std::io::{Write, stderr};
use std::process::ExitCode;

use clap::Parser;
use portcullis_operator::config::Settings;
use portcullis_operator::{run, telemetry};
use tokio::runtime::Builder;

/// Bad flags.
const REFUSED: u8 = 2;

fn main() -> ExitCode {
    let settings = match Settings::try_parse() {
        Ok(settings) => settings,
        Err(error) => {
            // Help and version go to standard output and are no failure.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    if let Err(error) = telemetry::start(&settings) {
        tell(&format!("--log-filter: {error}"));
        return ExitCode::from(REFUSED);
    }
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&format!("no threads to run on: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run::run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the operator ends");
            ExitCode::FAILURE
        }
    }
}

/// One line for people, whatever form the logs have.
fn tell(line: &str) {
    // Nobody listens: nothing else could be done about it.
    let _ = writeln!(stderr(), "{line}");
}

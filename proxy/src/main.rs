//! The process: flags, logs, a runtime, a run, and what it exits with.

use std::io::{Write, stderr};
use std::process::ExitCode;

use portcullis_dialect::sql::parser::STACK_SIZE;
use portcullis_proxy::config::{Mode, Settings};
use portcullis_proxy::serving::Failed;
use portcullis_proxy::{cluster, standalone, telemetry};
use tokio::runtime::Builder;

/// Bad flags, or a configuration that never compiled.
const REFUSED: u8 = 2;

fn main() -> ExitCode {
    let settings = match Settings::parse_from_line(std::env::args_os()) {
        Ok(settings) => settings,
        Err(error) => {
            // Help and version go to standard output and are no failure.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    if let Err(error) = telemetry::start(settings.logs()) {
        tell(&format!("--log-filter: {error}"));
        return ExitCode::from(REFUSED);
    }
    match start(settings.mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Refused(refused)) => {
            for refusal in &refused {
                tell(&refusal.to_string());
            }
            ExitCode::from(REFUSED)
        }
        Err(failed) => {
            tell(&failed.to_string());
            ExitCode::FAILURE
        }
    }
}

fn start(mode: Mode) -> Result<(), Failed> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        // A statement that nests as deep as is taken is analysed on it.
        .thread_stack_size(STACK_SIZE)
        .build();
    let runtime = runtime.map_err(|source| Failed::Io {
        what: "no threads to run on".to_owned(),
        source,
    })?;
    // On a thread of the runtime, which has the stack.
    runtime.block_on(async {
        let run = async move {
            match mode {
                Mode::Standalone(run) => standalone::run(&run).await,
                Mode::Cluster(run) => cluster::run(&run).await,
            }
        };
        let ran = tokio::spawn(run).await;
        ran.unwrap_or_else(|error| {
            Err(Failed::Io {
                what: "the run died".to_owned(),
                source: std::io::Error::other(error),
            })
        })
    })
}

/// One line for people, whatever form the logs have.
fn tell(line: &str) {
    // Nobody listens: nothing else could be done about it.
    let _ = writeln!(stderr(), "{line}");
}

//! `portcullis`: judge policies, decide about requests, read recordings, and a demonstration.

mod approvals;
mod args;
mod cluster;
mod demo;
mod documents;
mod explain;
mod files;
mod output;
mod request;
mod reviews;
mod sessions;
mod socket;
mod validate;

use std::process::ExitCode;

use clap::Parser;
use portcullis_crds::approval_request::DecisionKind;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("no runtime: {error}")),
    };
    let done = match args.command {
        Command::Validate(args) => validate::run(&args),
        Command::Explain(args) => match args.config.as_deref() {
            Some(directory) => explain::run(directory, &args),
            None => runtime.block_on(cluster::explain::run(&args)),
        },
        Command::Status(args) => runtime.block_on(cluster::status::run(&args)),
        Command::Approve(args) => runtime.block_on(approvals::decide(DecisionKind::Approve, &args)),
        Command::Deny(args) => runtime.block_on(approvals::decide(DecisionKind::Deny, &args)),
        Command::Revoke(args) => runtime.block_on(approvals::decide(DecisionKind::Revoke, &args)),
        Command::Approvals(args) => runtime.block_on(approvals::run(&args)),
        Command::Sessions(args) => runtime.block_on(sessions::run(args)),
        Command::Demo(args) => demo::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) if output::is_unread(&*error) => ExitCode::from(UNREAD),
        Err(error) => failed(&error.to_string()),
    }
}

/// What a shell tells of a filter that the end of its pipe has ended (128 and SIGPIPE).
const UNREAD: u8 = 141;

/// What went wrong, in the words of whoever noticed.
type Failed = Box<dyn std::error::Error>;

/// 0: yes. 1: the answer is no. 2: it could not be told.
type Done = Result<ExitCode, Failed>;

fn failed(message: &str) -> ExitCode {
    output::warn(&format!("portcullis: {message}"));
    ExitCode::from(2)
}

//! Runs the command, and stands in for the proxy that it asks.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use serde_json::Value;

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments);
    command
}

pub(crate) fn portcullis(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let said = complained(output);
        panic!("no JSON; {said}")
    })
}

/// A proxy that hears one command on each connection, and says these lines.
pub(crate) fn proxy(state: &Path, answers: Vec<Vec<Value>>) -> JoinHandle<Vec<Value>> {
    let listener = UnixListener::bind(state.join("control.sock")).unwrap();
    std::thread::spawn(move || {
        let mut heard = Vec::new();
        for lines in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut command = String::new();
            let mut reading = BufReader::new(stream.try_clone().unwrap());
            reading.read_line(&mut command).unwrap();
            heard.push(serde_json::from_str(&command).unwrap());
            for line in lines {
                stream.write_all(format!("{line}\n").as_bytes()).unwrap();
            }
        }
        heard
    })
}

//! psql, kept open.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What ends each answer.
const MARK: &str = "--- answered";

/// One session. It ends when it is dropped.
pub(crate) struct Psql {
    child: Child,
    asking: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Psql {
    /// Logs in when the first question is asked. `place` is what libpq calls a connection string.
    pub(crate) fn open(place: &str, password: Option<&str>) -> Self {
        let mut command = Command::new("sh");
        // Errors among the answers, in their order.
        let line = "exec psql -wqXAt -U whoever -d \"$0\" 2>&1";
        command.args(["-c", line, place]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("PGCONNECT_TIMEOUT", "20");
        match password {
            Some(password) => command.env("PGPASSWORD", password),
            None => command.env_remove("PGPASSWORD"),
        };
        let mut child = command.spawn().unwrap();
        Self {
            asking: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// All that is said to a query, errors and notices included.
    pub(crate) fn ask(&mut self, query: &str) -> String {
        self.send(query);
        self.answer()
    }

    /// Asks, and does not wait.
    pub(crate) fn send(&mut self, query: &str) {
        // One that could not log in is not there any more, and has said why.
        let _gone = writeln!(self.asking, "{query};\n\\echo {MARK}");
    }

    /// What control-C does: psql asks the server, on a connection of its own, to cancel what runs.
    pub(crate) fn interrupt(&self) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &process]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn answer(&mut self) -> String {
        let mut answer = String::new();
        let mut line = String::new();
        while self.answers.read_line(&mut line).unwrap() > 0 {
            if line.trim_end() == MARK {
                break;
            }
            answer.push_str(&line);
            line.clear();
        }
        answer.trim_end().to_owned()
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _ended = self.child.wait();
    }
}

//! kubectl, as one user, in one namespace.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

/// kubectl with somebody's kubeconfig.
#[derive(Debug, Clone)]
pub struct Kubectl {
    kubeconfig: PathBuf,
    options: Vec<String>,
}

/// What a command answered.
#[derive(Debug, Clone)]
pub struct Said {
    /// The command, for messages.
    pub command: String,
    pub succeeded: bool,
    pub output: String,
    /// Warnings and errors.
    pub errors: String,
}

// === impl Kubectl ===

impl Kubectl {
    pub(crate) fn new(kubeconfig: &Path) -> Self {
        Self {
            kubeconfig: kubeconfig.to_owned(),
            options: Vec::new(),
        }
    }

    /// The same user in a namespace.
    #[must_use]
    pub fn within(&self, namespace: &str) -> Self {
        self.with_option(format!("--namespace={namespace}"))
    }

    /// The same user, who impersonates another (`--as`).
    #[must_use]
    pub fn impersonating(&self, user: &str) -> Self {
        self.with_option(format!("--as={user}"))
    }

    /// The same user, who impersonates another of whom the API server knows more than the name.
    /// Takes kubectl 1.35 or newer.
    #[must_use]
    pub fn knowing(&self, user: &str, extra: &[(&str, &str)]) -> Self {
        extra
            .iter()
            .fold(self.impersonating(user), |who, (key, value)| {
                who.with_option(format!("--as-user-extra={key}={value}"))
            })
    }

    /// Whoever carries this token, where the kubeconfig has no user: a client certificate would be
    /// heard first.
    #[must_use]
    pub(crate) fn with_token(&self, token: &str) -> Self {
        self.with_option(format!("--token={token}"))
    }

    fn with_option(&self, option: String) -> Self {
        let mut options = self.options.clone();
        options.push(option);
        Self {
            kubeconfig: self.kubeconfig.clone(),
            options,
        }
    }

    /// Runs kubectl and gives it `input`.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = Command::new("kubectl");
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .args(&self.options)
            .args(arguments);
        let name = format!("kubectl {} {}", self.options.join(" "), arguments.join(" "));
        answer(command, name, input)
    }

    /// `portcullis` as this user, in this namespace.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .args(arguments)
            .args(&self.options);
        command
    }

    /// Runs it.
    pub fn portcullis(&self, arguments: &[&str]) -> Said {
        let name = format!("portcullis {}", arguments.join(" "));
        answer(self.program(arguments), name, "")
    }

    /// Runs kubectl.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "")
    }

    /// Runs kubectl, which must succeed; its output.
    #[track_caller]
    pub fn must(&self, arguments: &[&str]) -> String {
        self.run(arguments).must_succeed()
    }

    /// Applies objects written as YAML or JSON, by server-side apply, as kubectl's users should.
    #[track_caller]
    pub fn apply(&self, objects: &str) {
        self.try_apply(objects).must_succeed();
    }

    /// The same, whatever comes of it.
    pub fn try_apply(&self, objects: &str) -> Said {
        self.run_with(
            &["apply", "--server-side", "--force-conflicts", "-f", "-"],
            objects,
        )
    }

    /// Creates objects as they are written, whatever comes of it.
    pub fn try_create(&self, objects: &str) -> Said {
        self.run_with(&["create", "-f", "-"], objects)
    }

    /// Waits until a Connection says that it is Ready.
    #[track_caller]
    pub fn until_ready(&self, connection: &str) {
        let what = format!("conn/{connection}");
        self.must(&["wait", "--for=condition=Ready", "--timeout=90s", &what]);
    }

    /// One object, or a list of them.
    #[track_caller]
    pub fn get(&self, what: &[&str]) -> Value {
        let mut arguments = vec!["get", "--output=json"];
        arguments.extend(what);
        let said = self.must(&arguments);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// One object where it is there.
    pub fn find(&self, what: &[&str]) -> Option<Value> {
        let mut arguments = vec!["get", "--output=json", "--ignore-not-found"];
        arguments.extend(what);
        let said = self.run(&arguments).must_succeed();
        serde_json::from_str(&said).ok()
    }
}

// === impl Said ===

impl Said {
    /// The output of a command that must have succeeded.
    #[track_caller]
    pub fn must_succeed(self) -> String {
        assert!(
            self.succeeded,
            "{}\nfailed: {}{}",
            self.command, self.output, self.errors
        );
        self.output
    }

    /// The command must have been refused, in words that contain `reason`.
    #[track_caller]
    pub fn must_be_refused(self, reason: &str) -> String {
        assert!(
            !self.succeeded,
            "{}\nsucceeded, and must be refused for {reason:?}: {}",
            self.command, self.output
        );
        assert!(
            self.errors.contains(reason),
            "{}\nmust be refused for {reason:?}, and says {}",
            self.command,
            self.errors
        );
        self.errors
    }
}

/// `portcullis` as cargo built it, beside this test's own program.
pub fn program() -> PathBuf {
    let test = env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let folder = test.ancestors().nth(2).unwrap_or(Path::new("."));
    folder.join("portcullis")
}

fn answer(mut command: Command, name: String, input: &str) -> Said {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{name}: it cannot be started: {error}"));
    let stdin = child.stdin.take();
    let answered = thread::scope(|scope| {
        scope.spawn(move || {
            // What it does not read, it does not want.
            let _unread = stdin.map(|mut stdin| stdin.write_all(input.as_bytes()));
        });
        child.wait_with_output()
    });
    let answered = answered.unwrap_or_else(|error| panic!("{name}: {error}"));
    Said {
        command: name,
        succeeded: answered.status.success(),
        output: String::from_utf8_lossy(&answered.stdout).into_owned(),
        errors: String::from_utf8_lossy(&answered.stderr).into_owned(),
    }
}

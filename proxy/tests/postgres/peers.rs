//! What others wrote and we run against: `hack/deps` installs it below the target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longer than any script of ours runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where it is installed.
fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("peers")
}

/// The path of an installed file, or a clear word that it is missing.
fn installed(path: &str) -> PathBuf {
    let file = folder().join(path);
    let there = file.exists();
    assert!(there, "{} is missing: run `make deps`", file.display());
    file
}

fn script(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    tests.join(name)
}

/// A script with node, which gets the folder of its packages as its first argument.
pub(crate) fn node(name: &str, package: &str) -> Command {
    installed(&format!("node_modules/{package}/package.json"));
    let mut command = Command::new("node");
    command.arg(script(name)).arg(folder());
    command
}

/// A script with the Python that has the drivers.
pub(crate) fn python(name: &str) -> Command {
    installed("requirements.txt");
    let mut command = Command::new(installed("python/bin/python"));
    command.arg("-B").arg(script(name));
    command
}

/// A program that was built of what is here.
pub(crate) fn built(name: &str) -> Command {
    Command::new(installed(name))
}

/// A program for Java; none, with the reason told, where it was not built for want of one.
pub(crate) fn java(class: &str, folder: &str) -> Option<Command> {
    let built = self::folder().join(folder);
    if !built.join(format!("{class}.class")).exists() {
        eprintln!("skipped: there is no Java; install a JDK and run `make deps`");
        return None;
    }
    let mut command = Command::new("java");
    let path = format!("{0}:{0}/{folder}.jar", built.display());
    command.arg("-cp").arg(path).arg(class);
    Some(command)
}

/// What a script says, once it ended well.
pub(crate) async fn said(mut command: Command) -> String {
    command.stdin(Stdio::null());
    let name = format!("{command:?}");
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = tokio::time::timeout(PATIENCE, ran);
    let output = output.await.expect("the script ends").unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {words}");
    String::from_utf8(output.stdout).unwrap()
}

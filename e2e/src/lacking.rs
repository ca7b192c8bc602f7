//! What a test needs and a cluster of somebody else may not have.
//!
//! Such a test ends early. Rust's harness calls that passed, so it is written down by its name and
//! reason, and `e2e/run` tells all of them, and how many they are, at the end. Where the cluster is of
//! our own nothing may be lacking, and the test fails.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// Names the file that it is written into. `e2e/run` sets it where the cluster is not of its own.
const SKIPPED: &str = "E2E_SKIPPED";

/// What a test ends with that cannot be run.
struct Skipped;

/// Ends this test, for the cluster has no `what`. Its namespace is removed as ever.
#[track_caller]
pub fn lacks(what: &str) -> ! {
    left_out(what);
    // No panic: nothing went wrong, and nothing is to be printed.
    resume_unwind(Box::new(Skipped))
}

/// Tells that a part of this test is left out, for the cluster has no `what`.
#[track_caller]
pub fn left_out(what: &str) {
    let Some(path) = env::var_os(SKIPPED).filter(|path| !path.is_empty()) else {
        panic!(
            "there is no {what}. That is skipped where `e2e/run` finds a cluster by KUBECONFIG, and \
             fails everywhere else"
        );
    };
    let thread = thread::current();
    let line = format!("{}: no {what}\n", thread.name().unwrap_or("a test"));
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Runs a test that may end for want of something. Whoever has a namespace has this already.
pub fn unless_lacking(test: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(test))
        && !panic.is::<Skipped>()
    {
        resume_unwind(panic);
    }
}

/// Whether a test that ended so is one that was skipped.
pub(crate) fn is_skipped(panic: &(dyn std::any::Any + Send)) -> bool {
    panic.is::<Skipped>()
}

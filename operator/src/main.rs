//! The process: flags, logs, a runtime, a run.

fn main() {}

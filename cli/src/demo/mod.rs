//! `portcullis demo`: a database, a proxy in front of it, and a walk through what it does.
//!
//! Everything is made in one directory and runs on loopback; nothing else on the machine is
//! touched. Each step shows the command, its true output, and checks that it is what it should be.

mod house;
mod server;
mod step;
mod walk;

use std::process::ExitCode;

use crate::Done;
use crate::args::Demo;
use crate::output::{Tone, say, tinted};
use house::House;

pub(crate) fn run(args: &Demo) -> Done {
    let house = House::build(args.directory.as_deref())?;
    let failures = walk::walk(&house)?;
    for failure in &failures {
        let wrong = tinted(Tone::Bad, "not as expected:");
        say([format!("{wrong} {failure}")])?;
    }
    if args.once || !failures.is_empty() {
        return Ok(ExitCode::from(u8::from(!failures.is_empty())));
    }
    house.invite()?;
    house.wait()?;
    Ok(ExitCode::SUCCESS)
}

//! What the gate costs an operation: decide, record, admit, end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    clippy::disallowed_methods,
    dead_code,
    reason = "a bench stops where something is wrong, and shares the tests' Connection"
)]

#[path = "../tests/gate/bed.rs"]
mod bed;

use std::sync::Arc;

use bed::{Bed, Terms, asked, told};
use divan::{Bencher, black_box};
use portcullis_policy::Effect;
use portcullis_proxy::session::gate::{Outcome, Ruling, Told};
use tokio::runtime::{Builder, Runtime};

fn main() {
    divan::main();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn point_select(id: u32) -> Arc<Told> {
    let text = format!("SELECT abalance FROM pgbench_accounts WHERE aid = {id};");
    told(Effect::Read, "SELECT", &text)
}

/// One statement that is executed again and again.
#[divan::bench(sample_count = 100, sample_size = 500)]
fn judge_and_end_prepared(bencher: Bencher) {
    judge(bencher, &[point_select(71_234)]);
}

/// Statements that differ in a constant, each analysed by itself.
#[divan::bench(sample_count = 100, sample_size = 500)]
fn judge_and_end_simple(bencher: Bencher) {
    let all: Vec<_> = (0..64).map(point_select).collect();
    judge(bencher, &all);
}

/// An operation in flight, while nothing changed.
#[divan::bench(sample_count = 100, sample_size = 500)]
fn recheck(bencher: Bencher) {
    let runtime = runtime();
    let _guard = runtime.enter();
    let bed = Bed::new(Terms::default());
    let mut session = runtime.block_on(bed.open()).unwrap();
    let told = point_select(1);
    let Ruling::Admitted(admitted) = runtime.block_on(session.judge(&asked(&told))) else {
        panic!("allowed");
    };
    let mut running = admitted.forward();
    bencher.bench_local(|| session.recheck(black_box(&mut running)).unwrap());
}

fn judge(bencher: Bencher, all: &[Arc<Told>]) {
    let runtime = runtime();
    let _guard = runtime.enter();
    let bed = Bed::new(Terms::default());
    let mut session = runtime.block_on(bed.open()).unwrap();
    let mut told = all.iter().cycle();
    bencher.bench_local(|| {
        let told = told.next().unwrap();
        let Ruling::Admitted(admitted) = runtime.block_on(session.judge(&asked(told))) else {
            panic!("allowed");
        };
        let mut running = admitted.forward();
        let _ = running.row(40);
        running.show(black_box(&[b'x'; 40]));
        running.end(Outcome::Succeeded);
    });
}

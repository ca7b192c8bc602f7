//! Prints how well the detectors do on the two labelled corpora:
//! `cargo run -p portcullis-policy --example detectors [-- --differences]`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a measuring tool, not the product"
)]
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

#[path = "../tests/corpus/mod.rs"]
mod corpus;

use corpus::{Row, Score};

fn main() {
    let with_differences = std::env::args().any(|arg| arg == "--differences");
    print_table(
        "grown with the detectors",
        &corpus::grown(),
        with_differences,
    );
    println!();
    print_table("blind", &corpus::blind(), with_differences);
}

fn print_table(title: &str, rows: &[Row], with_differences: bool) {
    let (scores, differences) = corpus::score(rows);
    println!("corpus: {title}, {} lines", rows.len());
    println!(
        "{:<22} {:>6} {:>11} {:>6} {:>7} {:>6} {:>10} {:>7}",
        "detector", "values", "near misses", "found", "missed", "wrong", "precision", "recall"
    );
    let mut total = Score::default();
    for (kind, score) in &scores {
        print(kind.name(), score);
        total.found += score.found;
        total.missed += score.missed;
        total.wrong += score.wrong;
        total.near_misses += score.near_misses;
    }
    print("all", &total);
    if with_differences {
        differences.iter().for_each(|line| println!("{line}"));
    }
}

fn print(name: &str, score: &Score) {
    let percent = |per_mille: usize| format!("{}.{} %", per_mille / 10, per_mille % 10);
    println!(
        "{name:<22} {:>6} {:>11} {:>6} {:>7} {:>6} {:>10} {:>7}",
        score.found + score.missed,
        score.near_misses,
        score.found,
        score.missed,
        score.wrong,
        percent(score.precision()),
        percent(score.recall()),
    );
}

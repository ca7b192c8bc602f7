//! The cases: `results | uses | copies | statement`, one to a line.
//!
//! Results are one word for each column, `-` for no rows, `??` for rows that are not told, with
//! ` ; ` between statements. A column's word begins with `=` (the value itself), `~` (computed) or
//! is `?`; uses begin with `=` (looked up by a value), `^` (may
//! fail by it), `!` (reveals more) or `v` (within a view or
//! policy), and `??` says that there may be others.

use super::{catalogue, summary, told};
use crate::server::Server;

#[test]
fn every_case_is_told_as_it_says() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("cases.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parts: Vec<&str> = line.splitn(4, " | ").collect();
        assert_eq!(parts.len(), 4, "no case: {line}");
        count += 1;
        let found = summary(&told(&catalogue, parts[3]).unwrap());
        if parts[..3] != found {
            wrong.push(format!("{} | {}", found.join(" | "), parts[3]));
        }
    }
    assert!(count >= 200, "{count}");
    assert!(
        wrong.is_empty(),
        "{} of {count} are told otherwise:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

//! Parts of documents: `places | statement`, one to a line.
//!
//! A place is the column with the steps into it: `.name`, `[]` for an element, `.*` for any, `~` for
//! itself or its elements, `!` where what is below does not count. Before it stands `=` (looked up
//! by a value), `^` (may fail by it) or `?` (reveals more).

use portcullis_dialect::sql::lineage::{Lineage, Use};
use portcullis_policy::mask::PlaceStep;

use super::{catalogue, short, told};
use crate::server::Server;

fn places(lineage: &Lineage) -> String {
    let mut words = Vec::new();
    for (column, places) in &lineage.documents {
        for (place, usage) in places {
            let step = |step: &PlaceStep| match step {
                PlaceStep::Key(key) => format!(".{key}"),
                PlaceStep::Element => "[]".to_owned(),
                PlaceStep::Any => ".*".to_owned(),
                PlaceStep::Unwrapped => "~".to_owned(),
            };
            let steps: String = place.steps.iter().map(step).collect();
            let mark = match usage {
                Use::Equality => "=",
                Use::Fails => "^",
                Use::Reveals => "?",
            };
            let end = if place.whole { "" } else { "!" };
            words.push(format!("{mark}{}{steps}{end}", short(column)));
        }
    }
    match words.is_empty() {
        true => "-".to_owned(),
        false => words.join(" "),
    }
}

#[test]
fn parts_of_documents_are_told_as_every_case_says() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("documents.txt").lines() {
        let Some((expected, text)) = line.split_once(" | ") else {
            continue;
        };
        count += 1;
        let found = places(&told(&catalogue, text).unwrap());
        if found != expected {
            wrong.push(format!("{found} | {text}"));
        }
    }
    assert!(count >= 60, "{count}");
    let wrong = wrong.join("\n");
    assert!(wrong.is_empty(), "of {count} are told otherwise:\n{wrong}");
}

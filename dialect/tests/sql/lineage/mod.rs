//! Lineage against a real server: a table of cases, and a differential test.

mod cases;
mod differential;
mod documents;
mod limits;

use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::lineage::{Cursors, Lineage, Origin, Rows, Use, lineage};
use portcullis_dialect::sql::parser::Refused;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;

use crate::server::Server;

const DATABASE: &str = "lineage";

/// The catalogue of the schema that all of it is about.
fn catalogue(server: &Server) -> Catalogue {
    static MAKING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let making = MAKING
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    // The server goes when no test holds it, and a new one has no databases yet.
    if !server.psql(DATABASE, &["-c", "SELECT 1"]).status.success() {
        server.database(DATABASE, include_str!("schema.sql"));
    }
    drop(making);
    server.catalogue(DATABASE)
}

fn told(catalogue: &Catalogue, text: &str) -> Result<Lineage, Refused> {
    let settings = Settings::new(DATABASE, "postgres");
    let (prepared, cursors) = (Prepared::default(), Cursors::default());
    lineage(text, &settings, catalogue, &prepared, &cursors)
}

/// A column as the cases write it: `=` before its own value, `~` before what is computed.
fn origin(origin: &Origin) -> String {
    let list = |mark: &str, columns: &std::collections::BTreeSet<_>| {
        let names: Vec<String> = columns.iter().map(short).collect();
        format!("{mark}{}", names.join("+"))
    };
    match origin {
        Origin::Column(columns) => list("=", columns),
        Origin::Derived(columns) => list("~", columns),
        Origin::Untraced => "?".to_owned(),
    }
}

fn short(column: &portcullis_dialect::sql::lineage::ColumnRef) -> String {
    column.to_string().replace("public.", "")
}

fn rows(rows: &Rows) -> String {
    match rows {
        Rows::None => "-".to_owned(),
        Rows::Untraced => "??".to_owned(),
        Rows::Columns(columns) => {
            let all: Vec<String> = columns
                .iter()
                .map(|column| origin(&column.origin))
                .collect();
            match all.is_empty() {
                true => "()".to_owned(),
                false => all.join(" "),
            }
        }
    }
}

fn joined(words: Vec<String>) -> String {
    match words.is_empty() {
        true => "-".to_owned(),
        false => words.join(" "),
    }
}

/// What is told of a text, in the words of a case: results, uses, copies.
fn summary(lineage: &Lineage) -> [String; 3] {
    let results: Vec<String> = lineage.results.iter().map(rows).collect();
    let mut uses: Vec<String> = Vec::new();
    for (column, usage) in &lineage.uses {
        let mark = match usage {
            Use::Equality => "=",
            Use::Fails => "^",
            Use::Reveals => "!",
        };
        uses.push(format!("{mark}{}", short(column)));
    }
    let stored = lineage.stored_uses.iter();
    uses.extend(stored.map(|column| format!("v{}", short(column))));
    if lineage.untraced {
        uses.push("??".to_owned());
    }
    let copies = lineage.copies.iter().map(short).collect();
    [results.join(" ; "), joined(uses), joined(copies)]
}

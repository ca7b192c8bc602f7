//! Tables of cases: `effect | flags | accesses | statement`, one to a line. `-` is none, `*` is not
//! compared; an access is `Effect kind:path`, and `?` stands for a name that could not be told.

use portcullis_dialect::sql::catalogue::{Catalogue, ReviewedFunction};
use portcullis_dialect::sql::names::Name;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{Analysis, Refused, analyse};
use portcullis_policy::{Access, Operation, Resource};

use crate::server::Server;

const DATABASE: &str = "cases";

/// The catalogue of the schema that all cases are about, with two functions reviewed.
pub(crate) fn catalogue(server: &Server) -> Catalogue {
    static MAKING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let making = MAKING
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    // The server goes when no test holds it, and a new one has no databases yet.
    if !server.psql(DATABASE, &["-c", "SELECT 1"]).status.success() {
        server.database(DATABASE, include_str!("schema.sql"));
    }
    drop(making);
    let mut catalogue = server.catalogue(DATABASE);
    let hash = |name: &str| {
        let query = format!(
            "SELECT encode(sha256(convert_to(pg_get_functiondef('{name}'::regproc), 'UTF8')), 'hex')"
        );
        let output = server.psql(DATABASE, &["-At", "-c", &query]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let reviewed: Vec<_> = ["reviewed", "stamp_reviewed"]
        .into_iter()
        .map(|name| ReviewedFunction {
            name: Name::new("public", name),
            definition: hash(name),
            reads: Vec::new(),
            writes: Vec::new(),
        })
        .collect();
    catalogue.review(reviewed);
    catalogue
}

pub(crate) fn told(catalogue: &Catalogue, text: &str) -> Result<Analysis, Refused> {
    let settings = Settings::new(DATABASE, "postgres");
    analyse(text, &settings, catalogue, &Prepared::default())
}

pub(crate) fn access(access: &Access) -> String {
    let path = match &access.resource {
        Resource::Named { kind, segments } => {
            let separator = kind.separator().map(String::from).unwrap_or_default();
            format!("{kind}:{}", segments.join(&separator))
        }
        Resource::Unresolved { kind } => format!("{kind}:?"),
    };
    format!("{} {path}", access.effect)
}

fn list(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    words.sort();
    match words.is_empty() {
        true => "-".to_owned(),
        false => words.join(", "),
    }
}

/// What is told of an operation, in the words of a case.
fn summary(operation: &Operation) -> [String; 3] {
    [
        operation.effect.to_string(),
        list(operation.flags.iter().map(ToString::to_string)),
        list(operation.accesses.iter().map(access)),
    ]
}

fn check(cases: &str) {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in cases.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parts: Vec<&str> = line.splitn(4, " | ").collect();
        assert_eq!(parts.len(), 4, "no case: {line}");
        let text = parts[3]
            .replace("\\n", "\n")
            .replace("\\r", "\r")
            .replace("\\f", "\u{c}");
        count += 1;
        let found = match told(&catalogue, &text) {
            Ok(analysis) => summary(&analysis.operation),
            Err(refused) => ["Refused".to_owned(), refused.to_string(), "-".to_owned()],
        };
        for (expected, found_part) in parts.iter().zip(&found) {
            let expected = match *expected {
                "*" => continue,
                other => list(other.split(", ").filter(|w| *w != "-").map(str::to_owned)),
            };
            if expected != *found_part {
                wrong.push(format!("{line}\n    found: {}", found.join(" | ")));
                break;
            }
        }
    }
    assert!(count > 0);
    assert!(
        wrong.is_empty(),
        "{} of {count} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

macro_rules! tables {
    ($($name:ident: $file:literal),+ $(,)?) => {
        $(#[test]
        fn $name() {
            check(include_str!($file));
        })+
    };
}

tables!(
    spelling_does_not_change_what_is_told: "cases/lex.txt",
    definitions_are_told_with_all_that_they_reach: "cases/ddl.txt",
    what_writes_is_never_called_a_read: "cases/ro.txt",
    every_relation_is_told_by_its_own_name: "cases/tab.txt",
    changes_of_identity_and_settings_are_told: "cases/ident.txt",
    files_programs_and_code_of_the_server_are_flagged: "cases/file.txt",
    conditions_that_do_not_look_at_the_row_are_flagged: "cases/where.txt",
    functions_are_told_by_what_they_do: "cases/functions.txt",
    what_tables_run_unnamed_is_told: "cases/upkeep.txt",
    values_are_told_by_what_their_types_run: "cases/types.txt",
);

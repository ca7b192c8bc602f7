//! The differential test: what the classifier calls Read runs in a READ ONLY transaction of a real
//! server without SQLSTATE 25006.
//!
//! It runs over the statements of `corpus.sql` and those that `combined.rs` makes. `make soak` runs
//! it over the server's own regression tests too, where `PORTCULLIS_REGRESS_SQL` names them
//! (`src/test/regress` of its source).

use std::fmt::Write as _;
use std::path::Path;

use portcullis_dialect::sql::analyse;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_policy::Effect;

use crate::server::Server;
use crate::{cases, combined};

/// What became of a corpus.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    statements: usize,
    read: usize,
    unknown: usize,
    refused: usize,
    /// Called Read, and the server ran it.
    ran: usize,
    unaccounted: Vec<String>,
    /// Called Read, and the server refused it in a READ ONLY transaction.
    wrong: Vec<String>,
}

/// Cuts a script into statements, without the lines that are for psql and the data of COPY.
fn statements(script: &str) -> Vec<String> {
    let mut text = String::new();
    let mut in_copy = false;
    for line in script.lines() {
        if in_copy {
            in_copy = line != "\\.";
            continue;
        }
        if line.trim_start().starts_with('\\') {
            continue;
        }
        let lower = line.to_ascii_lowercase();
        in_copy = lower.starts_with("copy ") && lower.contains("from stdin");
        text.push_str(line);
        text.push('\n');
    }
    match pg_query::split_with_scanner(&text) {
        Ok(parts) => parts.iter().map(|part| part.trim().to_owned()).collect(),
        Err(_) => text
            .split(";\n")
            .map(|part| part.trim().to_owned())
            .collect(),
    }
}

fn compare(server: &Server, database: &str, statements: &[String]) -> Counts {
    let catalogue = server.catalogue(database);
    let settings = Settings::new(database, "postgres");
    let mut counts = Counts::default();
    let mut reads = Vec::new();
    for text in statements {
        counts.statements += 1;
        match analyse(text, &settings, &catalogue, &Prepared::default()) {
            Ok(analysis) => {
                if let Some(verbs) = analysis.operation.attributes.get("unaccounted") {
                    counts.unaccounted.push(format!("{verbs:?}: {text}"));
                }
                if analysis.operation.is_unknown() {
                    counts.unknown += 1;
                } else if analysis.operation.effect == Effect::Read {
                    reads.push(text);
                }
            }
            Err(_) => counts.refused += 1,
        }
    }
    counts.read = reads.len();
    let mut script = String::from(
        "\\set VERBOSITY sqlstate\n\\o /dev/null\nSET statement_timeout = '2s';\n\\timing off\n",
    );
    for (index, text) in reads.iter().enumerate() {
        let _ = write!(
            script,
            "\\warn @{index}\nBEGIN READ ONLY;\n{text}\n;\nROLLBACK;\n"
        );
    }
    let file = server.file(&format!("{database}-reads.sql"), &script);
    let output = server.psql(database, &["-f", &file]);
    let mut at = 0;
    let mut failed = std::collections::BTreeSet::new();
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        if let Some(index) = line.strip_prefix('@') {
            at = index.parse().unwrap();
        } else if line.contains("ERROR:") {
            failed.insert(at);
            if line.contains("25006") {
                counts.wrong.push(reads[at].clone());
            }
        }
    }
    assert!(
        reads.is_empty() || at + 1 == reads.len(),
        "psql stopped at {at} of {}",
        reads.len()
    );
    counts.ran = reads.len() - failed.len();
    counts
}

#[test]
fn what_is_called_a_read_runs_in_a_read_only_transaction() {
    let server = Server::shared();
    drop(cases::catalogue(&server));
    let mut corpus = statements(include_str!("corpus.sql"));
    corpus.extend(combined::statements());
    assert!(corpus.len() >= 1_000, "{}", corpus.len());
    let counts = compare(&server, "cases", &corpus);
    eprintln!(
        "corpus: {} statements, {} read ({} ran), {} unknown, {} refused",
        counts.statements, counts.read, counts.ran, counts.unknown, counts.refused
    );
    assert_eq!(counts.wrong, Vec::<String>::new());
    assert_eq!(counts.unaccounted, Vec::<String>::new());
    assert!(counts.ran >= 600, "{} of {} ran", counts.ran, counts.read);
}

#[test]
#[ignore = "needs the source of the server; PORTCULLIS_REGRESS_SQL=… make soak runs it"]
fn the_regression_tests_of_the_server_agree() {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test that is told where foreign files are"
    )]
    let directory = std::env::var("PORTCULLIS_REGRESS_SQL")
        .expect("PORTCULLIS_REGRESS_SQL names src/test/regress of the server's source");
    let server = Server::shared();
    let directory = Path::new(&directory);
    server.database("regression", "");
    let mut all = Vec::new();
    for name in schedule(directory) {
        #[allow(clippy::disallowed_methods, reason = "files of the server's source")]
        let script = std::fs::read_to_string(directory.join(format!("sql/{name}.sql"))).unwrap();
        all.extend(statements(&script));
        // What the tests leave behind is what their statements are about.
        let prepared = script.replace("\\getenv", "\\echo");
        let head = format!(
            "\\set abs_srcdir '{}'\n\\o /dev/null\nSET statement_timeout = '20s';\n",
            directory.display()
        );
        let file = server.file(&format!("{name}.sql"), &(head + &prepared));
        server.psql("regression", &["-f", &file]);
        let _ = std::fs::remove_file(file);
    }
    let counts = compare(&server, "regression", &all);
    eprintln!(
        "regression: {} statements, {} read ({} ran), {} unknown, {} refused, {} unaccounted",
        counts.statements,
        counts.read,
        counts.ran,
        counts.unknown,
        counts.refused,
        counts.unaccounted.len(),
    );
    assert_eq!(counts.wrong, Vec::<String>::new());
    assert_eq!(counts.unaccounted, Vec::<String>::new());
    assert!(counts.read > 1000);
}

/// The tests in the order in which they run, without those that make other databases or roles
/// disappear.
fn schedule(directory: &Path) -> Vec<String> {
    #[allow(clippy::disallowed_methods, reason = "a file of the server's source")]
    let text = std::fs::read_to_string(directory.join("parallel_schedule")).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("test: "))
        .flat_map(|line| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|name| name != "tablespace")
        .collect()
}

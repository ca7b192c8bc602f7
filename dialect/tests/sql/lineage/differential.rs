//! The differential test: one value is changed in the server, and whatever changes in an answer
//! must be told of its column.
//!
//! Every statement runs over the tables as they are, and again with one column of one row changed.
//! A column of the answer that differs must have that column in its origin, or the column must be
//! among the uses; where the number of rows differs it must be among the uses. Names and numbers
//! of columns must be the server's.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use portcullis_dialect::sql::lineage::{Lineage, Origin, Rows};

use super::{DATABASE, catalogue, told};
use crate::server::Server;

/// One value that is changed.
struct Change {
    /// The column that it is told as.
    column: &'static str,
    table: &'static str,
    id: u32,
    value: &'static str,
}

const fn change(column: &'static str, table: &'static str, id: u32, value: &'static str) -> Change {
    Change {
        column,
        table,
        id,
        value,
    }
}

const CHANGES: [Change; 22] = [
    change("public.people.name", "people", 1, "'zoe'"),
    change("public.people.name", "people", 3, "'bob'"),
    change("public.people.ssn", "people", 1, "'999-zz'"),
    change("public.people.ssn", "people", 2, "NULL"),
    change("public.people.ssn", "people", 3, "'000-11'"),
    change("public.people.born", "people", 1, "'1960-01-01'"),
    change("public.people.boss", "people", 1, "3"),
    change("public.people.home", "people", 2, "'(New,Kiel)'"),
    change("public.people.tags", "people", 1, "'{x,y,z}'"),
    change(
        "public.people.doc",
        "people",
        2,
        "'{\"k\": \"w\", \"n\": 9}'",
    ),
    change("public.visits.secret", "visits", 10, "'zz'"),
    change("public.visits.secret", "visits", 11, "'s3'"),
    change("public.visits.place", "visits", 12, "'bar'"),
    change("public.visits.person", "visits", 12, "2"),
    change("public.visits.spent", "visits", 11, "70"),
    change("public.notes.note", "notes", 1, "'other'"),
    change("private.pay.ssn", "private.pay", 1, "'333-33'"),
    change("private.pay.amount", "private.pay", 2, "5"),
    change("public.vans.plate", "ONLY vans", 1, "'w-9'"),
    change("public.trucks.plate", "trucks", 2, "'a-0'"),
    change("public.logs_low.line", "logs_low", 1, "'zzz'"),
    change("public.guarded.owner", "guarded", 2, "'eve'"),
];

impl Change {
    /// Writes every row anew, so that only the one value differs and not where rows stand.
    fn statement(&self) -> String {
        let Self {
            table, id, value, ..
        } = self;
        let (_, name) = self.column.rsplit_once('.').unwrap();
        format!("UPDATE {table} SET {name} = CASE WHEN id = {id} THEN {value} ELSE {name} END")
    }
}

/// What psql printed of one statement: the names of the columns and its rows.
type Answer = Option<Vec<Vec<String>>>;

/// The statements of the cases, one to a text, and those that are made of parts.
fn corpus() -> Vec<String> {
    let cases = include_str!("cases.txt").lines();
    let cases = cases.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut all: Vec<String> = cases
        .filter_map(|line| line.splitn(4, " | ").nth(3))
        .filter(|text| !text.contains("; ") && !SKIPPED.iter().any(|word| text.contains(word)))
        .map(str::to_owned)
        .collect();
    for from in FROM {
        for what in WHAT {
            all.push(format!("SELECT {what} FROM {from}"));
        }
    }
    all
}

/// Words of statements that change from run to run, or that psql keeps for itself.
const SKIPPED: [&str; 11] = [
    "ctid", "xmin", "COPY", "DECLARE", "EXPLAIN", "nextval", "$1", "dblink", "EXECUTE", "CREATE",
    "lo_",
];

/// Each gives `p` with the columns of people, or of a part of it.
const FROM: [&str; 12] = [
    "people p",
    "(SELECT * FROM people) p",
    "(SELECT * FROM people ORDER BY name OFFSET 0) p",
    "(SELECT DISTINCT id, name, ssn, boss, tags FROM people) p",
    "everyone() p",
    "ROWS FROM (everyone()) WITH ORDINALITY p",
    "(WITH c AS (SELECT * FROM people) SELECT * FROM c) p",
    "(SELECT id, name, ssn, boss, tags FROM people UNION ALL SELECT id, place, secret, person, NULL FROM visits) p",
    "(SELECT id, name, ssn, boss, tags FROM people EXCEPT SELECT 1, 'x', note, 1, NULL FROM notes) p",
    "people p JOIN visits v ON v.person = p.id",
    "people p LEFT JOIN LATERAL (SELECT p.ssn AS own, note FROM notes WHERE notes.id = p.id) l ON true",
    "(WITH RECURSIVE r (id, name, ssn, boss, tags) AS (SELECT id, name, ssn, boss, tags FROM people WHERE boss IS NULL UNION ALL SELECT q.id, r.name, q.ssn, q.boss, r.tags FROM people q JOIN r ON q.boss = r.id) SELECT * FROM r) p",
];

const WHAT: [&str; 16] = [
    "p.*",
    "*",
    "p",
    "p.ssn, p.name",
    "(p).ssn",
    "row_to_json(p)",
    "count(*), max(p.ssn), min(p.name)",
    "array_agg(p.ssn ORDER BY p.name)",
    "count(*) FILTER (WHERE p.ssn LIKE '1%')",
    "p.id, unnest(p.tags)",
    "CASE WHEN p.ssn > '2' THEN p.name ELSE 'none' END AS label",
    "DISTINCT left(p.ssn, 0), p.name IS NULL AS nameless",
    "rank() OVER (ORDER BY p.ssn), p.id",
    "(SELECT max(note) FROM notes WHERE notes.id = p.id), p.boss + 1",
    "EXISTS (SELECT FROM visits x WHERE x.person = p.id AND x.secret > 's1')",
    "string_agg(p.name, ',' ORDER BY p.id), bool_or(p.ssn = '111-11')",
];

/// Runs all statements after a change, and cuts what psql printed into answers.
fn run(server: &Server, change: &str, corpus: &[String]) -> Vec<Answer> {
    let mut script = String::from(
        "\\set QUIET on\n\\pset format unaligned\n\\pset footer off\n\\pset fieldsep '\\037'\n\\pset recordsep '\\036'\n\\pset null '\\035'\nSET client_min_messages = error;\nSET enable_hashjoin = off;\nSET enable_hashagg = off;\nBEGIN;\n",
    );
    let _ = writeln!(script, "{change};\nREFRESH MATERIALIZED VIEW saved;");
    for (index, text) in corpus.iter().enumerate() {
        let _ = write!(
            script,
            "SAVEPOINT one;\n\\echo @@{index}@@\n{text}\n;\n\\echo @@end@@\nROLLBACK TO one;\n"
        );
    }
    script.push_str("ROLLBACK;\n");
    let file = server.file("differential.sql", &script);
    let output = server.psql(DATABASE, &["-f", &file]);
    let text = String::from_utf8(output.stdout).unwrap();
    (0..corpus.len())
        .map(|index| {
            let (_, rest) = text.split_once(&format!("@@{index}@@\n")).unwrap();
            let (answer, _) = rest.split_once("@@end@@").unwrap();
            let answer = answer.trim_end_matches(['\n', '\u{1e}']);
            (!answer.is_empty()).then(|| {
                let rows = answer.split('\u{1e}');
                rows.map(|row| row.split('\u{1f}').map(str::to_owned).collect())
                    .collect()
            })
        })
        .collect()
}

/// Whether a change of this column may be seen in column `place` of the answer, or in the number
/// of rows where there is no place.
fn may_show(lineage: &Lineage, column: &str, place: Option<usize>) -> bool {
    let is = |own: &portcullis_dialect::sql::lineage::ColumnRef| own.to_string() == column;
    let used =
        lineage.untraced || lineage.uses.keys().any(is) || lineage.stored_uses.iter().any(is);
    let shown = match (&lineage.results[0], place) {
        (Rows::Untraced, _) => true,
        (Rows::Columns(columns), Some(place)) => match &columns[place].origin {
            Origin::Untraced => true,
            other => other.columns().unwrap().iter().any(is),
        },
        _ => false,
    };
    used || shown
}

/// The values of one column of an answer; sorted unless their order counts.
fn column_of(rows: &[Vec<String>], place: usize, ordered: bool) -> Vec<Option<&String>> {
    let mut values: Vec<_> = rows.iter().map(|row| row.get(place)).collect();
    if !ordered {
        values.sort();
    }
    values
}

/// The server's columns against those that are told.
fn misnamed(lineage: &Lineage, answer: &Answer) -> Option<String> {
    let server = answer.as_ref()?.first()?;
    match &lineage.results[0] {
        Rows::Untraced => None,
        Rows::None => Some(format!("no rows are told, and there are {server:?}")),
        Rows::Columns(columns) => {
            let named = columns.iter().zip(server);
            let differ = |(own, name): (&_, &String)| {
                let own: &portcullis_dialect::sql::lineage::ResultColumn = own;
                own.name.as_ref().is_some_and(|own| own != name)
            };
            (columns.len() != server.len() || named.into_iter().any(differ))
                .then(|| format!("{server:?} are told as {columns:?}"))
        }
    }
}

#[test]
fn what_changes_in_an_answer_is_told_of_its_column() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let corpus = corpus();
    let lineages: Vec<Lineage> = corpus
        .iter()
        .map(|text| told(&catalogue, text).unwrap())
        .collect();
    let before = run(&server, "SELECT", &corpus);
    let again = run(&server, "SELECT", &corpus);
    let mut wrong = BTreeSet::new();
    let (mut answered, mut changed, mut untraced) = (0, 0, 0);
    for index in 0..corpus.len() {
        answered += usize::from(before[index].is_some());
        untraced += usize::from(lineages[index].untraced);
        if let Some(misnamed) = misnamed(&lineages[index], &before[index]) {
            wrong.insert(format!("{}: {misnamed}", corpus[index]));
        }
    }
    // Where the server does not promise an order, or does not keep it, values alone are compared.
    let ordered =
        |index: usize| corpus[index].contains("ORDER BY") && before[index] == again[index];
    for change in CHANGES {
        let column = change.column;
        let after = run(&server, &change.statement(), &corpus);
        for index in 0..corpus.len() {
            let (Some(old), Some(new)) = (&before[index], &after[index]) else {
                continue;
            };
            let lineage = &lineages[index];
            let mut places = Vec::new();
            if old.len() == new.len() {
                let differs = |place: &usize| {
                    column_of(old, *place, ordered(index)) != column_of(new, *place, ordered(index))
                };
                places.extend((0..old[0].len()).filter(differs).map(Some));
            } else {
                places.push(None);
            }
            changed += places.len();
            for place in places {
                if !may_show(lineage, column, place) {
                    wrong.insert(format!("{column} shows at {place:?} of {}", corpus[index]));
                }
            }
        }
    }
    eprintln!(
        "lineage: {} statements, {answered} answered, {untraced} untraced, {changed} changes seen",
        corpus.len()
    );
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(answered >= 300, "{answered} of {} answered", corpus.len());
    assert!(changed >= 1_000, "{changed}");
}

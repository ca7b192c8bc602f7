//! What the server may read, and not run, of a text that names what is not there: so it says
//! itself what is wrong.
//!
//! A message Parse looks the names of a query up and runs nothing. Texts that it would not take
//! (several statements) or whose names it would not look up (COPY, TRUNCATE, ALTER TABLE) have
//! another text read in their place, in which the names stand where they stood.

use pg_query::protobuf::{Node, RangeVar, Token, node};

use super::classify::Found;
use super::parser::{Parsed, parse};
use super::settings::Settings;
use super::{Lacks, StatementFacts, names};

/// What the server may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The text itself.
    Whole,
    Instead(String),
}

/// Statements whose names the server looks up when it reads them, before it runs them.
const READ_FIRST: [&str; 8] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "EXPLAIN",
    "DECLARE CURSOR",
    "CALL",
];

/// The same, of statements that make what others of the same text may name.
const READ_FIRST_ALONE: [&str; 3] = ["CREATE TABLE AS", "SELECT INTO", "CREATE MATERIALIZED VIEW"];

/// Of a text whose statement `at` is the first that names what is not there.
pub(super) fn of(
    text: &str,
    settings: &Settings,
    statements: &[StatementFacts],
    at: usize,
    found: &Found,
) -> Option<Reading> {
    if !matches!(found.lacking(), Lacks::Relations | Lacks::Functions) {
        return None;
    }
    let statement = statements.get(at)?;
    let range = (statement.start, statement.end);
    if let [only] = statements {
        return match READ_FIRST.contains(&only.verb) || READ_FIRST_ALONE.contains(&only.verb) {
            true => Some(Reading::Whole),
            false => instead(text, range, settings).map(Reading::Instead),
        };
    }
    let all = statements.iter().all(|it| READ_FIRST.contains(&it.verb));
    all.then(|| in_place(text, range, &cut(text, range)))
        .map(Reading::Instead)
}

/// Of a statement whose names are looked up only when it runs: a query that has them.
fn instead(text: &str, range: (usize, usize), settings: &Settings) -> Option<String> {
    let statement = cut(text, range);
    let Ok(Parsed::Tree(tree)) = parse(&statement, &settings.standard_conforming_strings) else {
        return None;
    };
    let [raw] = tree.stmts.as_slice() else {
        return None;
    };
    let read = match raw.stmt.as_deref()?.node.as_ref()? {
        node::Node::CopyStmt(copy) if copy.query.is_some() => inside(&statement)?,
        node::Node::CopyStmt(copy) => named(&statement, copy.relation.as_ref()?)?,
        node::Node::TruncateStmt(truncate) => match truncate.relations.as_slice() {
            [
                Node {
                    node: Some(node::Node::RangeVar(relation)),
                },
            ] => named(&statement, relation)?,
            _ => return None,
        },
        node::Node::AlterTableStmt(alter) if !alter.missing_ok => {
            named(&statement, alter.relation.as_ref()?)?
        }
        _ => return None,
    };
    // What the server would read another way, it is not given.
    match parse(&read, &settings.standard_conforming_strings) {
        Ok(Parsed::Tree(tree)) if tree.stmts.len() == 1 => Some(in_place(text, range, &read)),
        _ => None,
    }
}

/// A query of this relation, whose name stands where it stood.
fn named(statement: &str, relation: &RangeVar) -> Option<String> {
    const QUERY: &str = "TABLE";
    let at = usize::try_from(relation.location).ok()?;
    let at = statement.get(..at)?.chars().count();
    let (schema, name) = names::relation(relation);
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let name = match schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(name)),
        None => quoted(name),
    };
    let before = " ".repeat(at.checked_sub(QUERY.len())?);
    Some(format!("{before}{QUERY}{name}"))
}

/// What stands in the first brackets, and spaces before it.
fn inside(statement: &str) -> Option<String> {
    let scanned = pg_query::scan(statement).ok()?;
    let (mut depth, mut start) = (0_usize, None);
    for token in &scanned.tokens {
        match Token::try_from(token.token) {
            Ok(Token::Ascii40) => {
                depth += 1;
                start = start.or(usize::try_from(token.end).ok());
            }
            Ok(Token::Ascii41) => depth = depth.checked_sub(1)?,
            _ => continue,
        }
        if depth == 0 {
            let (start, end) = (start?, usize::try_from(token.start).ok()?);
            return Some(in_place(
                statement,
                (start, end),
                statement.get(start..end)?,
            ));
        }
    }
    None
}

fn cut(text: &str, (start, end): (usize, usize)) -> String {
    text.get(start..end).unwrap_or_default().to_owned()
}

/// A text that begins where the range does, with a space for each character before it: the places
/// of errors are counted in characters.
fn in_place(text: &str, (start, _): (usize, usize), part: &str) -> String {
    let before = text.get(..start).unwrap_or_default();
    let mut read: String = before.chars().map(|_| ' ').collect();
    read.push_str(part);
    read
}

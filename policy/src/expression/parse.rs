//! Parsing, and where in its text a part of an expression stands.
//!
//! The parser tells positions only with its errors. So where our own walk refuses a part, the text
//! is parsed once more with an error behind it that the parser itself reports, and the positions
//! that come with that error are those of the same tree. Only refused expressions pay for this.

use kube_cel::cel::ParseErrors;
use kube_cel::cel::parser::{Expression as Node, Parser};

use super::InvalidExpression;

/// The parser takes up to some 250 KiB of stack for each bracket (in a debug build), and
/// [`scan`](super::scan) lets sixteen through.
const PARSER_STACK: usize = 16 << 20;

/// Parses on a stack of known size, so that what a caller's thread has left does not matter. A
/// panic of the parser ends there too, and refuses the expression.
pub(super) fn parse(source: &str) -> Result<Node, InvalidExpression> {
    match parse_apart(source.to_owned()) {
        Some(parsed) => parsed.map_err(|errors| refused(source, errors)),
        None => Err(unreadable()),
    }
}

fn parse_apart(source: String) -> Option<Result<Node, ParseErrors>> {
    let thread = std::thread::Builder::new().stack_size(PARSER_STACK);
    thread
        .spawn(move || Parser::new().parse(&source))
        .ok()?
        .join()
        .ok()
}

fn unreadable() -> InvalidExpression {
    InvalidExpression::at_start("the expression cannot be read")
}

/// Line and column of the part with this number; the start where it cannot be told.
pub(super) fn of(source: &str, id: u64) -> (usize, usize) {
    let probed = parse_apart(format!("({source}\n) == has(0)"));
    let Some(Err(errors)) = probed else {
        return (1, 1);
    };
    let info = errors
        .errors
        .iter()
        .find_map(|error| error.source_info.as_ref());
    let Some((start, _)) = info.and_then(|info| info.offset_for(id)) else {
        return (1, 1);
    };
    let before = source
        .get(..(start as usize).saturating_sub(1))
        .unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}

/// The first thing that the parser could not read.
fn refused(source: &str, errors: ParseErrors) -> InvalidExpression {
    let first = errors.errors.into_iter().find(|error| error.pos.0 > 0);
    let Some(error) = first else {
        return unreadable();
    };
    let (line, column) = error.pos;
    let lines = isize::try_from(source.lines().count()).unwrap_or(isize::MAX);
    let line = usize::try_from(line.clamp(1, lines.max(1))).unwrap_or(1);
    let reason = error.msg.chars().take(300).collect();
    InvalidExpression {
        line,
        column: usize::try_from(column.max(1)).unwrap_or(1),
        reason,
    }
}

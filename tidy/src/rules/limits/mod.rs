//! Every limit by name, in one page. The page is made from the constants and their comments, so
//! that it cannot say anything else than the code does.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenTree};

use crate::finding::Finding;
use crate::repository::SourceFile;
use crate::rust;

/// Where the page stands.
pub const PAGE: &str = "docs/limits.md";

/// The crates whose limits a user can meet.
pub const PRODUCT: &[&str] = &[
    "policy",
    "recording",
    "dialect",
    "crds",
    "operator",
    "proxy",
    "cli",
];

/// A constant that bounds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    pub path: String,
    pub line: usize,
    pub name: String,
    /// As the source has it.
    pub value: String,
    /// The first paragraph of its comment.
    pub text: String,
}

/// All limits of the product's own code, in the order of their files.
pub fn collect<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Vec<Limit> {
    let mut limits: Vec<_> = files
        .filter(|file| file.is_rust() && !file.is_test() && crate_of(&file.path).is_some())
        .flat_map(in_file)
        .collect();
    limits.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    limits
}

/// Limits that do not say what they bound.
pub fn undocumented(limits: &[Limit]) -> Vec<Finding> {
    let silent = limits.iter().filter(|limit| limit.text.is_empty());
    silent
        .map(|limit| Finding {
            path: limit.path.clone(),
            line: limit.line,
            subject: limit.name.clone(),
            fact: format!("`{}` does not say what it bounds", limit.name),
            remedy: "Write a doc comment above it: what it bounds, and why so much.",
        })
        .collect()
}

/// The page, where it differs from what the code says.
pub fn drift(limits: &[Limit], page: Option<&SourceFile>) -> Vec<Finding> {
    if page.is_some_and(|file| file.text == self::page(limits)) {
        return Vec::new();
    }
    let remedy = "Run `make gen` and commit what it writes.";
    let fact = "is not what the code says".to_owned();
    vec![Finding::of_file(PAGE, "drift", fact, remedy)]
}

/// The page itself.
pub fn page(limits: &[Limit]) -> String {
    let mut page = HEAD.to_owned();
    let mut of_crates: BTreeMap<usize, Vec<&Limit>> = BTreeMap::new();
    for limit in limits {
        let order = PRODUCT
            .iter()
            .position(|name| Some(*name) == crate_of(&limit.path));
        of_crates
            .entry(order.unwrap_or(PRODUCT.len()))
            .or_default()
            .push(limit);
    }
    for (order, limits) in of_crates {
        let name = PRODUCT.get(order).copied().unwrap_or_default();
        page.push_str(&format!(
            "\n## {name}\n\n| limit | value | what it bounds |\n|---|---|---|\n"
        ));
        for limit in limits {
            let Limit {
                name,
                value,
                text,
                path,
                ..
            } = limit;
            let (value, text) = (value.replace('|', "\\|"), text.replace('|', "\\|"));
            page.push_str(&format!("| [`{name}`](../{path}) | `{value}` | {text} |\n"));
        }
    }
    page
}

const HEAD: &str = "\
# Limits

Everything that reads what others wrote has bounds. Past a bound there is an error with a name;
nothing is cut silently. Each limit is a constant, tested at the limit and one past it.

This page is made by `make gen` from those constants and their comments. The bounds of the custom
resources' own fields stand in the [reference](reference/).
";

fn crate_of(path: &str) -> Option<&str> {
    let (folder, rest) = path.split_once('/')?;
    (PRODUCT.contains(&folder) && rest.starts_with("src/")).then_some(folder)
}

fn in_file(file: &SourceFile) -> Vec<Limit> {
    let mut found = Vec::new();
    // What is not Rust is named by the rule on unsafe code.
    let tokens = rust::tokens(&file.text).unwrap_or_default();
    rust::each_run(&tokens, &mut |run| {
        for at in 0..run.len() {
            let Some([word, name @ TokenTree::Ident(_)]) = run.get(at..at + 2) else {
                continue;
            };
            if rust::is_word(Some(word), "const") && is_limit(&name.to_string()) {
                found.push(Limit {
                    path: file.path.clone(),
                    line: rust::line(name),
                    name: name.to_string(),
                    value: value_after(run.get(at..).unwrap_or_default()),
                    text: comment_before(run.get(..at).unwrap_or_default()),
                });
            }
        }
    });
    found
}

fn is_limit(name: &str) -> bool {
    name.starts_with("MAX_") || name.ends_with("_MAX") || name.ends_with("_LIMIT")
}

/// The tokens between `=` and `;`, as written.
fn value_after(run: &[TokenTree]) -> String {
    let value = run
        .iter()
        .skip_while(|token| !rust::is_sign(Some(token), '='))
        .skip(1);
    let value: Vec<_> = value
        .take_while(|token| !rust::is_sign(Some(token), ';'))
        .collect();
    let span = match (value.first(), value.last()) {
        (Some(first), Some(last)) => first.span().join(last.span()),
        _ => None,
    };
    let text = span.and_then(|span| span.source_text()).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first paragraph of the doc comment right before a constant.
fn comment_before(run: &[TokenTree]) -> String {
    let mut lines = Vec::new();
    let mut rest = run;
    loop {
        rest = match rest {
            // `pub`, `pub(crate)`
            [before @ .., TokenTree::Ident(_)] => before,
            [before @ .., TokenTree::Ident(_), TokenTree::Group(group)]
                if group.delimiter() == Delimiter::Parenthesis =>
            {
                before
            }
            [before @ .., sign, TokenTree::Group(group)] if rust::is_sign(Some(sign), '#') => {
                lines.extend(doc_line(&rust::inside(group)));
                before
            }
            _ => break,
        };
    }
    lines.reverse();
    let first: Vec<_> = lines
        .iter()
        .map(|l| l.trim())
        .take_while(|l| !l.is_empty())
        .collect();
    // A link of rustdoc is none on a page.
    first.join(" ").replace("[`", "`").replace("`]", "`")
}

/// The text of `[doc = "text"]`.
fn doc_line(attribute: &[TokenTree]) -> Option<String> {
    match attribute {
        [word, _, TokenTree::Literal(text)] if rust::is_word(Some(word), "doc") => {
            let text = text.to_string();
            let text = text.trim_start_matches(['r', '#']).trim_end_matches('#');
            let text = text.strip_prefix('"')?.strip_suffix('"')?;
            Some(
                text.replace("\\\"", "\"")
                    .replace("\\'", "'")
                    .replace("\\\\", "\\"),
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

//! Rust source as tokens, so that comments, strings and lifetimes cannot fool a rule.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};

/// `mod name;`: a module in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleDeclaration {
    /// Inline modules around it, then its name.
    pub path: Vec<String>,
    /// From `#[path = "…"]`.
    pub file: Option<String>,
}

/// A path as written, its braces multiplied out: `crate::a::{b, c}` is two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPath {
    pub line: usize,
    pub segments: Vec<String>,
}

/// The tokens of a file, or why it is not Rust.
pub fn tokens(text: &str) -> Result<Vec<TokenTree>, LexError> {
    Ok(TokenStream::from_str(text)?.into_iter().collect())
}

/// Calls `see` for every run of tokens: the file's own, and those inside each pair of brackets.
pub fn each_run(tokens: &[TokenTree], see: &mut dyn FnMut(&[TokenTree])) {
    see(tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            each_run(&inside(group), see);
        }
    }
}

/// The modules that this file declares and that have files of their own.
pub fn declared_modules(tokens: &[TokenTree]) -> Vec<ModuleDeclaration> {
    let mut found = Vec::new();
    collect_modules(tokens, &[], &mut found);
    found
}

/// All paths of two segments and more.
pub fn written_paths(tokens: &[TokenTree]) -> Vec<WrittenPath> {
    let mut found = Vec::new();
    collect_paths(tokens, &mut found);
    found
}

/// The tokens inside a pair of brackets.
pub fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

pub fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

pub fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

pub fn is_sign(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn collect_modules(tokens: &[TokenTree], around: &[String], found: &mut Vec<ModuleDeclaration>) {
    let mut file = None;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        match token {
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                file = path_attribute(next).or(file);
            }
            TokenTree::Punct(sign) if sign.as_char() == ';' => file = None,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => file = None,
            TokenTree::Ident(word) if word == "mod" => {
                let Some(TokenTree::Ident(name)) = next else {
                    continue;
                };
                let mut path = around.to_vec();
                path.push(name.to_string());
                match tokens.get(at + 2) {
                    Some(TokenTree::Group(body)) => collect_modules(&inside(body), &path, found),
                    _ => found.push(ModuleDeclaration {
                        path,
                        file: file.take(),
                    }),
                }
            }
            _ => {}
        }
    }
}

/// The text of `[path = "text"]`.
fn path_attribute(token: Option<&TokenTree>) -> Option<String> {
    let Some(TokenTree::Group(group)) = token else {
        return None;
    };
    let parts = inside(group);
    match (is_word(parts.first(), "path"), parts.get(2)) {
        (true, Some(TokenTree::Literal(text))) => {
            Some(text.to_string().trim_matches('"').to_owned())
        }
        _ => None,
    }
}

fn collect_paths(tokens: &[TokenTree], found: &mut Vec<WrittenPath>) {
    let mut rest = tokens;
    while let Some(token) = rest.first() {
        if starts_path(rest) {
            rest = read_path(rest, &[], found);
            continue;
        }
        if let TokenTree::Group(group) = token {
            collect_paths(&inside(group), found);
        }
        rest = rest.get(1..).unwrap_or_default();
    }
}

fn starts_path(run: &[TokenTree]) -> bool {
    matches!(run.first(), Some(TokenTree::Ident(_))) && follows_colons(run.get(1..))
}

fn follows_colons(run: Option<&[TokenTree]>) -> bool {
    let run = run.unwrap_or_default();
    is_sign(run.first(), ':') && is_sign(run.get(1), ':')
}

/// Reads one path from the head of `run`; gives what comes after it.
fn read_path<'a>(
    run: &'a [TokenTree],
    prefix: &[String],
    found: &mut Vec<WrittenPath>,
) -> &'a [TokenTree] {
    let mut segments = prefix.to_vec();
    let mut rest = run;
    let first = run.first().map(line).unwrap_or_default();
    while let Some(TokenTree::Ident(word)) = rest.first() {
        segments.push(word.to_string());
        rest = rest.get(1..).unwrap_or_default();
        if !follows_colons(Some(rest)) {
            break;
        }
        rest = rest.get(2..).unwrap_or_default();
        if let Some(TokenTree::Group(group)) = rest.first()
            && group.delimiter() == Delimiter::Brace
        {
            let parts = inside(group);
            for part in parts.split(|token| is_sign(Some(token), ',')) {
                read_path(part, &segments, found);
            }
            return rest.get(1..).unwrap_or_default();
        }
    }
    // A glob or a generic argument ends the path before it; what was read still counts.
    if segments.len() > prefix.len() || is_sign(rest.first(), '*') {
        found.push(WrittenPath {
            line: first,
            segments,
        });
    }
    // Always forward, whatever stands there.
    if rest.len() == run.len() {
        rest.get(1..).unwrap_or_default()
    } else {
        rest
    }
}

#[cfg(test)]
mod tests;

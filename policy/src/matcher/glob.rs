//! A pattern for one name: `*` any run of characters, `?` one character, `\` takes the next
//! character literally, all else is itself. Case counts.

use super::{InvalidPattern, MAX_PATTERN_LEN, check_length};

/// A compiled pattern for one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob {
    atoms: Vec<Atom>,
    source: String,
}

/// The pieces of a name's pattern. Neighbouring literals are one piece, and so are neighbouring
/// stars.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Atom {
    Literal(String),
    /// `?`
    One,
    /// `*`
    Run,
}

// === impl Glob ===

impl Glob {
    pub fn parse(pattern: &str) -> Result<Self, InvalidPattern> {
        check_length(pattern, MAX_PATTERN_LEN)?;
        let mut atoms = Vec::new();
        let mut characters = pattern.chars().enumerate();
        while let Some((index, character)) = characters.next() {
            match character {
                '*' => push_run(&mut atoms),
                '?' => atoms.push(Atom::One),
                '\\' => match characters.next() {
                    Some((_, escaped)) => push_literal(&mut atoms, escaped),
                    None => return Err(dangling_escape(index)),
                },
                other => push_literal(&mut atoms, other),
            }
        }
        Ok(Self {
            atoms,
            source: pattern.to_owned(),
        })
    }

    /// The pattern that matches exactly `name`.
    pub fn literal(name: &str) -> Self {
        let source = name.chars().flat_map(escape).collect();
        let atoms = if name.is_empty() {
            vec![]
        } else {
            vec![Atom::Literal(name.to_owned())]
        };
        Self { atoms, source }
    }

    pub fn matches(&self, name: &str) -> bool {
        matches(&self.atoms, name)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl std::fmt::Display for Glob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.source)
    }
}

impl std::str::FromStr for Glob {
    type Err = InvalidPattern;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        Self::parse(pattern)
    }
}

// === pieces ===

fn escape(character: char) -> impl Iterator<Item = char> {
    let backslash = matches!(character, '*' | '?' | '\\').then_some('\\');
    backslash.into_iter().chain([character])
}

pub(super) fn dangling_escape(index: usize) -> InvalidPattern {
    InvalidPattern::at(
        "`\\` at the end escapes nothing; write `\\\\` for a backslash",
        index,
    )
}

pub(super) fn push_literal(atoms: &mut Vec<Atom>, character: char) {
    match atoms.last_mut() {
        Some(Atom::Literal(text)) => text.push(character),
        _ => atoms.push(Atom::Literal(character.to_string())),
    }
}

pub(super) fn push_run(atoms: &mut Vec<Atom>) {
    if atoms.last() != Some(&Atom::Run) {
        atoms.push(Atom::Run);
    }
}

/// Greedy matching that goes back only to the last star: at most (pieces × length) steps.
pub(super) fn matches(atoms: &[Atom], name: &str) -> bool {
    let (mut rest, mut left) = (atoms, name);
    let mut star: Option<(&[Atom], &str)> = None;
    loop {
        let step = match rest.split_first() {
            None if left.is_empty() => return true,
            None => None,
            Some((Atom::Run, after)) => {
                if after.is_empty() {
                    return true;
                }
                star = Some((after, left));
                Some((after, left))
            }
            Some((Atom::Literal(text), after)) => {
                left.strip_prefix(text.as_str()).map(|left| (after, left))
            }
            Some((Atom::One, after)) => skip_one(left).map(|left| (after, left)),
        };
        (rest, left) = match step {
            Some(next) => next,
            None => {
                let Some((after, from)) = star else {
                    return false;
                };
                let Some(from) = next_start(after, from) else {
                    return false;
                };
                star = Some((after, from));
                (after, from)
            }
        };
    }
}

fn skip_one(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    characters.next().map(|_| characters.as_str())
}

/// Where the part after a star may start next: one character on, or at the next occurrence of the
/// literal that it begins with.
fn next_start<'a>(after: &[Atom], from: &'a str) -> Option<&'a str> {
    let from = skip_one(from)?;
    match after.first() {
        Some(Atom::Literal(text)) => from.find(text.as_str()).and_then(|at| from.get(at..)),
        _ => Some(from),
    }
}

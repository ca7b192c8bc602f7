//! Which parts of a document an SQL/JSON path looks at.
//!
//! A reader of the grammar's surface: chains that begin with `$` or, within a filter, with `@`.
//! Comparisons, `like_regex` and `starts with` look at scalars only, so that of a chain only what
//! the path answers with counts whole. What is not understood is not told, and then the whole
//! document counts.

use std::iter::Peekable;
use std::str::Chars;

use portcullis_policy::mask::{DocumentPlace, PlaceStep};

/// Filters, brackets and parentheses within each other.
const MAX_DEPTH: usize = 32;

/// Most chains of one path.
const MAX_READS: usize = 256;

/// The parts that a path looks at; `answers` when it gives what it leads to. `None` for what is not
/// understood.
pub(super) fn reads(path: &str, answers: bool) -> Option<Vec<DocumentPlace>> {
    let mut reader = Reader {
        left: path.chars().peekable(),
        answers,
        lax: true,
        found: Vec::new(),
        depth: 0,
    };
    reader.expression(None)?;
    reader.left.peek().is_none().then_some(reader.found)
}

struct Reader<'p> {
    left: Peekable<Chars<'p>>,
    answers: bool,
    /// Arrays are taken apart, and single values taken for arrays, where the path needs it.
    lax: bool,
    found: Vec<DocumentPlace>,
    depth: usize,
}

/// Where a chain has come to.
#[derive(Debug, Clone, Default)]
struct Chain {
    steps: Vec<PlaceStep>,
    /// It goes on where steps cannot tell: all below counts.
    is_open: bool,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        while self.left.next_if(|c| c.is_whitespace()).is_some() {}
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.left.peek().copied()
    }

    fn eat(&mut self, wanted: char) -> Option<()> {
        self.skip_space();
        self.left.next_if_eq(&wanted).map(|_| ())
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(letter) = self.left.next_if(|c| c.is_alphanumeric() || *c == '_') {
            word.push(letter);
        }
        word
    }

    /// A text in quotes; one with escapes is not read.
    fn text(&mut self) -> Option<String> {
        self.eat('"')?;
        let mut text = String::new();
        loop {
            match self.left.next()? {
                '"' => return Some(text),
                '\\' => return None,
                letter => text.push(letter),
            }
        }
    }

    /// Up to the end, or to the bracket that closes it, which stays.
    fn expression(&mut self, current: Option<&Chain>) -> Option<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        while let Some(next) = self.peek() {
            match next {
                ')' | ']' => break,
                '(' => {
                    self.eat('(')?;
                    self.expression(current)?;
                    self.eat(')')?;
                    // What is taken out of an expression in parentheses is not followed.
                    if matches!(self.peek(), Some('.' | '[' | '?')) {
                        return None;
                    }
                }
                '"' => {
                    self.text()?;
                }
                '$' => {
                    self.eat('$')?;
                    let is_variable = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '"');
                    if self.left.peek().is_some_and(is_variable) {
                        self.variable()?;
                    } else {
                        self.chain(Chain::default(), current)?;
                    }
                }
                '@' => {
                    self.eat('@')?;
                    self.chain(current?.clone(), current)?;
                }
                '=' | '!' | '<' | '>' | '&' | '|' | '+' | '-' | '*' | ',' => {
                    self.left.next();
                }
                letter if letter.is_alphanumeric() || letter == '_' => self.literal()?,
                _ => return None,
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// `$name`, which the call gives: a chain from there is not followed.
    fn variable(&mut self) -> Option<()> {
        match self.left.peek()? {
            '"' => drop(self.text()?),
            _ => drop(self.word()),
        }
        (!matches!(self.peek(), Some('.' | '[' | '?'))).then_some(())
    }

    /// A word of the grammar, or a number.
    fn literal(&mut self) -> Option<()> {
        let word = self.word();
        if word == "strict" {
            self.lax = false;
        }
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        if is_number && self.left.next_if_eq(&'.').is_some() {
            let fraction = self.word();
            return fraction
                .chars()
                .all(|c| c.is_ascii_digit() || c == 'e')
                .then_some(());
        }
        Some(())
    }

    fn chain(&mut self, mut chain: Chain, current: Option<&Chain>) -> Option<()> {
        let is_answer = self.answers && self.depth == 1;
        let mut is_whole = is_answer;
        loop {
            match self.peek() {
                Some('.') => {
                    self.eat('.')?;
                    is_whole |= self.accessor(&mut chain)?;
                }
                Some('[') => self.subscript(&mut chain, current)?,
                Some('?') => {
                    self.eat('?')?;
                    self.eat('(')?;
                    let mut each = chain.clone();
                    self.unwrap(&mut each);
                    self.expression(Some(&each))?;
                    self.eat(')')?;
                    chain = each;
                }
                _ => break,
            }
        }
        self.unwrap(&mut chain);
        self.found.push(DocumentPlace {
            steps: chain.steps,
            whole: is_whole || chain.is_open,
        });
        (self.found.len() <= MAX_READS).then_some(())
    }

    fn unwrap(&self, chain: &mut Chain) {
        let is_open = chain.is_open || chain.steps.last() == Some(&PlaceStep::Unwrapped);
        if self.lax && !is_open {
            chain.steps.push(PlaceStep::Unwrapped);
        }
    }

    /// What follows a dot. Tells whether all of the part so far counts.
    fn accessor(&mut self, chain: &mut Chain) -> Option<bool> {
        let step = match self.peek()? {
            '*' => {
                self.eat('*')?;
                if self.left.next_if_eq(&'*').is_some() {
                    if self.peek() == Some('{') {
                        self.left.by_ref().find(|c| *c == '}')?;
                    }
                    chain.is_open = true;
                    return Some(true);
                }
                PlaceStep::Any
            }
            '"' => PlaceStep::Key(self.text()?),
            _ => {
                let word = self.word();
                let goes_on = |c: &char| !c.is_whitespace() && !".[?()],=!<>&|+-*/%".contains(*c);
                if word.is_empty() || self.left.peek().is_some_and(goes_on) {
                    return None;
                }
                if self.peek() == Some('(') {
                    self.eat('(')?;
                    self.expression(None)?;
                    self.eat(')')?;
                    let is_outline = matches!(word.as_str(), "type" | "size");
                    chain.is_open |= !is_outline;
                    // Nothing of a type or a size is in the document.
                    return match is_outline && matches!(self.peek(), Some('.' | '[' | '?')) {
                        true => None,
                        false => Some(!is_outline),
                    };
                }
                PlaceStep::Key(word)
            }
        };
        self.unwrap(chain);
        if !chain.is_open {
            chain.steps.push(step);
        }
        Some(false)
    }

    fn subscript(&mut self, chain: &mut Chain, current: Option<&Chain>) -> Option<()> {
        self.eat('[')?;
        self.expression(current)?;
        self.eat(']')?;
        if !chain.is_open {
            // A single value counts as an array of one.
            chain.steps.push(match self.lax {
                true => PlaceStep::Unwrapped,
                false => PlaceStep::Element,
            });
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;

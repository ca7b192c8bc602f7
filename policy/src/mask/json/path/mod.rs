//! A path to values in a JSON document.
//!
//! ```text
//! $               the whole document
//! $.user.ssn      a member of a member of the top object
//! $..ssn          members of that name at any depth
//! $.items[*].card $.items[0]    each element (or member), one element
//! $['odd.name']   a quoted name, with JSON's escapes and \'
//! ```
//!
//! A name without quotes is made of letters, digits, `_`, `-` and what is not ASCII. Names compare
//! exactly, case and all, after escapes are undone. What else JSONPath has (filters, slices,
//! unions, negative indices) is refused: it cannot be judged in a stream.

use crate::matcher::{InvalidPattern, MAX_PATTERN_LEN};

/// Most steps of one path.
pub const MAX_PATH_STEPS: usize = 32;

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath {
    steps: Vec<PathStep>,
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathStep {
    /// At any depth below (`..`), not only one level down.
    pub(super) deep: bool,
    pub(super) selector: Selector,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    Name(String),
    Index(u64),
    /// Each member of an object and each element of an array.
    Any,
}

// === impl JsonPath ===

impl JsonPath {
    pub fn parse(path: &str) -> Result<Self, InvalidPattern> {
        if path.len() > MAX_PATTERN_LEN {
            return Err(InvalidPattern::new(format!(
                "the path is {} bytes long; at most {MAX_PATTERN_LEN} are allowed",
                path.len()
            )));
        }
        let mut reader = Reader {
            characters: path.chars().collect(),
            position: 0,
        };
        if reader.next() != Some('$') {
            return Err(InvalidPattern::at(
                "a path begins with `$`, such as `$.user.ssn`",
                0,
            ));
        }
        let mut steps = Vec::new();
        while reader.peek().is_some() {
            if steps.len() == MAX_PATH_STEPS {
                return Err(reader.wrong(&format!("more than {MAX_PATH_STEPS} steps")));
            }
            steps.push(reader.step()?);
        }
        Ok(Self {
            steps,
            source: path.to_owned(),
        })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    pub(super) fn steps(&self) -> &[PathStep] {
        &self.steps
    }
}

impl std::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.source)
    }
}

impl std::str::FromStr for JsonPath {
    type Err = InvalidPattern;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        Self::parse(path)
    }
}

// === parsing ===

struct Reader {
    characters: Vec<char>,
    position: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.position).copied()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek();
        self.position += usize::from(character.is_some());
        character
    }

    fn eat(&mut self, character: char) -> bool {
        let there = self.peek() == Some(character);
        self.position += usize::from(there);
        there
    }

    fn wrong(&self, reason: &str) -> InvalidPattern {
        InvalidPattern::at(reason, self.position)
    }

    fn step(&mut self) -> Result<PathStep, InvalidPattern> {
        if self.eat('[') {
            return Ok(PathStep {
                deep: false,
                selector: self.bracket()?,
            });
        }
        if !self.eat('.') {
            return Err(self.wrong("a step begins with `.` or `[`"));
        }
        let deep = self.eat('.');
        let selector = match self.peek() {
            Some('[') if deep => {
                self.position += 1;
                self.bracket()?
            }
            Some('*') => {
                self.position += 1;
                Selector::Any
            }
            _ => Selector::Name(self.bare_name()?),
        };
        Ok(PathStep { deep, selector })
    }

    fn bare_name(&mut self) -> Result<String, InvalidPattern> {
        let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || !c.is_ascii();
        let mut name = String::new();
        while let Some(character) = self.peek().filter(|c| bare(*c)) {
            name.push(character);
            self.position += 1;
        }
        if name.is_empty() {
            return Err(self.wrong("a name is missing; write other names as `['odd name']`"));
        }
        Ok(name)
    }

    /// What follows `[`, with its `]`.
    fn bracket(&mut self) -> Result<Selector, InvalidPattern> {
        let selector = match self.next() {
            Some('*') => Selector::Any,
            Some(quote @ ('\'' | '"')) => Selector::Name(self.quoted_name(quote)?),
            Some(digit @ '0'..='9') => Selector::Index(self.index(digit)?),
            _ => {
                self.position = self.position.saturating_sub(1);
                return Err(self.wrong(
                    "in brackets stands `*`, an index such as `0`, or a name in quotes; filters, \
                     slices and negative indices cannot be judged in a stream",
                ));
            }
        };
        if self.eat(']') {
            return Ok(selector);
        }
        Err(self.wrong("`]` is missing; slices and unions are not known"))
    }

    fn index(&mut self, first: char) -> Result<u64, InvalidPattern> {
        let mut digits = String::from(first);
        while let Some(digit) = self.peek().filter(char::is_ascii_digit) {
            digits.push(digit);
            self.position += 1;
        }
        if digits.len() > 1 && first == '0' {
            return Err(self.wrong("an index has no leading 0"));
        }
        digits
            .parse()
            .map_err(|_| self.wrong("the index is too large"))
    }

    fn quoted_name(&mut self, quote: char) -> Result<String, InvalidPattern> {
        let start = self.position;
        let mut name = String::new();
        loop {
            match self.next() {
                None => return Err(InvalidPattern::at("this quote is never closed", start - 1)),
                Some(end) if end == quote => return Ok(name),
                Some('\\') => name.push(self.escape()?),
                Some(character) => name.push(character),
            }
        }
    }

    fn escape(&mut self) -> Result<char, InvalidPattern> {
        let character = match self.next() {
            Some(same @ ('\'' | '"' | '\\' | '/')) => Some(same),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => self.unit().and_then(|unit| match unit {
                0xd800..0xdc00 if self.eat('\\') && self.eat('u') => {
                    let low = self.unit()?;
                    char::decode_utf16([unit, low]).next()?.ok()
                }
                unit => char::from_u32(u32::from(unit)),
            }),
            _ => None,
        };
        character.ok_or_else(|| self.wrong("this escape is not one of JSON's"))
    }

    fn unit(&mut self) -> Option<u16> {
        let mut unit = 0u16;
        for _ in 0..4 {
            let digit = self.next()?.to_digit(16)?;
            unit = unit << 4 | u16::try_from(digit).ok()?;
        }
        Some(unit)
    }
}

#[cfg(test)]
mod tests;

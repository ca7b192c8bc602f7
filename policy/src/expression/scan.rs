//! A first look at an expression's text, before the parser sees it.
//!
//! The parser recurses, and knows spellings that nobody needs here. What goes past the bounds
//! below never reaches it, and neither do the spellings that it reads wrongly: it takes `!!x` for
//! `!x`, `--x` for `-x`, and drops backslashes before quotes in raw strings.

use super::InvalidExpression;

/// Longest expression, in bytes.
pub const MAX_EXPRESSION_LEN: usize = 4096;

/// Most names, literals and operators in an expression.
pub const MAX_EXPRESSION_TOKENS: usize = 400;

/// Deepest nesting of brackets in an expression.
pub const MAX_EXPRESSION_NESTING: usize = 16;

/// Most operators and selections in one bracket. Each may be a level of the tree, but for `&&`,
/// `||` and commas, which are free.
pub const MAX_EXPRESSION_CHAIN: usize = 60;

/// Refuses text that the parser should not see, with the place where it goes wrong.
pub(super) fn scan(source: &str) -> Result<(), InvalidExpression> {
    if source.len() > MAX_EXPRESSION_LEN {
        let length = source.len();
        return Err(InvalidExpression::at_start(format!(
            "the expression is {length} bytes long; at most {MAX_EXPRESSION_LEN} are allowed"
        )));
    }
    let mut scanner = Scanner::new(source);
    while let Some(character) = scanner.peek(0) {
        scanner.token(character)?;
    }
    scanner.finish()
}

struct Scanner {
    characters: Vec<char>,
    at: usize,
    tokens: usize,
    /// The brackets that are open: where, which, and how many operators stand in them.
    open: Vec<(usize, char, usize)>,
    outside: usize,
    previous: Option<char>,
}

// === impl Scanner ===

impl Scanner {
    fn new(source: &str) -> Self {
        Self {
            characters: source.chars().collect(),
            at: 0,
            tokens: 0,
            open: Vec::new(),
            outside: 0,
            previous: None,
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn token(&mut self, character: char) -> Result<(), InvalidExpression> {
        match character {
            ' ' | '\t' | '\r' | '\n' => {
                self.at += 1;
                return Ok(());
            }
            '/' if self.peek(1) == Some('/') => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
                return Ok(());
            }
            _ => {}
        }
        self.tokens += 1;
        if self.tokens > MAX_EXPRESSION_TOKENS {
            return Err(self.refuse(format!(
                "the expression has more than {MAX_EXPRESSION_TOKENS} names, literals and \
                 operators"
            )));
        }
        match character {
            'a'..='z' | 'A'..='Z' | '_' => self.word(),
            '0'..='9' => {
                self.skip(|c| c.is_ascii_alphanumeric());
                self.previous = Some('0');
                Ok(())
            }
            '"' | '\'' => self.string(character, false),
            '(' | '[' => self.opening(character),
            ')' | ']' => self.closing(character),
            '{' | '}' => Err(self.refuse("maps and messages cannot be written here")),
            '`' => Err(self.refuse("write an unusual name as an index: `labels['a.b/c']`")),
            _ => self.operator(character),
        }
    }

    fn word(&mut self) -> Result<(), InvalidExpression> {
        let start = self.at;
        self.skip(|c| c.is_ascii_alphanumeric() || c == '_');
        let quote = self.peek(0).filter(|c| matches!(c, '"' | '\''));
        let word: String = self
            .characters
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .collect();
        match (word.as_str(), quote) {
            ("r" | "R", Some(quote)) => self.string(quote, true),
            (_, Some(_)) => {
                self.at = start;
                Err(self.refuse("a string is written `'…'`, `\"…\"` or `r'…'`"))
            }
            ("in", None) => self.chain(),
            _ => {
                self.previous = Some('a');
                Ok(())
            }
        }
    }

    fn string(&mut self, quote: char, raw: bool) -> Result<(), InvalidExpression> {
        let start = self.at;
        if self.peek(1) == Some(quote) && self.peek(2) == Some(quote) {
            return Err(self.refuse("a string has one quote at each end"));
        }
        self.at += 1;
        loop {
            match self.peek(0) {
                Some('\\') if raw && matches!(self.peek(1), Some('"' | '\'')) => {
                    return Err(self.refuse("a raw string may not have `\\` before a quote"));
                }
                Some('\\') if !raw => self.escape()?,
                Some('\n' | '\r') | None => {
                    self.at = start;
                    return Err(self.refuse("this string is not closed on its line"));
                }
                Some(character) => {
                    self.at += 1;
                    if character == quote {
                        self.previous = Some('\'');
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Only what the parser's own lexer takes: where the two disagreed on the end of a string, the
    /// bounds above would bound nothing.
    fn escape(&mut self) -> Result<(), InvalidExpression> {
        let hex = |c: &char| c.is_ascii_hexdigit();
        let octal = |c: &char| matches!(c, '0'..='7');
        let digits = |from: usize, count: usize, allowed: &dyn Fn(&char) -> bool| {
            let digits = self.characters.get(self.at + from..self.at + from + count);
            digits
                .is_some_and(|digits| digits.iter().all(allowed))
                .then_some(from + count)
        };
        let length = match self.peek(1) {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '"' | '\'' | '\\' | '?' | '`') => {
                Some(2)
            }
            Some('x' | 'X') => digits(2, 2, &hex),
            Some('u') => digits(2, 4, &hex),
            Some('U') => digits(2, 8, &hex),
            Some('0'..='3') => digits(2, 2, &octal),
            _ => None,
        };
        match length {
            Some(length) => self.at += length,
            None => return Err(self.refuse("`\\` begins no escape here; write `\\\\` or `r'…'`")),
        }
        Ok(())
    }

    fn opening(&mut self, bracket: char) -> Result<(), InvalidExpression> {
        if self.open.len() >= MAX_EXPRESSION_NESTING {
            return Err(self.refuse(format!(
                "brackets are nested more than {MAX_EXPRESSION_NESTING} deep"
            )));
        }
        self.open.push((self.at, bracket, 0));
        self.at += 1;
        self.previous = Some(bracket);
        Ok(())
    }

    fn closing(&mut self, bracket: char) -> Result<(), InvalidExpression> {
        let expected = if bracket == ')' { '(' } else { '[' };
        match self.open.pop() {
            Some((_, opened, _)) if opened == expected => {
                self.at += 1;
                self.previous = Some(bracket);
                Ok(())
            }
            _ => Err(self.refuse(format!("this `{bracket}` closes nothing"))),
        }
    }

    fn operator(&mut self, character: char) -> Result<(), InvalidExpression> {
        let allowed = matches!(
            character,
            '.' | ',' | '?' | ':' | '+' | '-' | '*' | '/' | '%' | '!' | '=' | '<' | '>' | '&' | '|'
        );
        if !allowed {
            return Err(self.refuse(format!(
                "`{}` has no meaning here",
                character.escape_debug()
            )));
        }
        let negation = character == '!' && self.peek(1) != Some('=');
        if negation && self.previous == Some('!') {
            return Err(self.refuse("`!!` is not read as it looks; write `!(!…)`"));
        }
        if character == '-' && self.previous == Some('-') {
            return Err(self.refuse("`--` is not read as it looks; write `-(-…)`"));
        }
        if character == '.' && !self.follows_operand() {
            return Err(self.refuse("`.` selects a field of what stands before it"));
        }
        let double = matches!(
            (character, self.peek(1)),
            ('=' | '!' | '<' | '>', Some('=')) | ('&', Some('&')) | ('|', Some('|'))
        );
        self.at += if double { 2 } else { 1 };
        self.previous = Some(if double { '=' } else { character });
        match character {
            ',' | '&' | '|' => Ok(()),
            _ => self.chain(),
        }
    }

    fn follows_operand(&self) -> bool {
        matches!(self.previous, Some('a' | '0' | '\'' | ')' | ']'))
    }

    fn chain(&mut self) -> Result<(), InvalidExpression> {
        let count = self
            .open
            .last_mut()
            .map_or(&mut self.outside, |(_, _, count)| count);
        *count += 1;
        if *count > MAX_EXPRESSION_CHAIN {
            return Err(self.refuse(format!(
                "more than {MAX_EXPRESSION_CHAIN} operators stand side by side"
            )));
        }
        Ok(())
    }

    fn skip(&mut self, while_true: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&while_true) {
            self.at += 1;
        }
    }

    fn finish(mut self) -> Result<(), InvalidExpression> {
        if let Some((at, bracket, _)) = self.open.pop() {
            self.at = at;
            return Err(self.refuse(format!("this `{bracket}` is never closed")));
        }
        match self.tokens {
            0 => Err(InvalidExpression::at_start("the expression is empty")),
            _ => Ok(()),
        }
    }

    fn refuse(&self, reason: impl Into<String>) -> InvalidExpression {
        let before = self.characters.get(..self.at).unwrap_or_default();
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        InvalidExpression {
            line,
            column,
            reason: reason.into(),
        }
    }
}

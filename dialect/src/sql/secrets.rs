//! Passwords that stand in a text: they are for the server alone, never for a record or a reader.
//!
//! A literal behind the word PASSWORD is one, wherever it stands: in CREATE and ALTER ROLE, in the
//! options of a user mapping, in a comparison, in the body of a DO. What looks like one and is
//! none is left out of a record for nothing, and nothing else comes of it.

use std::ops::Range;

const WORD: &[u8] = b"password";

/// Where the passwords of a text stand, with their quotes, in order.
pub fn secrets(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = next_word(bytes, at) {
        at = word + WORD.len();
        let mut place = Place { bytes, at };
        place.skip_assignment();
        while let Some(literal) = place.literal() {
            at = literal.end;
            found.push(literal);
            // Literals on several lines are one.
            place.skip_blank();
        }
    }
    found
}

/// The text with each password replaced by `with`; None where it has none.
pub fn without_secrets(text: &str, with: &str) -> Option<String> {
    let found = secrets(text);
    if found.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for secret in found {
        out.push_str(text.get(at..secret.start).unwrap_or_default());
        out.push('\'');
        out.push_str(with);
        out.push('\'');
        at = secret.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Some(out)
}

struct Place<'t> {
    bytes: &'t [u8],
    at: usize,
}

// === impl Place ===

impl Place<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Blanks, the end of a quoted name, and what may stand between a name and its value.
    fn skip_assignment(&mut self) {
        if self.rest().starts_with(b"\"") {
            self.at += 1;
        }
        self.skip_blank();
        while let [b':' | b'=' | b'(', ..] = self.rest() {
            self.at += 1;
            self.skip_blank();
        }
    }

    /// White space and comments.
    fn skip_blank(&mut self) {
        loop {
            match self.rest() {
                [blank, ..] if blank.is_ascii_whitespace() || *blank == 0x0b => self.at += 1,
                [b'-', b'-', ..] => {
                    let line = self.rest().iter().position(|byte| *byte == b'\n');
                    self.at = line.map_or(self.bytes.len(), |line| self.at + line);
                }
                [b'/', b'*', ..] => self.skip_comment(),
                _ => return,
            }
        }
    }

    /// Comments nest.
    fn skip_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.rest() {
                [b'/', b'*', ..] => {
                    depth += 1;
                    self.at += 2;
                }
                [b'*', b'/', ..] => {
                    depth = depth.saturating_sub(1);
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                [_, ..] => self.at += 1,
                [] => return,
            }
        }
    }

    /// A literal in any of its forms; one that does not end goes to the end of the text.
    fn literal(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let (skip, escapes) = match self.rest() {
            [b'\'', ..] => (1, false),
            [b'e' | b'E', b'\'', ..] => (2, true),
            [b'n' | b'N', b'\'', ..] => (2, false),
            [b'u' | b'U', b'&', b'\'', ..] => (3, false),
            [b'$', ..] => return self.dollar(),
            _ => return None,
        };
        self.at += skip;
        loop {
            match self.rest() {
                // With the old string syntax a backslash escapes everywhere; a quote behind one
                // then does not end the literal. Going on is the careful reading.
                [b'\\', b'\'', b'\'', ..] if !escapes => self.at += 3,
                [b'\\', _, ..] if escapes => self.at += 2,
                [b'\'', b'\'', ..] => self.at += 2,
                [b'\'', ..] => {
                    self.at += 1;
                    break;
                }
                [_, ..] => self.at += 1,
                [] => break,
            }
        }
        self.at = self.at.min(self.bytes.len());
        Some(start..self.at)
    }

    fn dollar(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let rest = self.rest();
        let inner = rest.get(1..)?.iter().position(|byte| *byte == b'$')?;
        let mark = rest.get(..inner + 2)?;
        let named = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        if !mark.get(1..inner + 1)?.iter().all(named) {
            return None;
        }
        let body = rest.get(mark.len()..)?;
        let length = body
            .windows(mark.len())
            .position(|window| window == mark)
            .map_or(rest.len(), |end| end + 2 * mark.len());
        self.at = start + length;
        Some(start..self.at)
    }
}

/// The next place of the word, as a word of its own, in any case.
fn next_word(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    rest.windows(WORD.len())
        .enumerate()
        .filter(|(_, window)| window.eq_ignore_ascii_case(WORD))
        .map(|(place, _)| from + place)
        .find(|place| {
            let before = place.checked_sub(1).and_then(|at| bytes.get(at));
            let after = bytes.get(place + WORD.len());
            !before.is_some_and(|byte| is_name(*byte)) && !after.is_some_and(|byte| is_name(*byte))
        })
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn passwords_are_left_out_in_whatever_form() {
        for (text, clean) in [
            (
                "ALTER ROLE a PASSWORD 'x''y' LOGIN",
                "ALTER ROLE a PASSWORD '*' LOGIN",
            ),
            (
                "CREATE ROLE a ENCRYPTED password E'x\\'y'",
                "CREATE ROLE a ENCRYPTED password '*'",
            ),
            (
                "ALTER ROLE a PASSWORD/* '/* */ */$q$x$q$;SELECT 1",
                "ALTER ROLE a PASSWORD/* '/* */ */'*';SELECT 1",
            ),
            (
                "ALTER ROLE a PASSWORD -- it\n U&'x'\n'y'",
                "ALTER ROLE a PASSWORD -- it\n '*'\n'*'",
            ),
            (
                "OPTIONS (user 'u', \"password\" 'x')",
                "OPTIONS (user 'u', \"password\" '*')",
            ),
            (
                "UPDATE t SET password = 'x' WHERE a = 'b'",
                "UPDATE t SET password = '*' WHERE a = 'b'",
            ),
            (
                "DO $$BEGIN ALTER ROLE a PASSWORD 'x'; END$$",
                "DO $$BEGIN ALTER ROLE a PASSWORD '*'; END$$",
            ),
            (
                "ALTER ROLE a PASSWORD 'never ends",
                "ALTER ROLE a PASSWORD '*'",
            ),
        ] {
            assert_eq!(without_secrets(text, "*").as_deref(), Some(clean), "{text}");
        }
    }

    #[test]
    fn other_literals_stay() {
        for text in [
            "ALTER ROLE a PASSWORD NULL",
            "SELECT passwords, 'x' FROM t",
            "SELECT password FROM t WHERE a = 'x'",
            "SELECT my_password 'x'",
            "password",
            "password /* never ends",
        ] {
            assert_eq!(without_secrets(text, "*"), None, "{text}");
        }
    }
}

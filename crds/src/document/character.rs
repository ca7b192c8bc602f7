//! Characters that a file may not hold as they are.
//!
//! Older readers of YAML end a line at U+0085, U+2028 and U+2029 and newer ones do not, so a
//! comment for one is a field for another. Controls, marks of writing direction and signs without
//! width show people something else than what is read.

use super::tree::Position;

/// The first such character, and where it stands.
pub(super) fn first_disputed(text: &str) -> Option<(char, Position)> {
    let (mut line, mut column) = (1, 1);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let ends_alone = character == '\r' && characters.peek() != Some(&'\n');
        if ends_alone || is_disputed(character) {
            return Some((character, Position { line, column }));
        }
        if character == '\n' {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
    }
    None
}

fn is_disputed(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        // Other readers' ends of lines.
        '\u{2028}' | '\u{2029}' => true,
        // Signs without width, and what is no character at all.
        '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        // Writing directions.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

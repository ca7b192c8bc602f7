//! Writing JSON strings.

/// A text as a JSON string, with its quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    text.chars()
        .for_each(|character| push(character, &mut json));
    json.push('"');
    json
}

/// One character as it stands within a JSON string.
pub(in crate::mask) fn push(character: char, json: &mut String) {
    match character {
        '"' => json.push_str("\\\""),
        '\\' => json.push_str("\\\\"),
        '\n' => json.push_str("\\n"),
        '\r' => json.push_str("\\r"),
        '\t' => json.push_str("\\t"),
        control @ '\0'..' ' => {
            json.push_str("\\u00");
            for half in [u32::from(control) >> 4, u32::from(control) & 15] {
                json.push(char::from_digit(half, 16).unwrap_or('0'));
            }
        }
        other => json.push(other),
    }
}

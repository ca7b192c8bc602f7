//! The `options` start-up parameter: command-line switches in one text.
//!
//! Read as the server reads it: words are parted by white space, a backslash takes the next byte
//! as it is. Only settings (`-c name=value`, `-cname=value`, `--name=value`) are understood; any
//! other switch is refused, so nothing reaches the server that was not read.

/// Why an `options` text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidOptions {
    #[error(
        "the start-up parameter \"options\" holds the switch \"{0}\"; only settings (-c name=value, --name=value) may be given"
    )]
    Switch(String),
    #[error("the start-up parameter \"options\" holds \"{0}\", which is no name=value")]
    NoValue(String),
    #[error("the start-up parameter \"options\" ends after -c")]
    Ends,
}

/// The settings of an `options` text, in its order.
pub(super) fn settings(text: &str) -> Result<Vec<(String, String)>, InvalidOptions> {
    let mut words = words(text).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = if word == "-c" || word == "--" {
            words.next().ok_or(InvalidOptions::Ends)?
        } else if let Some(rest) = word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            rest.to_owned()
        } else {
            return Err(InvalidOptions::Switch(word));
        };
        let Some((name, value)) = setting.split_once('=') else {
            return Err(InvalidOptions::NoValue(setting));
        };
        // The server takes a dash in the name for an underscore.
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            // What C's isspace takes for white space.
            ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(characters.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests;

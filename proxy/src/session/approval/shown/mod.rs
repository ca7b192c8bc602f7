//! What an approver sees: the whole operation, in a form that cannot deceive.

use std::collections::BTreeMap;
use std::fmt::Write;

use portcullis_policy::{Access, Effect, Operation, Resource};

use crate::session::gate::Meant;
use crate::session::record::Cleaner;

/// The most that is shown of an operation's text and parameters; a longer one cannot be approved.
pub const MAX_SHOWN_BYTES: usize = 16 * 1024;

/// The most resources that are shown.
pub const MAX_SHOWN_RESOURCES: usize = 256;

/// The longest name of a resource that is shown whole.
pub const MAX_SHOWN_NAME_BYTES: usize = 512;

/// The most attributes that are shown.
pub const MAX_SHOWN_ATTRIBUTES: usize = 16;

/// The most values that are shown of one attribute.
pub const MAX_SHOWN_VALUES: usize = 64;

/// The longest value of an attribute that is shown whole.
pub const MAX_SHOWN_VALUE_BYTES: usize = 1024;

/// The attribute that tells an approver what else changes the meaning.
const MEANING: &str = "session";

/// The longest summary.
const SUMMARY_BYTES: usize = 160;

/// The operation's text as shown, and how many values it leaves out. None where it is too long.
pub(super) fn text(
    text: &str,
    parameters: &[Option<String>],
    cleaner: &Cleaner<'_>,
) -> Option<(String, u64)> {
    let given: usize = parameters.iter().flatten().map(String::len).sum();
    if text.len().saturating_add(given) > MAX_SHOWN_BYTES {
        return None;
    }
    let mut shown = String::new();
    let mut masked = 0;
    if !parameters.is_empty() {
        // No statement can begin like this, and so none can claim parameters that are not there.
        shown.push_str("parameters:\n");
    }
    for (at, parameter) in parameters.iter().enumerate() {
        let _ = write!(shown, "  ${} = ", at + 1);
        match parameter {
            None => shown.push_str("NULL"),
            Some(value) => {
                let (clean, finds) = value_shown(value, cleaner);
                masked += finds;
                escape(&clean, false, &mut shown);
                if finds > 0 {
                    shown.push_str(" (masked)");
                }
            }
        }
        shown.push('\n');
        if shown.len() > MAX_SHOWN_BYTES {
            return None;
        }
    }
    if !parameters.is_empty() {
        shown.push_str("statement:\n");
    }
    let (clean, finds) = cleaner.counted(text);
    masked += finds;
    escape(&clean, true, &mut shown);
    (shown.len() <= MAX_SHOWN_BYTES).then_some((shown, masked))
}

/// Each as `effect kind:path`. None where there are too many, or one is too long.
pub(super) fn resources(operation: &Operation) -> Option<Vec<String>> {
    if operation.accesses.len() > MAX_SHOWN_RESOURCES {
        return None;
    }
    let shown: Vec<String> = operation.accesses.iter().map(access).collect();
    let fit = shown.iter().all(|name| name.len() <= MAX_SHOWN_NAME_BYTES);
    fit.then_some(shown)
}

/// The facts that change the meaning. None where there are too many, or one is too long.
pub(super) fn attributes(
    operation: &Operation,
    meaning: &[Meant],
    cleaner: &Cleaner<'_>,
) -> Option<BTreeMap<String, Vec<String>>> {
    let mut shown: BTreeMap<String, Vec<String>> = operation
        .attributes
        .iter()
        .map(|(name, values)| (escaped(name), values.iter().map(|v| escaped(v)).collect()))
        .collect();
    for meant in meaning.iter().filter(|meant| meant.shown) {
        let line = format!("{} = {}", meant.name, cleaner.counted(&meant.value).0);
        shown
            .entry(MEANING.to_owned())
            .or_default()
            .push(escaped(&line));
    }
    let fit = |values: &Vec<String>| {
        values.len() <= MAX_SHOWN_VALUES && values.iter().all(|v| v.len() <= MAX_SHOWN_VALUE_BYTES)
    };
    (shown.len() <= MAX_SHOWN_ATTRIBUTES && shown.values().all(fit)).then_some(shown)
}

/// All effects, the strongest first.
pub(super) fn effects(operation: &Operation) -> Vec<&'static str> {
    let of = operation.accesses.iter().map(|access| access.effect);
    let mut effects: Vec<Effect> = of.chain([operation.effect]).collect();
    effects.sort_unstable_by(|one, two| two.cmp(one));
    effects.dedup();
    effects.iter().map(Effect::as_str).collect()
}

/// The operation in a line.
pub(super) fn summary(verb: &str, resources: &[String]) -> String {
    let mut line = escaped(verb);
    for resource in resources {
        let _ = write!(
            line,
            "{}{resource}",
            if line.contains(':') { ", " } else { " " }
        );
        if line.len() > SUMMARY_BYTES {
            line.truncate(line.floor_char_boundary(SUMMARY_BYTES));
            line.push('…');
            break;
        }
    }
    line
}

/// Appends a text so that it reads as what it is: control characters, those that turn the
/// direction of writing or are not seen at all become `\u{…}`. Lines and tabs may stay.
pub(super) fn escape(text: &str, lines: bool, out: &mut String) {
    for character in text.chars() {
        let stays = lines && matches!(character, '\n' | '\t');
        if !stays && deceives(character) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, false, &mut out);
    out
}

fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn value_shown(value: &str, cleaner: &Cleaner<'_>) -> (String, u64) {
    let clean = cleaner.value(value);
    if clean == value {
        return (value.to_owned(), 0);
    }
    let (_, finds) = cleaner.counted(value);
    (clean.into_owned(), finds.max(1))
}

fn access(access: &Access) -> String {
    let kind = access.resource.kind();
    let mut shown = format!("{} {kind}:", access.effect);
    match &access.resource {
        Resource::Unresolved { .. } => shown.push_str("(could not be told)"),
        Resource::Named { segments, .. } => {
            for (at, segment) in segments.iter().enumerate() {
                if at > 0 {
                    shown.extend(kind.separator());
                }
                let odd = kind.folds_case()
                    && segment.contains(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
                if odd {
                    let _ = write!(shown, "\"");
                    escape(&segment.replace('"', "\"\""), false, &mut shown);
                    shown.push('"');
                } else {
                    escape(segment, false, &mut shown);
                }
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests;

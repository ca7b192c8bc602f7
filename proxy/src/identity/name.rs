//! What may be a name.

use super::Unproven;

/// Longest username or group, in bytes; as long as a policy can write one.
pub(super) const MAX_NAME: usize = 256;

/// Most groups that a credential may carry. More are refused, not cut: which would be left?
pub(super) const MAX_GROUPS: usize = 256;

/// Names of the cluster itself, which no credential but its own may carry.
const SYSTEM: &str = "system:";

/// `name` with its prefix, where it can be one. `what` says what it is the name of.
pub(super) fn prefixed(what: &str, prefix: &str, name: &str) -> Result<String, Unproven> {
    if name.is_empty() {
        return Err(Unproven::both(format!("the {what} is empty")));
    }
    let full = format!("{prefix}{name}");
    if full.len() > MAX_NAME {
        return Err(Unproven::both(format!(
            "the {what} is {} bytes long with its prefix; at most {MAX_NAME} are allowed",
            full.len()
        )));
    }
    if full.chars().any(misleads) || full.trim() != full {
        return Err(Unproven::both(format!(
            "the {what} begins or ends with a space, or has characters that do not show"
        )));
    }
    Ok(full)
}

/// [`prefixed`] for everything that is not a service account of the cluster.
pub(super) fn ordinary(what: &str, prefix: &str, name: &str) -> Result<String, Unproven> {
    let full = prefixed(what, prefix, name)?;
    if is_system(&full) {
        return Err(Unproven::both(format!(
            "the {what} begins with `{SYSTEM}`, which only the cluster's own may"
        )));
    }
    Ok(full)
}

/// Groups, each once, in their order.
pub(super) fn groups<'a>(
    prefix: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<String>, Unproven> {
    let mut groups: Vec<String> = Vec::new();
    for (index, name) in names.enumerate() {
        if index >= MAX_GROUPS {
            return Err(Unproven::both(format!(
                "there are more than {MAX_GROUPS} groups"
            )));
        }
        let group = ordinary("group's name", prefix, name)?;
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    Ok(groups)
}

/// Compared without case, so that nothing is close to a name of the cluster either.
fn is_system(name: &str) -> bool {
    name.get(..SYSTEM.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(SYSTEM))
}

/// Characters that a person who reads the name would not see, or that turn others around.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

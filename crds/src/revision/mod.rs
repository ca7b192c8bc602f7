//! The revision of a set of objects.

use aws_lc_rs::digest::{Context, SHA256};

/// What a revision is made of: an object by kind and UID, at a generation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Versioned {
    pub kind: String,
    pub uid: String,
    pub generation: i64,
}

/// `sha256:` and 64 hex digits over the objects, whatever order they come in. It changes when an
/// object is added, removed, made anew or edited, and with nothing else.
pub fn revision(objects: impl IntoIterator<Item = Versioned>) -> String {
    let mut objects: Vec<Versioned> = objects.into_iter().collect();
    objects.sort();
    objects.dedup();
    let mut context = Context::new(&SHA256);
    for object in &objects {
        // Lengths first, so that no two sets make the same bytes.
        for part in [object.kind.as_bytes(), object.uid.as_bytes()] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        context.update(&object.generation.to_be_bytes());
    }
    let hash = context.finish();
    let hex: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests;

//! What an operation means beyond its own words.

use std::fmt::Debug;

/// Facts that change what an operation means: settings of the session, definitions of what it
/// touches. Asked for only where an approval needs them.
pub trait Meaning: Debug + Sync {
    /// Always the same ones in the same order, for the same meaning.
    fn facts(&self) -> Vec<Meant>;
}

/// One such fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    pub name: &'static str,
    pub value: String,
    /// An approver must see it: it is not as it mostly is. All facts are part of the hash.
    pub shown: bool,
}

/// The words say it all.
impl Meaning for () {
    fn facts(&self) -> Vec<Meant> {
        Vec::new()
    }
}

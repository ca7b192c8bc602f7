//! What names a person.

pub(super) mod birth;
pub(super) mod email;

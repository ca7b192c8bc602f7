//! Masks.

pub mod json;
pub mod transform;

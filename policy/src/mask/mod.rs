//! Masks.

pub mod transform;

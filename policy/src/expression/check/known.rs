//! What is known of a value before anything runs.

use super::super::cost;
use super::super::declared::{Roots, Type};

/// A value that is known by type only.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) ty: Type,
    /// The variables that it is made from.
    pub(super) roots: Roots,
    /// Most bytes of it where it is a string, and of each string in it where it is a list.
    pub(super) bytes: u64,
    /// Most elements, where it is a list or a map.
    pub(super) elements: u64,
}

// === impl Known ===

impl Known {
    pub(super) fn of(ty: Type) -> Self {
        let elements = cost::MAX_LISTED as u64;
        Self {
            ty,
            roots: Roots::default(),
            bytes: cost::MAX_STRING as u64,
            elements,
        }
    }

    /// What is in it.
    pub(super) fn element(&self) -> Self {
        Self {
            elements: cost::MAX_LISTED as u64,
            ..self.clone()
        }
    }

    pub(super) fn join(self, other: Self) -> Option<Self> {
        Some(Self {
            ty: self.ty.join(other.ty)?,
            roots: self.roots.with(other.roots),
            bytes: self.bytes.max(other.bytes),
            elements: self.elements.max(other.elements),
        })
    }

    /// How many bytes a copy of it may take.
    pub(super) fn copied(&self) -> u64 {
        match &self.ty {
            Type::String => self.bytes,
            Type::List(of) | Type::Map(of) => self.elements.saturating_mul(self.each(of)),
            other => self.each(other),
        }
    }
}

impl Known {
    /// What one value of this type in it weighs: more than usual where strings have grown.
    fn each(&self, of: &Type) -> u64 {
        let grown = self.bytes > cost::MAX_STRING as u64;
        weight(of).max(if grown { self.bytes } else { 0 })
    }
}

/// What a copy of a value of this type is taken to weigh, in bytes.
pub(super) fn weight(of: &Type) -> u64 {
    match of {
        Type::Access => cost::ACCESS_BYTES,
        Type::Dyn | Type::List(_) | Type::Map(_) => cost::DYNAMIC_BYTES,
        _ => cost::SCALAR_BYTES,
    }
}

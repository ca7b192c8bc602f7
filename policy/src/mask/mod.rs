//! What may be seen of a value on its way back.

pub mod detect;
pub mod scan;

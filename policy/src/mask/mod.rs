//! What may be seen of a value on its way back.
//!
//! ```text
//! MaskRule ─ compile ─> MaskSet ─ column, key, header, text ─> FieldMask ─ mask ─> Outcome
//!                               └ json ─> JsonMasker (streams)
//! ```
//!
//! A [`MaskSet`] is made of the rules that apply to one subject; [`Masks`] holds all rules of a
//! connection and gives each subject its set. Rules add up: several on one
//! value come to the strictest transform, whatever their order ([`transform::Union`]). Columns,
//! keys, headers and JSON paths are enforcement; detectors are best effort.
//!
//! **A value that a rule names** is transformed as a whole. **Any other value** goes by its
//! class: a text has its finds replaced; JSON is masked by the JSON paths and has the finds in
//! its strings and names replaced; an array or anything else that is given as text becomes NULL
//! when there is a find in it; a number, in JSON too, is masked where it is a payment card's and
//! such are looked for; booleans, dates and bytes pass. Where Partial meets
//! detectors, a value in which something is found takes the stricter of the two transforms as a
//! whole.
//!
//! What cannot be judged is refused ([`MustRefuse`]), never passed.

mod choice;
pub mod detect;
mod field;
pub mod json;
pub mod rule;
pub mod scan;
mod set;
pub mod text;
pub mod transform;

pub use choice::{MAX_KEPT_SETS, Masks};
pub use detect::{CustomPattern, DetectorKind};
pub use field::{FieldMask, MustRefuse, Outcome};
pub use json::{Coverage, DocumentPlace, Documents, JsonMasker, JsonPath, PlaceStep};
pub use rule::{ColumnPattern, DdlRule, HeaderName, MaskRule, Predicates};
pub use set::{ColumnVerdict, InvalidMasks, MaskSet};
pub use transform::{MaskKey, Masked, REDACTED, Transform, TypeClass, carries_placeholder};

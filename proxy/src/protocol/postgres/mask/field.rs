//! One field of a result: its mask, its kind, its format, and what that comes to.

use portcullis_dialect::sql::encoding::Encoding;
use portcullis_policy::mask::{FieldMask, Masked, MustRefuse, Outcome, Transform, TypeClass};

use super::kind::Kind;
use super::{array, number, spelled};

#[derive(Debug, Clone)]
pub(super) struct Field {
    mask: FieldMask,
    kind: Kind,
    binary: bool,
    /// How its texts are read.
    encoding: Encoding,
    pub(super) work: Work,
    /// Whether a value is NULL says something of what it is computed from: NULL becomes what
    /// every other value does.
    hides_null: bool,
}

/// What there is to do for each value, told once for the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    Keep,
    /// Every value becomes this, and NULL where the field hides it.
    Instead(Change),
    Judge,
}

/// What becomes of a value that is not NULL, in the format that it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Keep,
    Null,
    Value(Vec<u8>),
}

/// The version that stands before the text of a binary jsonb.
const JSONB_VERSION: u8 = 1;

// === impl Field ===

impl Field {
    pub(super) fn new(mask: FieldMask, type_oid: u32, binary: bool) -> Self {
        let kind = Kind::of(type_oid);
        let work = work(&mask, kind, binary);
        Self {
            mask,
            kind,
            binary,
            encoding: Encoding::Utf8,
            work,
            hides_null: false,
        }
    }

    /// The field of something computed.
    #[must_use]
    pub(super) fn hiding_null(self) -> Self {
        Self {
            hides_null: true,
            ..self
        }
    }

    /// What stands in the place of NULL, where that may not be seen.
    pub(super) fn instead_of_null(&self) -> Option<&[u8]> {
        match &self.work {
            Work::Instead(Change::Value(value)) if self.hides_null => Some(value),
            _ => None,
        }
    }

    /// With texts in this encoding, other than UTF-8.
    #[must_use]
    pub(super) fn in_encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    pub(super) fn passes(&self) -> bool {
        self.work == Work::Keep
    }

    /// What becomes of a value that is not NULL.
    pub(super) fn judge(&self, value: &[u8]) -> Result<Change, MustRefuse> {
        match &self.work {
            Work::Keep => Ok(Change::Keep),
            Work::Instead(change) => Ok(change.clone()),
            Work::Judge if self.is_recoded(value) => self.judge_recoded(value),
            Work::Judge => judge(&self.mask, self.kind, self.binary, value),
        }
    }
}

impl Field {
    /// Whether a value is a text that masks cannot read as it stands.
    fn is_recoded(&self, value: &[u8]) -> bool {
        let text = matches!(self.kind.class(), TypeClass::Text | TypeClass::Json);
        self.encoding != Encoding::Utf8 && (text || !self.binary) && !value.is_ascii()
    }

    /// Masks see characters, and what they make of them goes back into the encoding. A byte that is
    /// no character is one that no rule names.
    fn judge_recoded(&self, value: &[u8]) -> Result<Change, MustRefuse> {
        let text = self.encoding.decode_lossy(value);
        let change = judge(&self.mask, self.kind, self.binary, text.as_bytes())?;
        Ok(match change {
            Change::Value(masked) => match String::from_utf8(masked) {
                Ok(masked) => Change::Value(self.encoding.encode(&masked)),
                Err(_) => Change::Null,
            },
            other => other,
        })
    }
}

// === impl Change ===

impl Change {
    /// What is seen instead: NULL, or this value. None where the value stays.
    pub(super) fn shown(&self) -> Option<Option<&[u8]>> {
        match self {
            Self::Keep => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

fn work(mask: &FieldMask, kind: Kind, binary: bool) -> Work {
    let passes = match kind {
        Kind::Array(element) => mask.passes(element.kind().class()),
        kind => mask.passes(kind.class()),
    };
    let Some(transform) = mask.transform() else {
        return if passes { Work::Keep } else { Work::Judge };
    };
    let text = |text: &[u8]| Work::Instead(Change::Value(text.to_vec()));
    match (transform, kind.class()) {
        (Transform::Nullify, _) => Work::Instead(Change::Null),
        (Transform::Redact, TypeClass::Text) => {
            text(redacted(transform, TypeClass::Text).as_bytes())
        }
        (Transform::Redact, TypeClass::Json) => {
            let value = redacted(transform, TypeClass::Json);
            text(&in_format(kind, binary, value))
        }
        (_, TypeClass::Text | TypeClass::Json) => Work::Judge,
        (Transform::Tokenize { .. }, TypeClass::Number) => Work::Judge,
        _ => Work::Instead(Change::Null),
    }
}

/// What a transform that does not look at the value gives.
fn redacted(transform: &Transform, class: TypeClass) -> String {
    match transform.apply(class, Some(b"")) {
        Masked::Text(text) => text,
        Masked::Null => String::new(),
    }
}

/// Masks one value of a kind.
pub(super) fn judge(
    mask: &FieldMask,
    kind: Kind,
    binary: bool,
    value: &[u8],
) -> Result<Change, MustRefuse> {
    if let Kind::Array(element) = kind {
        let stays = mask.transform().is_none() && array::stays(mask, element, binary, value)?;
        return Ok(if stays { Change::Keep } else { Change::Null });
    }
    if !binary {
        return plain(mask, kind, false, value);
    }
    match kind {
        Kind::Jsonb => match value.split_first() {
            Some((&JSONB_VERSION, text)) => plain(mask, kind, true, text),
            _ => Ok(Change::Null),
        },
        Kind::Number(number) => match number::to_text(number, value) {
            Some(text) => plain(mask, kind, true, text.as_bytes()),
            // Not a number, or an infinity: nothing to find.
            None if mask.transform().is_none() => Ok(Change::Keep),
            None => Ok(Change::Null),
        },
        Kind::Spelled(spelling) => match spelled::spelled(spelling, value) {
            Some(text) => plain(mask, kind, true, text.as_bytes()),
            None => Ok(Change::Null),
        },
        Kind::Other if mask.transform().is_none() => {
            let found = plain(mask, kind, true, &spelled::texts(value))?;
            match found {
                Change::Keep => plain(mask, kind, true, value),
                found => Ok(found),
            }
        }
        _ => plain(mask, kind, true, value),
    }
}

/// Masks a value given as text, and puts what stands in its place into the field's format.
fn plain(mask: &FieldMask, kind: Kind, binary: bool, text: &[u8]) -> Result<Change, MustRefuse> {
    Ok(match mask.mask(kind.class(), Some(text))? {
        Outcome::Unchanged => Change::Keep,
        Outcome::Value(Masked::Null) => Change::Null,
        Outcome::Value(Masked::Text(text)) => match kind {
            Kind::Number(number) if binary => {
                number::from_text(number, &text).map_or(Change::Null, Change::Value)
            }
            _ => Change::Value(in_format(kind, binary, text)),
        },
    })
}

fn in_format(kind: Kind, binary: bool, text: String) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    if binary && kind == Kind::Jsonb {
        bytes.insert(0, JSONB_VERSION);
    }
    bytes
}

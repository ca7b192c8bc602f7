//! Errors, notices and notifications: texts that may hold values.
//!
//! While a statement runs that reaches masked columns, the texts of a report are replaced, for a
//! failed cast or a violated constraint quotes values. Severity, SQLSTATE, positions and the
//! names of what is concerned stay. Kept are the texts of errors that hold no value of a table:
//! those found while the statement was read (class 42 with a position in the statement), and
//! those about transactions, conflicts, resources and cancelling. Detectors look through what is
//! kept.

use std::borrow::Cow;
use std::sync::Arc;

use portcullis_dialect::postgres::wire::InvalidFrame;
use portcullis_dialect::postgres::wire::backend::{Backend, Fields, tag};
use portcullis_dialect::postgres::wire::write;
use portcullis_dialect::sql::encoding::Encoding;
use portcullis_policy::mask::{MaskSet, REDACTED};

/// What becomes of reports.
#[derive(Debug, Clone)]
pub struct Reports {
    masks: Arc<MaskSet>,
    rule: Rule,
    encoding: Encoding,
}

/// From what shows most to what shows least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    LookThrough,
    /// Texts are replaced; names too where functions run that were not read.
    Replace {
        names: bool,
    },
}

/// MESSAGE, DETAIL, HINT, CONTEXT, the statement inside a function.
const TEXTS: &[u8] = b"MDHWq";

/// Names of schema, table, column, type and constraint. RAISE may put anything there.
const NAMES: &[u8] = b"stcdn";

/// Classes of errors that hold no value: transaction state, conflicts, resources, cancelling.
const WITHOUT_VALUES: [&[u8]; 4] = [b"25", b"40", b"53", b"57"];

const MESSAGE: &[u8] = b"the message is masked, for the statement reaches masked columns";

// === impl Reports ===

impl Reports {
    /// Detectors alone: for statements that reach nothing masked, and between statements.
    pub fn looked_through(masks: Arc<MaskSet>) -> Self {
        Self {
            masks,
            rule: Rule::LookThrough,
            encoding: Encoding::Utf8,
        }
    }

    /// Of a session whose texts are in this encoding.
    #[must_use]
    pub fn in_encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// Every text is replaced: where it is not known what is masked.
    pub fn closed() -> Self {
        Self::fixed(Arc::default(), true)
    }

    /// Whichever of two shows less. Both have the same masks.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        match self.rule >= other.rule {
            true => self,
            false => other,
        }
    }

    pub(super) fn fixed(masks: Arc<MaskSet>, untraced: bool) -> Self {
        Self {
            masks,
            rule: Rule::Replace { names: untraced },
            encoding: Encoding::Utf8,
        }
    }

    /// Appends an ErrorResponse, NoticeResponse or NotificationResponse as it may be seen, given
    /// by its tag and body. False: it stays as it is, and nothing was appended.
    pub fn rewrite(&self, tag: u8, body: &[u8], out: &mut Vec<u8>) -> Result<bool, InvalidFrame> {
        match Backend::decode(tag, body)? {
            Backend::Error(fields) | Backend::Notice(fields) => Ok(self.report(tag, fields, out)),
            Backend::Notification {
                pid,
                channel,
                payload,
            } => {
                let Some(masked) = self.payload(payload) else {
                    return Ok(false);
                };
                write::message(out, tag::NOTIFICATION, |out| {
                    out.extend_from_slice(&pid.to_be_bytes());
                    write::string(out, channel);
                    write::string(out, &masked);
                });
                Ok(true)
            }
            _ => Err(InvalidFrame::UnknownTag(tag)),
        }
    }

    fn report(&self, tag: u8, fields: Fields<'_>, out: &mut Vec<u8>) -> bool {
        let replaced = !self.keeps(fields);
        let masked = fields
            .iter()
            .map(|(kind, text)| (kind, text, self.text(kind, text, replaced)));
        let masked: Vec<_> = masked.collect();
        if masked.iter().all(|(_, _, instead)| instead.is_none()) {
            return false;
        }
        let fields = masked
            .iter()
            .map(|(kind, text, instead)| (*kind, instead.as_deref().unwrap_or(*text)));
        write::report(out, tag, fields);
        true
    }

    fn keeps(&self, fields: Fields<'_>) -> bool {
        let Rule::Replace { names } = self.rule else {
            return true;
        };
        let class = fields.get(b'C').and_then(|code| code.get(..2));
        let has = |kind| fields.get(kind).is_some();
        let was_being_read = class == Some(b"42") && has(b'P') && !has(b'W') && !has(b'q');
        // A function may raise any code with any text, but never with a place in the statement.
        was_being_read || !names && class.is_some_and(|class| WITHOUT_VALUES.contains(&class))
    }

    /// What stands in a field's place; none where it stays.
    fn text(&self, kind: u8, text: &[u8], replaced: bool) -> Option<Vec<u8>> {
        let names = self.rule == Rule::Replace { names: true };
        match kind {
            b'M' if replaced => Some(MESSAGE.to_vec()),
            _ if replaced && TEXTS.contains(&kind) => Some(REDACTED.as_bytes().to_vec()),
            _ if names && NAMES.contains(&kind) => Some(REDACTED.as_bytes().to_vec()),
            _ if TEXTS.contains(&kind) => self.found(text),
            _ => None,
        }
    }

    /// Another session's statement sent it, so that nothing tells what it is made of: where
    /// columns are masked it is redacted whole.
    fn payload(&self, payload: &[u8]) -> Option<Vec<u8>> {
        match self.masks.has_columns() && !payload.is_empty() {
            true => Some(REDACTED.as_bytes().to_vec()),
            false => self.found(payload),
        }
    }

    fn found(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mask = self.masks.text_mask()?;
        let Ok(Cow::Owned(decoded)) = self.encoding.decode(text) else {
            return mask.mask(text);
        };
        let masked = mask.mask(decoded.as_bytes())?;
        Some(match String::from_utf8(masked) {
            Ok(masked) => self.encoding.encode(&masked),
            Err(_) => REDACTED.as_bytes().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;

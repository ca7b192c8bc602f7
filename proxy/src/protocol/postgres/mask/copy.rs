//! COPY … TO STDOUT, masked as it streams by.

use portcullis_dialect::postgres::copy::{Judge, Judged, Layout, Refused, Rewriter};
use portcullis_policy::mask::MustRefuse;

use super::Unmaskable;
use super::field::{Change, Field, Work};

/// Masks the data of one COPY.
#[derive(Debug)]
pub struct CopyMask {
    rewriter: Rewriter,
    fields: Fields,
    refused: Option<Unmaskable>,
}

#[derive(Debug)]
struct Fields {
    fields: Vec<Field>,
    masked: u64,
}

// === impl CopyMask ===

impl CopyMask {
    pub(super) fn new(layout: Layout, fields: Vec<Field>, longest: usize) -> Self {
        Self {
            rewriter: Rewriter::new(layout, fields.len(), longest),
            fields: Fields { fields, masked: 0 },
            refused: None,
        }
    }

    /// Appends what of the data so far may be seen: the next CopyData's content, however the
    /// server cuts it. Once refused, always refused, and nothing of that call is appended.
    pub fn push(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        let before = out.len();
        let pushed = self.rewriter.push(data, &mut self.fields, out);
        pushed.map_err(|refused| {
            out.truncate(before);
            let refused = match refused {
                Refused::Data(invalid) => Unmaskable::from(invalid),
                Refused::Value(refused) => Unmaskable::from(refused),
            };
            self.refused = Some(refused.clone());
            refused
        })
    }

    /// Ends the data, at CopyDone. Tells how many values were masked.
    pub fn finish(self) -> Result<u64, Unmaskable> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        self.rewriter.finish()?;
        Ok(self.fields.masked)
    }
}

// === impl Fields ===

impl Judge for Fields {
    type Error = MustRefuse;

    /// A column that was not told is looked at by nobody: its row is refused.
    fn looks_at(&self, column: usize) -> bool {
        let field = self.fields.get(column);
        field.is_some_and(|field| field.work != Work::Keep)
    }

    fn judge(&mut self, column: usize, value: Option<&[u8]>) -> Result<Judged, MustRefuse> {
        let Some(field) = self.fields.get(column) else {
            return Ok(Judged::Keep);
        };
        let judged = match value.map(|value| field.judge(value)).transpose()? {
            None => match field.instead_of_null() {
                Some(value) => Judged::Value(value.to_vec()),
                None => return Ok(Judged::Keep),
            },
            Some(Change::Keep) => return Ok(Judged::Keep),
            Some(Change::Null) => Judged::Null,
            Some(Change::Value(value)) => Judged::Value(value),
        };
        self.masked += 1;
        Ok(judged)
    }
}

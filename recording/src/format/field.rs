//! Numbered fields: a number, a length, then the value.
//!
//! A field's number says its type. Fields come in the order of their numbers, each at most
//! once, and one that holds nothing (an empty text, a zero, an empty map) is left out, so that
//! an event has one encoding. Later versions only ever add numbers at the end: what an older
//! reader does not know follows all that it knows.

use super::FormatError;
use super::value::{decode_map, encode_map, whole};
use super::wire::{Cursor, put_bytes, put_nested, put_varint};
use crate::event::{LaterField, Map};

/// Reads fields in the order of their numbers.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    cursor: Cursor<'a>,
    ahead: Option<(u64, &'a [u8])>,
    last: u64,
}

// === impl Fields ===

impl<'a> Fields<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Result<Self, FormatError> {
        let mut fields = Self {
            cursor: Cursor::new(payload),
            ahead: None,
            last: 0,
        };
        fields.advance()?;
        Ok(fields)
    }

    fn advance(&mut self) -> Result<(), FormatError> {
        self.ahead = None;
        if self.cursor.is_empty() {
            return Ok(());
        }
        let number = self.cursor.varint()?;
        if number <= self.last {
            return Err(FormatError::NotCanonical("fields out of order"));
        }
        self.last = number;
        self.ahead = Some((number, self.cursor.bytes()?));
        Ok(())
    }

    /// The field of this number, if it is there.
    pub(super) fn bytes(&mut self, number: u64) -> Result<Option<&'a [u8]>, FormatError> {
        match self.ahead {
            Some((found, bytes)) if found == number => {
                if bytes.is_empty() {
                    return Err(FormatError::NotCanonical("an empty field"));
                }
                self.advance()?;
                Ok(Some(bytes))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn blob(&mut self, number: u64) -> Result<Vec<u8>, FormatError> {
        Ok(self.bytes(number)?.unwrap_or_default().to_vec())
    }

    pub(super) fn text(&mut self, number: u64) -> Result<String, FormatError> {
        let bytes = self.bytes(number)?.unwrap_or_default();
        super::wire::text(bytes).map(str::to_owned)
    }

    pub(super) fn integer(&mut self, number: u64) -> Result<u64, FormatError> {
        match self.bytes(number)?.map(whole).transpose()? {
            Some(0) => Err(FormatError::NotCanonical("an empty field")),
            found => Ok(found.unwrap_or_default()),
        }
    }

    pub(super) fn texts(&mut self, number: u64) -> Result<Vec<String>, FormatError> {
        let mut cursor = Cursor::new(self.bytes(number)?.unwrap_or_default());
        let mut texts = Vec::new();
        while !cursor.is_empty() {
            if texts.len() == super::MAX_VALUES {
                return Err(FormatError::TooManyValues);
            }
            texts.push(cursor.text()?.to_owned());
        }
        Ok(texts)
    }

    pub(super) fn map(&mut self, number: u64) -> Result<Map, FormatError> {
        self.bytes(number)?
            .map_or_else(|| Ok(Map::new()), decode_map)
    }

    /// Exactly `N` bytes, which must be there.
    pub(super) fn exact<const N: usize>(&mut self, number: u64) -> Result<[u8; N], FormatError> {
        let bytes = self
            .bytes(number)?
            .ok_or(FormatError::MissingField(number))?;
        bytes.try_into().map_err(|_| FormatError::WrongLength {
            field: number,
            expected: N,
        })
    }

    /// What this version does not know.
    pub(super) fn later(mut self, known: u64) -> Result<Vec<LaterField>, FormatError> {
        let mut later = Vec::new();
        while let Some((number, bytes)) = self.ahead {
            if number <= known {
                return Err(FormatError::NotCanonical("fields out of order"));
            }
            if later.len() == super::MAX_LATER_FIELDS {
                return Err(FormatError::TooManyValues);
            }
            later.push(LaterField {
                number,
                bytes: bytes.to_vec(),
            });
            self.advance()?;
        }
        Ok(later)
    }
}

pub(super) fn put_blob(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_varint(out, number);
        put_bytes(out, bytes);
    }
}

pub(super) fn put_text(out: &mut Vec<u8>, number: u64, text: &str) {
    put_blob(out, number, text.as_bytes());
}

pub(super) fn put_integer(out: &mut Vec<u8>, number: u64, value: u64) {
    if value != 0 {
        put_varint(out, number);
        put_nested(out, |out| put_varint(out, value));
    }
}

pub(super) fn put_texts(out: &mut Vec<u8>, number: u64, texts: &[String]) {
    if !texts.is_empty() {
        put_varint(out, number);
        put_nested(out, |out| {
            texts
                .iter()
                .for_each(|text| put_bytes(out, text.as_bytes()))
        });
    }
}

pub(super) fn put_map(out: &mut Vec<u8>, number: u64, map: &Map) -> Result<(), FormatError> {
    if map.is_empty() {
        return Ok(());
    }
    put_varint(out, number);
    put_nested(out, |out| encode_map(map, out))
}

pub(super) fn put_later(out: &mut Vec<u8>, later: &[LaterField]) {
    for field in later {
        put_varint(out, field.number);
        put_bytes(out, &field.bytes);
    }
}

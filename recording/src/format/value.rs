//! Encoding of open maps: a tag, a length, then what the tag says. The length lets an older
//! reader keep what it does not know.

use super::wire::{Cursor, put_bytes, put_nested, put_varint, unzigzag, zigzag};
use super::{FormatError, MAX_VALUE_DEPTH, MAX_VALUES};
use crate::event::{Map, Value};

const TEXT: u8 = 1;
const BYTES: u8 = 2;
const INTEGER: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;

/// What is left of the bounds while values are read or checked.
#[derive(Debug)]
struct Budget {
    values: usize,
    depth: usize,
}

/// Refuses what [`decode_map`] would not read again; `out` then holds a part of it.
pub(super) fn encode_map(map: &Map, out: &mut Vec<u8>) -> Result<(), FormatError> {
    Budget::new().encode_map(map, out)
}

pub(super) fn decode_map(bytes: &[u8]) -> Result<Map, FormatError> {
    Budget::new().map(bytes)
}

// === impl Budget ===

impl Budget {
    fn new() -> Self {
        Self {
            values: MAX_VALUES,
            depth: MAX_VALUE_DEPTH,
        }
    }

    fn spend(&mut self) -> Result<(), FormatError> {
        self.values = self
            .values
            .checked_sub(1)
            .ok_or(FormatError::TooManyValues)?;
        Ok(())
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, FormatError>,
    ) -> Result<T, FormatError> {
        self.depth = self.depth.checked_sub(1).ok_or(FormatError::TooDeep)?;
        let result = read(self);
        self.depth += 1;
        result
    }

    fn map(&mut self, bytes: &[u8]) -> Result<Map, FormatError> {
        self.deeper(|budget| {
            let mut cursor = Cursor::new(bytes);
            let mut map = Map::new();
            while !cursor.is_empty() {
                let name = cursor.text()?;
                if map
                    .last_key_value()
                    .is_some_and(|(last, _)| last.as_str() >= name)
                {
                    return Err(FormatError::NotCanonical("names out of order"));
                }
                map.insert(name.to_owned(), budget.value(&mut cursor)?);
            }
            Ok(map)
        })
    }

    fn list(&mut self, bytes: &[u8]) -> Result<Vec<Value>, FormatError> {
        self.deeper(|budget| {
            let mut cursor = Cursor::new(bytes);
            let mut items = Vec::new();
            while !cursor.is_empty() {
                items.push(budget.value(&mut cursor)?);
            }
            Ok(items)
        })
    }

    fn value(&mut self, cursor: &mut Cursor<'_>) -> Result<Value, FormatError> {
        self.spend()?;
        let tag = cursor.byte()?;
        let bytes = cursor.bytes()?;
        Ok(match tag {
            TEXT => Value::Text(super::wire::text(bytes)?.to_owned()),
            BYTES => Value::Bytes(bytes.to_vec()),
            INTEGER => Value::Integer(unzigzag(whole(bytes)?)),
            LIST => Value::List(self.list(bytes)?),
            MAP => Value::Map(self.map(bytes)?),
            _ => Value::Opaque {
                tag,
                bytes: bytes.to_vec(),
            },
        })
    }

    fn encode_map(&mut self, map: &Map, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.deeper(|budget| {
            map.iter().try_for_each(|(name, value)| {
                put_bytes(out, name.as_bytes());
                budget.encode(value, out)
            })
        })
    }

    fn encode(&mut self, value: &Value, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.spend()?;
        match value {
            Value::Text(text) => {
                out.push(TEXT);
                put_bytes(out, text.as_bytes());
            }
            Value::Bytes(bytes) => {
                out.push(BYTES);
                put_bytes(out, bytes);
            }
            Value::Integer(number) => {
                out.push(INTEGER);
                put_nested(out, |out| put_varint(out, zigzag(*number)));
            }
            Value::List(items) => {
                out.push(LIST);
                return put_nested(out, |out| {
                    self.deeper(|budget| items.iter().try_for_each(|item| budget.encode(item, out)))
                });
            }
            Value::Map(map) => {
                out.push(MAP);
                return put_nested(out, |out| self.encode_map(map, out));
            }
            Value::Opaque { tag, .. } if (TEXT..=MAP).contains(tag) => {
                return Err(FormatError::NotCanonical(
                    "a known sort of value told as opaque",
                ));
            }
            Value::Opaque { tag, bytes } => {
                out.push(*tag);
                put_bytes(out, bytes);
            }
        }
        Ok(())
    }
}

/// One integer and nothing after it.
pub(super) fn whole(bytes: &[u8]) -> Result<u64, FormatError> {
    let mut cursor = Cursor::new(bytes);
    let number = cursor.varint()?;
    if cursor.is_empty() {
        Ok(number)
    } else {
        Err(FormatError::NotCanonical("a long integer"))
    }
}

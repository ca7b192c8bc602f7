//! Arrays, element by element: one in which an element would change becomes NULL as a whole.

use portcullis_dialect::postgres::wire::read::Body;
use portcullis_policy::mask::MustRefuse;

use super::field::{Change, judge};
use super::kind::{Element, Kind};
use portcullis_policy::mask::FieldMask;

/// Most dimensions: the server's own limit.
const MAX_DIMENSIONS: u32 = 6;

/// True when every element stays as it is.
pub(super) fn stays(
    mask: &FieldMask,
    element: Element,
    binary: bool,
    value: &[u8],
) -> Result<bool, MustRefuse> {
    let kind = element.kind();
    let keeps = |element: &[u8]| Ok(judge(mask, kind, binary, element)? == Change::Keep);
    match binary {
        true => binary_stays(value, keeps),
        false => text_stays(value, kind, keeps),
    }
}

/// Dimensions, a flag, the element's type, the bounds of each dimension, then the elements.
fn binary_stays(
    value: &[u8],
    keeps: impl Fn(&[u8]) -> Result<bool, MustRefuse>,
) -> Result<bool, MustRefuse> {
    let mut body = Body::new(value);
    let head = body.uint32("dimensions").and_then(|dimensions| {
        body.take(8, "element type")?;
        Ok(dimensions)
    });
    let Ok(dimensions @ 0..=MAX_DIMENSIONS) = head else {
        return Ok(false);
    };
    for _ in 0..dimensions {
        if body.take(8, "bounds").is_err() {
            return Ok(false);
        }
    }
    while !body.is_empty() {
        match body.value("element") {
            Ok(None) => {}
            Ok(Some(element)) if keeps(element)? => {}
            Ok(Some(_)) | Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// `{a,"b \"c\"",NULL,{d}}`, with `[1:2]=` before it where bounds are not the usual ones.
fn text_stays(
    value: &[u8],
    kind: Kind,
    keeps: impl Fn(&[u8]) -> Result<bool, MustRefuse>,
) -> Result<bool, MustRefuse> {
    let start = value.iter().position(|b| *b == b'{');
    let Some(body) = start.and_then(|start| value.get(start..)) else {
        return Ok(false);
    };
    let mut bytes = body.iter();
    let mut element = Vec::new();
    let mut is_quoted = false;
    let mut was_quoted = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => element.extend(bytes.next()),
            b'"' => {
                is_quoted = !is_quoted;
                was_quoted = true;
            }
            b'{' | b'}' | b',' if !is_quoted => {
                let is_null = !was_quoted && (element.is_empty() || element == b"NULL");
                if !is_null && !keeps(&element)? {
                    return Ok(false);
                }
                element.clear();
                was_quoted = false;
            }
            other => element.push(*other),
        }
    }
    // What is left over was within no element: the value is no array of this kind.
    Ok(element.is_empty() && !is_quoted && kind != Kind::Other)
}

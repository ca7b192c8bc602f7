//! What a client sends after start-up.

use super::read::Body;
use super::{Header, InvalidFrame};

/// The types of messages that a client may send, by their first byte.
pub mod tag {
    pub const QUERY: u8 = b'Q';
    pub const PARSE: u8 = b'P';
    pub const BIND: u8 = b'B';
    pub const DESCRIBE: u8 = b'D';
    pub const EXECUTE: u8 = b'E';
    pub const CLOSE: u8 = b'C';
    pub const SYNC: u8 = b'S';
    pub const FLUSH: u8 = b'H';
    pub const FUNCTION_CALL: u8 = b'F';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_FAIL: u8 = b'f';
    pub const PASSWORD: u8 = b'p';
    pub const TERMINATE: u8 = b'X';
}

/// A message from a client, borrowed from its frame. Texts are bytes: they are in the client's
/// encoding, which is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frontend<'a> {
    Query(&'a [u8]),
    Parse(Parse<'a>),
    Bind(Bind<'a>),
    Describe(Target, &'a [u8]),
    Execute {
        portal: &'a [u8],
        max_rows: u32,
    },
    Close(Target, &'a [u8]),
    Sync,
    Flush,
    /// Judged by nobody, so refused; its body is not read.
    FunctionCall,
    CopyData(&'a [u8]),
    CopyDone,
    CopyFail(&'a [u8]),
    /// Password, SASL and GSS answers share a type; the login that asked knows which it is.
    Password(&'a [u8]),
    Terminate,
}

/// What Describe and Close name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Statement,
    Portal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parse<'a> {
    pub name: &'a [u8],
    pub text: &'a [u8],
    types: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    pub portal: &'a [u8],
    pub statement: &'a [u8],
    parameter_formats: &'a [u8],
    parameters: &'a [u8],
    result_formats: &'a [u8],
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

// === impl Frontend ===

impl<'a> Frontend<'a> {
    /// Decodes exactly one message body.
    pub fn decode(tag: u8, body: &'a [u8]) -> Result<Self, InvalidFrame> {
        let mut body = Body::new(body);
        let message = match tag {
            tag::QUERY => Self::Query(body.string("query text")?),
            tag::PARSE => Self::Parse(Parse::decode(&mut body)?),
            tag::BIND => Self::Bind(Bind::decode(&mut body)?),
            tag::DESCRIBE => Self::Describe(Target::decode(&mut body)?, body.string("name")?),
            tag::CLOSE => Self::Close(Target::decode(&mut body)?, body.string("name")?),
            tag::EXECUTE => Self::Execute {
                portal: body.string("portal name")?,
                // The server takes every value below one as "all rows".
                max_rows: u32::try_from(body.int32("row limit")?).unwrap_or(0),
            },
            tag::SYNC => Self::Sync,
            tag::FLUSH => Self::Flush,
            tag::FUNCTION_CALL => {
                body.rest();
                Self::FunctionCall
            }
            tag::COPY_DATA => Self::CopyData(body.rest()),
            tag::COPY_DONE => Self::CopyDone,
            tag::COPY_FAIL => Self::CopyFail(body.string("copy failure")?),
            tag::PASSWORD => Self::Password(body.rest()),
            tag::TERMINATE => Self::Terminate,
            other => return Err(InvalidFrame::UnknownTag(other)),
        };
        body.end()?;
        Ok(message)
    }

    /// Whether a message of this type may be passed on in pieces, because its meaning does not
    /// depend on its content.
    pub fn may_stream(header: Header) -> bool {
        header.tag == tag::COPY_DATA
    }
}

// === impl Target ===

impl Target {
    fn decode(body: &mut Body<'_>) -> Result<Self, InvalidFrame> {
        match body.byte("statement or portal")? {
            b'S' => Ok(Self::Statement),
            b'P' => Ok(Self::Portal),
            other => Err(InvalidFrame::BadValue {
                field: "statement or portal",
                value: i64::from(other),
            }),
        }
    }
}

// === impl Parse ===

impl<'a> Parse<'a> {
    fn decode(body: &mut Body<'a>) -> Result<Self, InvalidFrame> {
        let name = body.string("statement name")?;
        let text = body.string("statement text")?;
        let count = body.count("parameter type count")?;
        let types = body.take(count.saturating_mul(4), "parameter types")?;
        Ok(Self { name, text, types })
    }

    /// The OIDs of the parameter types that the client gives; 0 leaves one to the server.
    pub fn types(&self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.types
            .as_chunks::<4>()
            .0
            .iter()
            .map(|word| u32::from_be_bytes(*word))
    }
}

// === impl Bind ===

impl<'a> Bind<'a> {
    fn decode(body: &mut Body<'a>) -> Result<Self, InvalidFrame> {
        let portal = body.string("portal name")?;
        let statement = body.string("statement name")?;
        let formats = body.count("parameter format count")?;
        let parameter_formats = formats_of(body, formats)?;
        let count = body.count("parameter count")?;
        if formats > 1 && formats != count {
            return Err(InvalidFrame::BadValue {
                field: "parameter format count",
                value: i64::try_from(formats).unwrap_or(i64::MAX),
            });
        }
        let parameters = values(body, count)?;
        let results = body.count("result format count")?;
        let result_formats = formats_of(body, results)?;
        Ok(Self {
            portal,
            statement,
            parameter_formats,
            parameters,
            result_formats,
        })
    }

    /// The bound values with their formats; `None` is NULL.
    pub fn parameters(&self) -> impl Iterator<Item = (Format, Option<&'a [u8]>)> + 'a {
        let formats = self.parameter_formats;
        let mut left = Body::new(self.parameters);
        // `values` walked these bytes in `decode`, so no read here can fail.
        (0..).map_while(move |index| {
            let value = (!left.is_empty())
                .then(|| left.value("parameter").ok())
                .flatten()?;
            Some((format_at(formats, index), value))
        })
    }

    /// The format of one column of the result.
    pub fn result_format(&self, column: usize) -> Format {
        format_at(self.result_formats, column)
    }
}

/// Format codes: each 0 or 1.
fn formats_of<'a>(body: &mut Body<'a>, count: usize) -> Result<&'a [u8], InvalidFrame> {
    let codes = body.take(count.saturating_mul(2), "format codes")?;
    for code in codes.as_chunks::<2>().0 {
        let value = i16::from_be_bytes(*code);
        if value != 0 && value != 1 {
            return Err(InvalidFrame::BadValue {
                field: "format code",
                value: i64::from(value),
            });
        }
    }
    Ok(codes)
}

/// Walks `count` values and returns the bytes that hold them.
fn values<'a>(body: &mut Body<'a>, count: usize) -> Result<&'a [u8], InvalidFrame> {
    let start = body.clone().rest();
    for _ in 0..count {
        body.value("parameter")?;
    }
    let used = start.len().saturating_sub(body.clone().rest().len());
    start.get(..used).ok_or(InvalidFrame::Short("parameters"))
}

/// None given means text for all, one given means that one for all.
fn format_at(codes: &[u8], index: usize) -> Format {
    let codes = codes.as_chunks::<2>().0;
    let code = if codes.len() == 1 {
        codes.first()
    } else {
        codes.get(index)
    };
    match code {
        Some([0, 1]) => Format::Binary,
        _ => Format::Text,
    }
}

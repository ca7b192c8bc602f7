//! What a server sends.

use super::InvalidFrame;
use super::read::Body;

/// The types of messages that a server may send, by their first byte.
pub mod tag {
    pub const AUTHENTICATION: u8 = b'R';
    pub const BACKEND_KEY: u8 = b'K';
    pub const BIND_COMPLETE: u8 = b'2';
    pub const CLOSE_COMPLETE: u8 = b'3';
    pub const COMMAND_COMPLETE: u8 = b'C';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_IN: u8 = b'G';
    pub const COPY_OUT: u8 = b'H';
    pub const COPY_BOTH: u8 = b'W';
    pub const DATA_ROW: u8 = b'D';
    pub const EMPTY_QUERY: u8 = b'I';
    pub const ERROR: u8 = b'E';
    pub const FUNCTION_RESULT: u8 = b'V';
    pub const NEGOTIATE_VERSION: u8 = b'v';
    pub const NO_DATA: u8 = b'n';
    pub const NOTICE: u8 = b'N';
    pub const NOTIFICATION: u8 = b'A';
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    pub const PARAMETER_STATUS: u8 = b'S';
    pub const PARSE_COMPLETE: u8 = b'1';
    pub const PORTAL_SUSPENDED: u8 = b's';
    pub const READY: u8 = b'Z';
    pub const ROW_DESCRIPTION: u8 = b'T';
}

/// A message from a server, borrowed from its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend<'a> {
    Authentication(Authentication<'a>),
    BackendKey {
        pid: u32,
        key: &'a [u8],
    },
    BindComplete,
    CloseComplete,
    CommandComplete(&'a [u8]),
    CopyData(&'a [u8]),
    CopyDone,
    CopyIn(CopyResponse<'a>),
    CopyOut(CopyResponse<'a>),
    /// Replication only, which is refused.
    CopyBoth,
    DataRow(DataRow<'a>),
    EmptyQuery,
    Error(Fields<'a>),
    Notice(Fields<'a>),
    /// Answers a message that is refused, so it never comes.
    FunctionResult,
    NegotiateVersion {
        minor: u32,
        options: &'a [u8],
    },
    NoData,
    Notification {
        pid: u32,
        channel: &'a [u8],
        payload: &'a [u8],
    },
    ParameterDescription(&'a [u8]),
    ParameterStatus {
        name: &'a [u8],
        value: &'a [u8],
    },
    ParseComplete,
    PortalSuspended,
    Ready(Transaction),
    RowDescription(RowDescription<'a>),
}

/// What a server asks of whoever logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'a> {
    Ok,
    Cleartext,
    Md5 {
        salt: [u8; 4],
    },
    /// The mechanisms' names, each ended by a zero byte.
    Sasl {
        mechanisms: &'a [u8],
    },
    SaslContinue(&'a [u8]),
    SaslFinal(&'a [u8]),
    /// A method that we do not speak (GSS, SSPI, Kerberos, …), by its number.
    Other(u32),
}

/// Where the session stands, as the server says in every ReadyForQuery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    Idle,
    Open,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyResponse<'a> {
    pub binary: bool,
    formats: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowDescription<'a> {
    count: usize,
    fields: &'a [u8],
}

/// One column of a result, as the server describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: &'a [u8],
    /// Zero when the value is computed.
    pub table: u32,
    /// Zero when the value is computed.
    pub attribute: i16,
    pub type_oid: u32,
    pub type_length: i16,
    pub type_modifier: i32,
    pub binary: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataRow<'a> {
    count: usize,
    values: &'a [u8],
}

/// The fields of an error or a notice, each a type byte and a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields<'a>(&'a [u8]);

// === impl Backend ===

impl<'a> Backend<'a> {
    /// Decodes exactly one message body.
    pub fn decode(tag: u8, body: &'a [u8]) -> Result<Self, InvalidFrame> {
        let mut body = Body::new(body);
        let message = match tag {
            tag::AUTHENTICATION => Self::Authentication(Authentication::decode(&mut body)?),
            tag::BACKEND_KEY => Self::BackendKey {
                pid: body.uint32("process id")?,
                key: body.rest(),
            },
            tag::BIND_COMPLETE => Self::BindComplete,
            tag::CLOSE_COMPLETE => Self::CloseComplete,
            tag::COMMAND_COMPLETE => Self::CommandComplete(body.string("command tag")?),
            tag::COPY_DATA => Self::CopyData(body.rest()),
            tag::COPY_DONE => Self::CopyDone,
            tag::COPY_IN => Self::CopyIn(CopyResponse::decode(&mut body)?),
            tag::COPY_OUT => Self::CopyOut(CopyResponse::decode(&mut body)?),
            tag::COPY_BOTH => {
                CopyResponse::decode(&mut body)?;
                Self::CopyBoth
            }
            tag::DATA_ROW => Self::DataRow(DataRow::decode(&mut body)?),
            tag::EMPTY_QUERY => Self::EmptyQuery,
            tag::ERROR => Self::Error(Fields::decode(&mut body)?),
            tag::NOTICE => Self::Notice(Fields::decode(&mut body)?),
            tag::FUNCTION_RESULT => {
                body.rest();
                Self::FunctionResult
            }
            tag::NEGOTIATE_VERSION => Self::NegotiateVersion {
                minor: body.uint32("minor version")?,
                options: body.rest(),
            },
            tag::NO_DATA => Self::NoData,
            tag::NOTIFICATION => Self::Notification {
                pid: body.uint32("process id")?,
                channel: body.string("channel")?,
                payload: body.string("payload")?,
            },
            tag::PARAMETER_DESCRIPTION => {
                let count = body.count("parameter count")?;
                let types = body.take(count.saturating_mul(4), "parameter types")?;
                Self::ParameterDescription(types)
            }
            tag::PARAMETER_STATUS => Self::ParameterStatus {
                name: body.string("parameter name")?,
                value: body.string("parameter value")?,
            },
            tag::PARSE_COMPLETE => Self::ParseComplete,
            tag::PORTAL_SUSPENDED => Self::PortalSuspended,
            tag::READY => Self::Ready(Transaction::decode(&mut body)?),
            tag::ROW_DESCRIPTION => Self::RowDescription(RowDescription::decode(&mut body)?),
            other => return Err(InvalidFrame::UnknownTag(other)),
        };
        body.end()?;
        Ok(message)
    }
}

// === impl Authentication ===

impl<'a> Authentication<'a> {
    fn decode(body: &mut Body<'a>) -> Result<Self, InvalidFrame> {
        Ok(match body.uint32("authentication request")? {
            0 => Self::Ok,
            3 => Self::Cleartext,
            5 => Self::Md5 {
                salt: body.array("md5 salt")?,
            },
            10 => Self::Sasl {
                mechanisms: body.rest(),
            },
            11 => Self::SaslContinue(body.rest()),
            12 => Self::SaslFinal(body.rest()),
            other => {
                body.rest();
                Self::Other(other)
            }
        })
    }
}

// === impl Transaction ===

impl Transaction {
    fn decode(body: &mut Body<'_>) -> Result<Self, InvalidFrame> {
        match body.byte("transaction status")? {
            b'I' => Ok(Self::Idle),
            b'T' => Ok(Self::Open),
            b'E' => Ok(Self::Failed),
            other => Err(InvalidFrame::BadValue {
                field: "transaction status",
                value: i64::from(other),
            }),
        }
    }

    pub fn byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::Open => b'T',
            Self::Failed => b'E',
        }
    }
}

// === impl CopyResponse ===

impl<'a> CopyResponse<'a> {
    fn decode(body: &mut Body<'a>) -> Result<Self, InvalidFrame> {
        let binary = flag(i64::from(body.byte("copy format")?), "copy format")?;
        let count = body.count("copy column count")?;
        let formats = body.take(count.saturating_mul(2), "copy column formats")?;
        Ok(Self { binary, formats })
    }

    pub fn columns(&self) -> usize {
        self.formats.as_chunks::<2>().0.len()
    }
}

// === impl RowDescription ===

impl<'a> RowDescription<'a> {
    fn decode(body: &mut Body<'a>) -> Result<Self, InvalidFrame> {
        let count = body.count("column count")?;
        let mut walk = *body;
        let fields = body.rest();
        for _ in 0..count {
            Field::decode(&mut walk)?;
        }
        walk.end()?;
        Ok(Self { count, fields })
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + 'a {
        let mut left = Body::new(self.fields);
        // `decode` walked these bytes, so no read here can fail.
        std::iter::from_fn(move || {
            (!left.is_empty())
                .then(|| Field::decode(&mut left).ok())
                .flatten()
        })
    }
}

// === impl Field ===

impl<'a> Field<'a> {
    fn decode(body: &mut Body<'a>) -> Result<Self, InvalidFrame> {
        Ok(Self {
            name: body.string("column name")?,
            table: body.uint32("column table")?,
            attribute: body.int16("column attribute")?,
            type_oid: body.uint32("column type")?,
            type_length: body.int16("column type length")?,
            type_modifier: body.int32("column type modifier")?,
            binary: flag(i64::from(body.int16("column format")?), "column format")?,
        })
    }
}

// === impl DataRow ===

impl<'a> DataRow<'a> {
    fn decode(body: &mut Body<'a>) -> Result<Self, InvalidFrame> {
        let count = body.count("value count")?;
        let mut walk = *body;
        let values = body.rest();
        for _ in 0..count {
            walk.value("value")?;
        }
        walk.end()?;
        Ok(Self { count, values })
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The values in order; `None` is NULL.
    pub fn values(&self) -> impl Iterator<Item = Option<&'a [u8]>> + 'a {
        let mut left = Body::new(self.values);
        // `decode` walked these bytes, so no read here can fail.
        std::iter::from_fn(move || {
            (!left.is_empty())
                .then(|| left.value("value").ok())
                .flatten()
        })
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    fn decode(body: &mut Body<'a>) -> Result<Self, InvalidFrame> {
        let mut walk = *body;
        let all = body.rest();
        while walk.byte("field type")? != 0 {
            walk.string("field")?;
        }
        walk.end()?;
        Ok(Self(all))
    }

    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> + 'a {
        let mut left = Body::new(self.0);
        // `decode` walked these bytes, so no read here can fail.
        std::iter::from_fn(move || match left.byte("field type").ok()? {
            0 => None,
            kind => left.string("field").ok().map(|text| (kind, text)),
        })
    }

    /// The first field of a type, such as `C` for the SQLSTATE.
    pub fn get(&self, kind: u8) -> Option<&'a [u8]> {
        self.iter()
            .find(|(found, _)| *found == kind)
            .map(|(_, text)| text)
    }
}

fn flag(value: i64, field: &'static str) -> Result<bool, InvalidFrame> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        value => Err(InvalidFrame::BadValue { field, value }),
    }
}

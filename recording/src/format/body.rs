//! Encoding of events. A field's number, once given, keeps its meaning and its type.

use super::field::{Fields, put_blob, put_integer, put_later, put_map, put_text, put_texts};
use super::frame::{FrameHeader, kind};
use super::{FormatError, MAX_PAYLOAD_BYTES};
use crate::event::{
    AdminAct, Approval, Body, Event, Input, LaterField, Notice, Operation, OperationEnded, Output,
    SessionEnded, SessionStarted, Stream, Terminal,
};

/// Appends an event's payload, in the clear.
///
/// Refuses what [`decode_event`] would not read again as the same event.
pub fn encode_event(event: &Event, out: &mut Vec<u8>) -> Result<(), FormatError> {
    event.check()?;
    let start = out.len();
    event
        .body
        .encode(out)
        .inspect_err(|_| out.truncate(start))?;
    put_later(out, &event.later);
    let length = out.len() - start;
    if length > MAX_PAYLOAD_BYTES {
        out.truncate(start);
        return Err(FormatError::PayloadTooLong(length as u64));
    }
    Ok(())
}

/// Reads an event back from its frame's header and its clear payload.
pub fn decode_event(header: &FrameHeader, payload: &[u8]) -> Result<Event, FormatError> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(FormatError::PayloadTooLong(payload.len() as u64));
    }
    let (body, later) = match header.kind {
        kind::SESSION_STARTED => SessionStarted::decode(payload)?,
        kind::OPERATION => Operation::decode(payload)?,
        kind::OPERATION_ENDED => OperationEnded::decode(payload)?,
        kind::OUTPUT => Output::decode(payload)?,
        kind::TERMINAL => Terminal::decode(payload)?,
        kind::APPROVAL => Approval::decode(payload)?,
        kind::ADMIN_ACT => AdminAct::decode(payload)?,
        kind::SESSION_ENDED => SessionEnded::decode(payload)?,
        kind::NOTICE => Notice::decode(payload)?,
        kind::INPUT => Input::decode(payload)?,
        kind if kind < kind::FIRST_EVENT => return Err(FormatError::WrongKind(kind)),
        kind => (
            Body::Unknown {
                kind,
                payload: payload.to_vec(),
            },
            Vec::new(),
        ),
    };
    Ok(Event {
        session: header.session,
        body,
        later,
    })
}

type Decoded = Result<(Body, Vec<LaterField>), FormatError>;

// === impl Event ===

impl Event {
    fn check(&self) -> Result<(), FormatError> {
        let mut last = self.body.last_field();
        for field in &self.later {
            if field.number <= last {
                return Err(FormatError::NotCanonical("fields out of order"));
            }
            last = field.number;
        }
        if self.later.len() > super::MAX_LATER_FIELDS {
            return Err(FormatError::TooManyValues);
        }
        match &self.body {
            Body::Unknown { kind, .. } if *kind <= kind::LAST_EVENT => {
                Err(FormatError::NotCanonical("a known kind told as unknown"))
            }
            Body::Terminal(terminal) if !terminal.stream.is_canonical() => {
                Err(FormatError::NotCanonical("a known stream told as another"))
            }
            Body::SessionStarted(started) if started.groups.len() > super::MAX_VALUES => {
                Err(FormatError::TooManyValues)
            }
            _ => Ok(()),
        }
    }
}

// === impl Body ===

impl Body {
    /// The kind of the frame that carries this.
    pub fn kind(&self) -> u16 {
        match self {
            Self::SessionStarted(_) => kind::SESSION_STARTED,
            Self::Operation(_) => kind::OPERATION,
            Self::OperationEnded(_) => kind::OPERATION_ENDED,
            Self::Output(_) => kind::OUTPUT,
            Self::Terminal(_) => kind::TERMINAL,
            Self::Approval(_) => kind::APPROVAL,
            Self::AdminAct(_) => kind::ADMIN_ACT,
            Self::SessionEnded(_) => kind::SESSION_ENDED,
            Self::Notice(_) => kind::NOTICE,
            Self::Input(_) => kind::INPUT,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// The last field number that this version gives to this kind.
    fn last_field(&self) -> u64 {
        match self {
            Self::SessionStarted(_) => SessionStarted::LAST,
            Self::Operation(_) => Operation::LAST,
            Self::OperationEnded(_) => OperationEnded::LAST,
            Self::Output(_) => Output::LAST,
            Self::Terminal(_) => Terminal::LAST,
            Self::Approval(_) => Approval::LAST,
            Self::AdminAct(_) => AdminAct::LAST,
            Self::SessionEnded(_) => SessionEnded::LAST,
            Self::Notice(_) => Notice::LAST,
            Self::Input(_) => Input::LAST,
            // Its fields are inside its payload.
            Self::Unknown { .. } => u64::MAX,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        match self {
            Self::SessionStarted(event) => event.encode(out),
            Self::Operation(event) => event.encode(out),
            Self::OperationEnded(event) => event.encode(out),
            Self::Output(event) => event.encode(out),
            Self::Terminal(event) => event.encode(out),
            Self::Approval(event) => event.encode(out),
            Self::AdminAct(event) => event.encode(out),
            Self::SessionEnded(event) => event.encode(out),
            Self::Notice(event) => event.encode(out),
            Self::Input(event) => event.encode(out),
            Self::Unknown { payload, .. } => {
                out.extend_from_slice(payload);
                Ok(())
            }
        }
    }
}

// === impl SessionStarted ===

impl SessionStarted {
    const LAST: u64 = 7;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_text(out, 1, &self.subject);
        put_text(out, 2, &self.actor);
        put_texts(out, 3, &self.groups);
        put_text(out, 4, &self.connection);
        put_text(out, 5, &self.protocol);
        put_text(out, 6, &self.client_address);
        put_map(out, 7, &self.attributes)
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            subject: fields.text(1)?,
            actor: fields.text(2)?,
            groups: fields.texts(3)?,
            connection: fields.text(4)?,
            protocol: fields.text(5)?,
            client_address: fields.text(6)?,
            attributes: fields.map(7)?,
        };
        Ok((Body::SessionStarted(event), fields.later(Self::LAST)?))
    }
}

// === impl Operation ===

impl Operation {
    const LAST: u64 = 9;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_integer(out, 1, self.number);
        put_map(out, 2, &self.operation)?;
        put_text(out, 3, &self.decision);
        put_text(out, 4, &self.class);
        put_text(out, 5, &self.policy);
        put_text(out, 6, &self.rule);
        put_blob(out, 7, &self.hash);
        put_text(out, 8, &self.revision);
        put_map(out, 9, &self.attributes)
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            number: fields.integer(1)?,
            operation: fields.map(2)?,
            decision: fields.text(3)?,
            class: fields.text(4)?,
            policy: fields.text(5)?,
            rule: fields.text(6)?,
            hash: fields.blob(7)?,
            revision: fields.text(8)?,
            attributes: fields.map(9)?,
        };
        Ok((Body::Operation(event), fields.later(Self::LAST)?))
    }
}

// === impl OperationEnded ===

impl OperationEnded {
    const LAST: u64 = 6;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_integer(out, 1, self.number);
        put_text(out, 2, &self.outcome);
        put_integer(out, 3, self.rows);
        put_integer(out, 4, self.bytes);
        put_integer(out, 5, self.duration_micros);
        put_map(out, 6, &self.attributes)
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            number: fields.integer(1)?,
            outcome: fields.text(2)?,
            rows: fields.integer(3)?,
            bytes: fields.integer(4)?,
            duration_micros: fields.integer(5)?,
            attributes: fields.map(6)?,
        };
        Ok((Body::OperationEnded(event), fields.later(Self::LAST)?))
    }
}

// === impl Output ===

impl Output {
    const LAST: u64 = 5;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_integer(out, 1, self.number);
        put_integer(out, 2, self.offset);
        put_blob(out, 3, &self.data);
        put_integer(out, 4, self.omitted_bytes);
        put_integer(out, 5, self.omitted_rows);
        Ok(())
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            number: fields.integer(1)?,
            offset: fields.integer(2)?,
            data: fields.blob(3)?,
            omitted_bytes: fields.integer(4)?,
            omitted_rows: fields.integer(5)?,
        };
        Ok((Body::Output(event), fields.later(Self::LAST)?))
    }
}

// === impl Input ===

impl Input {
    const LAST: u64 = 4;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_integer(out, 1, self.number);
        put_integer(out, 2, self.offset);
        put_blob(out, 3, &self.data);
        put_integer(out, 4, self.omitted_bytes);
        Ok(())
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            number: fields.integer(1)?,
            offset: fields.integer(2)?,
            data: fields.blob(3)?,
            omitted_bytes: fields.integer(4)?,
        };
        Ok((Body::Input(event), fields.later(Self::LAST)?))
    }
}

// === impl Terminal ===

impl Terminal {
    const LAST: u64 = 2;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_integer(out, 1, self.stream.number());
        put_blob(out, 2, &self.data);
        Ok(())
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            stream: Stream::from_number(fields.integer(1)?),
            data: fields.blob(2)?,
        };
        Ok((Body::Terminal(event), fields.later(Self::LAST)?))
    }
}

// === impl Stream ===

impl Stream {
    fn number(self) -> u64 {
        match self {
            Self::Input => 0,
            Self::Output => 1,
            Self::Error => 2,
            Self::Resize => 3,
            Self::Marker => 4,
            Self::Other(number) => number,
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            0 => Self::Input,
            1 => Self::Output,
            2 => Self::Error,
            3 => Self::Resize,
            4 => Self::Marker,
            number => Self::Other(number),
        }
    }

    fn is_canonical(self) -> bool {
        Self::from_number(self.number()) == self
    }
}

// === impl Approval ===

impl Approval {
    const LAST: u64 = 6;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_integer(out, 1, self.number);
        put_text(out, 2, &self.request);
        put_text(out, 3, &self.fact);
        put_text(out, 4, &self.decider);
        put_text(out, 5, &self.reason);
        put_map(out, 6, &self.attributes)
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            number: fields.integer(1)?,
            request: fields.text(2)?,
            fact: fields.text(3)?,
            decider: fields.text(4)?,
            reason: fields.text(5)?,
            attributes: fields.map(6)?,
        };
        Ok((Body::Approval(event), fields.later(Self::LAST)?))
    }
}

// === impl AdminAct ===

impl AdminAct {
    const LAST: u64 = 5;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_text(out, 1, &self.act);
        put_text(out, 2, &self.actor);
        put_text(out, 3, &self.target);
        put_text(out, 4, &self.reason);
        put_map(out, 5, &self.attributes)
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            act: fields.text(1)?,
            actor: fields.text(2)?,
            target: fields.text(3)?,
            reason: fields.text(4)?,
            attributes: fields.map(5)?,
        };
        Ok((Body::AdminAct(event), fields.later(Self::LAST)?))
    }
}

// === impl SessionEnded ===

impl SessionEnded {
    const LAST: u64 = 4;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_text(out, 1, &self.outcome);
        put_text(out, 2, &self.reason);
        put_integer(out, 3, self.operations);
        put_map(out, 4, &self.attributes)
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            outcome: fields.text(1)?,
            reason: fields.text(2)?,
            operations: fields.integer(3)?,
            attributes: fields.map(4)?,
        };
        Ok((Body::SessionEnded(event), fields.later(Self::LAST)?))
    }
}

// === impl Notice ===

impl Notice {
    const LAST: u64 = 2;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        put_text(out, 1, &self.what);
        put_map(out, 2, &self.attributes)
    }

    fn decode(payload: &[u8]) -> Decoded {
        let mut fields = Fields::new(payload)?;
        let event = Self {
            what: fields.text(1)?,
            attributes: fields.map(2)?,
        };
        Ok((Body::Notice(event), fields.later(Self::LAST)?))
    }
}

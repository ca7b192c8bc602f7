use proptest::prelude::*;

use super::wire::{put_bytes, unzigzag, zigzag};
use super::*;
use crate::chain::Chain;
use crate::encoder::Encoder;
use crate::event::{
    Body, Event, LaterField, Map, Notice, Operation, OperationEnded, Output, SessionId,
    SessionStarted, Stream, Terminal, Timestamp, Value,
};

const NOW: Timestamp = Timestamp(1);

fn header(kind: u16) -> FrameHeader {
    let session = SessionId::new([3; 16]);
    FrameHeader {
        kind,
        flags: Flags::default(),
        sequence: 1,
        time: NOW,
        session,
    }
}

fn event(body: Body) -> Event {
    Event::new(SessionId::new([3; 16]), body)
}

fn encoded(event: &Event) -> Result<Vec<u8>, FormatError> {
    let mut out = Vec::new();
    encode_event(event, &mut out).map(|()| out)
}

fn notice_of(attributes: Map) -> Event {
    event(Body::Notice(Notice {
        what: "x".into(),
        attributes,
    }))
}

fn nested(depth: usize) -> Value {
    (1..depth).fold(Value::List(vec![]), |inner, _| Value::List(vec![inner]))
}

fn notice_with(value: Value) -> Event {
    notice_of(Map::from([("a".to_owned(), value)]))
}

#[test]
fn depth_of_values_is_bounded_when_written_and_when_read() {
    // The map itself is the first level.
    let at = notice_with(nested(MAX_VALUE_DEPTH - 1));
    let payload = encoded(&at).unwrap();
    assert_eq!(decode_event(&header(kind::NOTICE), &payload), Ok(at));
    assert_eq!(
        encoded(&notice_with(nested(MAX_VALUE_DEPTH))),
        Err(FormatError::TooDeep)
    );

    // The same by hand: `a` holds lists in lists, each one byte of tag and one of length.
    let bomb = |depth: usize| {
        let lists = (0..depth).fold(Vec::new(), |inner: Vec<u8>, _| {
            [&[4, u8::try_from(inner.len()).unwrap()], &inner[..]].concat()
        });
        let map = [&[1, b'a'], &lists[..]].concat();
        [&[2, u8::try_from(map.len()).unwrap()], &map[..]].concat()
    };
    assert!(decode_event(&header(kind::NOTICE), &bomb(MAX_VALUE_DEPTH - 1)).is_ok());
    let past = decode_event(&header(kind::NOTICE), &bomb(MAX_VALUE_DEPTH));
    assert_eq!(past, Err(FormatError::TooDeep));
    let far_past = decode_event(&header(kind::NOTICE), &bomb(50));
    assert_eq!(far_past, Err(FormatError::TooDeep));
}

#[test]
fn number_of_values_is_bounded_when_written_and_when_read() {
    let of = |count| notice_with(Value::List(vec![Value::Integer(0); count]));
    // The list itself is one value.
    let at = of(MAX_VALUES - 1);
    let payload = encoded(&at).unwrap();
    assert_eq!(decode_event(&header(kind::NOTICE), &payload), Ok(at));
    assert_eq!(encoded(&of(MAX_VALUES)), Err(FormatError::TooManyValues));

    let items = [3_u8, 1, 0].repeat(MAX_VALUES);
    let mut map = vec![1, b'a', 4];
    put_bytes(&mut map, &items);
    let mut payload = vec![2];
    put_bytes(&mut payload, &map);
    let past = decode_event(&header(kind::NOTICE), &payload);
    assert_eq!(past, Err(FormatError::TooManyValues));
}

#[test]
fn groups_are_bounded_when_written_and_when_read() {
    let of = |count: usize| {
        let groups = vec![String::new(); count];
        event(Body::SessionStarted(SessionStarted {
            groups,
            ..SessionStarted::default()
        }))
    };
    let payload = encoded(&of(MAX_VALUES)).unwrap();
    assert!(decode_event(&header(kind::SESSION_STARTED), &payload).is_ok());
    assert_eq!(
        encoded(&of(MAX_VALUES + 1)),
        Err(FormatError::TooManyValues)
    );
    let mut payload = vec![3];
    put_bytes(&mut payload, &vec![0; MAX_VALUES + 1]);
    let past = decode_event(&header(kind::SESSION_STARTED), &payload);
    assert_eq!(past, Err(FormatError::TooManyValues));
}

#[test]
fn later_fields_are_kept_bounded_and_in_order() {
    let of = |count: usize| {
        let field = |place| LaterField {
            number: 100 + place as u64,
            bytes: vec![1],
        };
        let later = (0..count).map(field).collect();
        Event {
            later,
            ..event(Body::OperationEnded(OperationEnded::default()))
        }
    };
    let at = of(MAX_LATER_FIELDS);
    let payload = encoded(&at).unwrap();
    assert_eq!(
        decode_event(&header(kind::OPERATION_ENDED), &payload),
        Ok(at)
    );
    assert_eq!(
        encoded(&of(MAX_LATER_FIELDS + 1)),
        Err(FormatError::TooManyValues)
    );

    let order = Err(FormatError::NotCanonical("fields out of order"));
    for numbers in [[6, 7], [8, 8], [9, 8]] {
        let later = numbers
            .map(|number| LaterField {
                number,
                bytes: vec![],
            })
            .to_vec();
        let event = Event { later, ..of(0) };
        assert_eq!(encoded(&event), order, "{numbers:?}");
    }
    for payload in [&[8, 0, 8, 0][..], &[9, 0, 8, 0], &[0, 0]] {
        let read = decode_event(&header(kind::OPERATION_ENDED), payload);
        assert_eq!(read.map(|_| Vec::new()), order, "{payload:?}");
    }
}

#[test]
fn payload_is_bounded_when_written_and_when_read() {
    let of = |length| {
        let output = Output {
            data: vec![0; length],
            ..Output::default()
        };
        event(Body::Output(output))
    };
    // A field number and a length of four bytes stand ahead of the data.
    let at = of(MAX_PAYLOAD_BYTES - 5);
    assert_eq!(encoded(&at).unwrap().len(), MAX_PAYLOAD_BYTES);
    let past = FormatError::PayloadTooLong(MAX_PAYLOAD_BYTES as u64 + 1);
    assert_eq!(encoded(&of(MAX_PAYLOAD_BYTES - 4)), Err(past.clone()));
    let read = decode_event(&header(900), &vec![0; MAX_PAYLOAD_BYTES + 1]);
    assert_eq!(read, Err(past));
    let mut encoder = Encoder::new(Chain::START);
    assert!(encoder.event(&at, NOW).is_ok());
    assert!(encoder.bytes().len() <= MAX_FRAME_BYTES);
}

#[test]
fn refused_event_leaves_nothing_in_the_encoder() {
    let mut encoder = Encoder::new(Chain::START);
    let before = encoder.chain();
    assert!(encoder.event(&notice_with(nested(60)), NOW).is_err());
    assert_eq!((encoder.chain(), encoder.bytes()), (before, &[][..]));
}

#[test]
fn what_is_told_twice_or_idly_is_not_canonical() {
    let idle = "an integer with idle bytes";
    let wide = "an integer of more than 64 bits";
    let order = "names out of order";
    let cases: [(u16, &[u8], &str); 10] = [
        (kind::NOTICE, &[1, 0], "an empty field"),
        (kind::OUTPUT, &[1, 1, 0], "an empty field"),
        (kind::OUTPUT, &[1, 2, 0x80, 0], idle),
        (kind::OUTPUT, &[1, 2, 1, 1], "a long integer"),
        (kind::OUTPUT, &[2, 1, 1, 1, 1, 1], "fields out of order"),
        (kind::OUTPUT, &[0x81, 0, 1, 1], idle),
        (
            kind::OUTPUT,
            &[1, 10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
            wide,
        ),
        (
            kind::OUTPUT,
            &[1, 11, 255, 255, 255, 255, 255, 255, 255, 255, 255, 129, 0],
            wide,
        ),
        (
            kind::NOTICE,
            &[2, 10, 1, b'b', 1, 1, b'x', 1, b'a', 1, 1, b'x'],
            order,
        ),
        (
            kind::NOTICE,
            &[2, 10, 1, b'a', 1, 1, b'x', 1, b'a', 1, 1, b'x'],
            order,
        ),
    ];
    for (kind, payload, what) in cases {
        let read = decode_event(&header(kind), payload);
        assert_eq!(
            read,
            Err(FormatError::NotCanonical(what)),
            "{kind} {payload:?}"
        );
    }
}

#[test]
fn known_things_cannot_be_written_as_unknown() {
    let bodies = [
        Body::Unknown {
            kind: kind::LAST_EVENT,
            payload: vec![],
        },
        Body::Unknown {
            kind: kind::SEAL,
            payload: vec![],
        },
        Body::Terminal(Terminal {
            stream: Stream::Other(1),
            data: vec![],
        }),
        notice_with(Value::Opaque {
            tag: 1,
            bytes: vec![],
        })
        .body,
    ];
    for body in bodies {
        let written = encoded(&event(body.clone()));
        assert!(
            matches!(written, Err(FormatError::NotCanonical(_))),
            "{body:?}"
        );
    }
}

#[test]
fn lengths_of_frames_are_bounded_before_anything_is_read() {
    let of = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    let least = FRAME_HEADER_BYTES + CHECK_BYTES;
    let most = MAX_FRAME_BYTES - FRAME_LENGTH_BYTES;
    assert_eq!(Frame::parse(&of(least)), Ok(Parsed::NeedMore(least + 4)));
    assert_eq!(
        Frame::parse(&of(most)),
        Ok(Parsed::NeedMore(MAX_FRAME_BYTES))
    );
    assert_eq!(Frame::parse(&of(0)), Err(FormatError::FrameTooShort(0)));
    let short = FormatError::FrameTooShort(least as u64 - 1);
    assert_eq!(Frame::parse(&of(least - 1)), Err(short));
    let long = FormatError::FrameTooLong(most as u64 + 1);
    assert_eq!(Frame::parse(&of(most + 1)), Err(long));
    let all = FormatError::FrameTooLong(u32::MAX.into());
    assert_eq!(Frame::parse(&[0xff; 4]), Err(all));
    assert_eq!(Frame::parse(&[0xff; 3]), Ok(Parsed::NeedMore(4)));
}

#[test]
fn file_header_names_what_is_wrong() {
    let good = file_header();
    assert_eq!(strip_file_header(&good), Ok(&[][..]));
    assert_eq!(strip_file_header(&good[..7]), Err(FormatError::Truncated));
    assert_eq!(
        strip_file_header(b"PK\x03\x04----"),
        Err(FormatError::NotASegment)
    );
    let mut other = good;
    other[6] = 1;
    assert_eq!(
        strip_file_header(&other),
        Err(FormatError::UnknownVersion(1))
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        ".*".prop_map(Value::Text),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        any::<i64>().prop_map(Value::Integer),
        (6..=u8::MAX, any::<Vec<u8>>()).prop_map(|(tag, bytes)| Value::Opaque { tag, bytes }),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::btree_map(".{0,8}", inner, 0..5).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn any_operation_is_read_back_as_it_was(
        number: u64,
        operation in prop::collection::btree_map(".{0,8}", any_value(), 0..6),
        texts in prop::array::uniform4(".{0,20}"),
        hash: Vec<u8>,
    ) {
        let [decision, class, policy, rule] = texts;
        let judged = Operation {
            number, operation, decision, class, policy, rule, hash, ..Operation::default()
        };
        let event = event(Body::Operation(judged));
        let payload = encoded(&event).unwrap();
        prop_assert_eq!(decode_event(&header(kind::OPERATION), &payload), Ok(event));
    }

    #[test]
    fn any_bytes_are_refused_or_written_again_byte_for_byte(
        kind in 0_u16..30,
        payload in prop::collection::vec(prop_oneof![0_u8..12, any::<u8>()], 0..64),
    ) {
        if let Ok(event) = decode_event(&header(kind), &payload) {
            prop_assert_eq!(encoded(&event), Ok(payload));
        }
    }

    #[test]
    fn any_bytes_are_a_frame_or_a_named_error(bytes: Vec<u8>) {
        if let Ok(Parsed::Frame { frame, rest }) = Frame::parse(&bytes) {
            prop_assert_eq!(frame.size() + rest.len(), bytes.len());
        }
    }

    #[test]
    fn zigzag_goes_back(number: i64) {
        prop_assert_eq!(unzigzag(zigzag(number)), number);
    }
}

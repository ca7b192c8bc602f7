use proptest::prelude::*;

use super::backend::{Authentication, Backend, Transaction};
use super::frontend::{Format, Frontend, Target};
use super::startup::{MAX_CANCEL_KEY_BYTES, MAX_STARTUP_BYTES, MAX_STARTUP_PARAMETERS, Startup};
use super::{Header, InvalidFrame, write};

/// One body of each type that a client sends, as the protocol's documentation lays them out.
fn client_messages() -> Vec<(u8, Vec<u8>)> {
    vec![
        (b'Q', b"select 1\0".to_vec()),
        (b'P', b"s1\0select $1\0\0\x02\0\0\0\x17\0\0\0\x19".to_vec()),
        (
            b'B',
            b"p\0s1\0\0\x01\0\x01\0\x02\0\0\0\x02hi\xff\xff\xff\xff\0\x01\0\x01".to_vec(),
        ),
        (b'D', b"Ss1\0".to_vec()),
        (b'C', b"Pp\0".to_vec()),
        (b'E', b"p\0\0\0\0\x0a".to_vec()),
        (b'S', vec![]),
        (b'H', vec![]),
        (b'c', vec![]),
        (b'f', b"no\0".to_vec()),
        (b'X', vec![]),
    ]
}

/// One body of each type with inner structure that a server sends.
fn server_messages() -> Vec<(u8, Vec<u8>)> {
    vec![
        (b'R', b"\0\0\0\x05salt".to_vec()),
        (b'C', b"SELECT 1\0".to_vec()),
        (b'G', b"\0\0\x02\0\0\0\0".to_vec()),
        (b'H', b"\x01\0\x01\0\x01".to_vec()),
        (b'D', b"\0\x02\0\0\0\x01x\xff\xff\xff\xff".to_vec()),
        (b'E', b"SERROR\0C42501\0Mno\0\0".to_vec()),
        (b'N', b"SNOTICE\0\0".to_vec()),
        (b'A', b"\0\0\0\x07chan\0load\0".to_vec()),
        (b't', b"\0\x01\0\0\0\x17".to_vec()),
        (b'S', b"TimeZone\0UTC\0".to_vec()),
        (b'T', row_description()),
        (b'Z', b"I".to_vec()),
        (b'1', vec![]),
        (b'2', vec![]),
        (b'3', vec![]),
        (b'I', vec![]),
        (b'n', vec![]),
        (b's', vec![]),
    ]
}

fn row_description() -> Vec<u8> {
    let mut body = b"\0\x02".to_vec();
    for (name, table, attribute) in [("id", 16384_u32, 1_i16), ("?column?", 0, 0)] {
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        body.extend_from_slice(&table.to_be_bytes());
        body.extend_from_slice(&attribute.to_be_bytes());
        body.extend_from_slice(&23_u32.to_be_bytes());
        body.extend_from_slice(&4_i16.to_be_bytes());
        body.extend_from_slice(&(-1_i32).to_be_bytes());
        body.extend_from_slice(&[0, 0]);
    }
    body
}

fn startup_packet(code: u32, rest: &[u8]) -> Vec<u8> {
    let mut packet = u32::try_from(rest.len() + 8)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    packet.extend_from_slice(&code.to_be_bytes());
    packet.extend_from_slice(rest);
    packet
}

#[test]
fn a_header_waits_for_five_bytes_and_bounds_the_length() {
    let limit = 100;
    assert_eq!(Header::parse(b"Q\0\0\0", limit), Ok(None));
    let header = Header::parse(b"Q\0\0\0\x04", limit).unwrap().unwrap();
    assert_eq!((header.tag, header.body, header.total()), (b'Q', 0, 5));
    assert_eq!(
        Header::parse(b"Q\0\0\0\x68", limit).unwrap().unwrap().body,
        100
    );
    assert_eq!(
        Header::parse(b"Q\0\0\0\x69", limit),
        Err(InvalidFrame::TooLarge { length: 105, limit })
    );
    assert_eq!(
        Header::parse(b"Q\0\0\0\x03", limit),
        Err(InvalidFrame::LengthBelowFour(3))
    );
    assert_eq!(
        Header::parse(b"Q\xff\xff\xff\xff", limit),
        Err(InvalidFrame::TooLarge {
            length: u32::MAX,
            limit
        })
    );
}

#[test]
fn every_client_message_is_decoded_from_its_exact_slice_only() {
    for (tag, body) in client_messages() {
        assert!(Frontend::decode(tag, &body).is_ok(), "{}", char::from(tag));
        for end in 0..body.len() {
            assert!(
                Frontend::decode(tag, &body[..end]).is_err(),
                "{} {end}",
                char::from(tag)
            );
        }
        let mut longer = body;
        longer.push(0);
        assert_eq!(
            Frontend::decode(tag, &longer),
            Err(InvalidFrame::Trailing(1)),
            "{}",
            char::from(tag)
        );
    }
}

#[test]
fn every_server_message_is_decoded_from_its_exact_slice_only() {
    for (tag, body) in server_messages() {
        assert!(Backend::decode(tag, &body).is_ok(), "{}", char::from(tag));
        for end in 0..body.len() {
            assert!(
                Backend::decode(tag, &body[..end]).is_err(),
                "{} {end}",
                char::from(tag)
            );
        }
        let mut longer = body;
        longer.push(0);
        assert!(
            Backend::decode(tag, &longer).is_err(),
            "{}",
            char::from(tag)
        );
    }
}

#[test]
fn a_query_with_an_early_zero_is_refused_rather_than_cut() {
    assert_eq!(
        Frontend::decode(b'Q', b"select 1\0drop table t\0"),
        Err(InvalidFrame::Trailing(13))
    );
    assert_eq!(
        Frontend::decode(b'Q', b"select 1"),
        Err(InvalidFrame::Unterminated("query text"))
    );
}

#[test]
fn bind_tells_values_and_formats() {
    let (tag, body) = client_messages().remove(2);
    let Ok(Frontend::Bind(bind)) = Frontend::decode(tag, &body) else {
        panic!("not a Bind")
    };
    assert_eq!((bind.portal, bind.statement), (&b"p"[..], &b"s1"[..]));
    let values: Vec<_> = bind.parameters().collect();
    assert_eq!(
        values,
        [(Format::Binary, Some(&b"hi"[..])), (Format::Binary, None)]
    );
    assert_eq!(bind.result_format(0), Format::Binary);
    assert_eq!(bind.result_format(7), Format::Binary);
}

#[test]
fn bind_without_format_codes_means_text() {
    let body = b"\0\0\0\0\0\x01\0\0\0\0\0\0";
    let Ok(Frontend::Bind(bind)) = Frontend::decode(b'B', body) else {
        panic!("not a Bind")
    };
    assert_eq!(
        bind.parameters().collect::<Vec<_>>(),
        [(Format::Text, Some(&b""[..]))]
    );
    assert_eq!(bind.result_format(0), Format::Text);
}

#[test]
fn bind_with_impossible_formats_or_lengths_is_refused() {
    let two_formats_for_one = b"\0\0\0\x02\0\0\0\x01\0\x01\0\0\0\0\0\0";
    assert!(matches!(
        Frontend::decode(b'B', two_formats_for_one),
        Err(InvalidFrame::BadValue {
            field: "parameter format count",
            value: 2
        })
    ));
    let format_two = b"\0\0\0\x01\0\x02\0\0\0\0";
    assert!(matches!(
        Frontend::decode(b'B', format_two),
        Err(InvalidFrame::BadValue {
            field: "format code",
            value: 2
        })
    ));
    let length_minus_two = b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0";
    assert!(matches!(
        Frontend::decode(b'B', length_minus_two),
        Err(InvalidFrame::BadValue {
            field: "parameter",
            value: -2
        })
    ));
}

#[test]
fn parse_tells_its_types_and_execute_its_row_limit() {
    let (tag, body) = client_messages().remove(1);
    let Ok(Frontend::Parse(parse)) = Frontend::decode(tag, &body) else {
        panic!("not a Parse")
    };
    assert_eq!((parse.name, parse.text), (&b"s1"[..], &b"select $1"[..]));
    assert_eq!(parse.types().collect::<Vec<_>>(), [23, 25]);
    for (limit, told) in [(10_i32, 10_u32), (0, 0), (-5, 0)] {
        let mut body = b"p\0".to_vec();
        body.extend_from_slice(&limit.to_be_bytes());
        assert_eq!(
            Frontend::decode(b'E', &body),
            Ok(Frontend::Execute {
                portal: b"p",
                max_rows: told
            })
        );
    }
}

#[test]
fn describe_and_close_name_a_statement_or_a_portal() {
    assert_eq!(
        Frontend::decode(b'D', b"Ss1\0"),
        Ok(Frontend::Describe(Target::Statement, b"s1"))
    );
    assert_eq!(
        Frontend::decode(b'C', b"P\0"),
        Ok(Frontend::Close(Target::Portal, b""))
    );
    assert!(Frontend::decode(b'D', b"Xs1\0").is_err());
}

#[test]
fn unknown_types_are_named() {
    assert_eq!(
        Frontend::decode(b'!', b""),
        Err(InvalidFrame::UnknownTag(b'!'))
    );
    assert_eq!(
        Backend::decode(b'!', b""),
        Err(InvalidFrame::UnknownTag(b'!'))
    );
}

#[test]
fn a_function_call_is_recognised_whatever_it_carries() {
    assert_eq!(
        Frontend::decode(b'F', b"\x01\x02"),
        Ok(Frontend::FunctionCall)
    );
}

#[test]
fn a_row_description_tells_origins() {
    let body = row_description();
    let Ok(Backend::RowDescription(description)) = Backend::decode(b'T', &body) else {
        panic!("not a RowDescription")
    };
    let told: Vec<_> = description
        .fields()
        .map(|f| (f.name, f.table, f.attribute))
        .collect();
    assert_eq!(told, [(&b"id"[..], 16384, 1), (&b"?column?"[..], 0, 0)]);
}

#[test]
fn a_row_tells_its_values() {
    let body = b"\0\x03\0\0\0\x01x\xff\xff\xff\xff\0\0\0\0";
    let Ok(Backend::DataRow(row)) = Backend::decode(b'D', body) else {
        panic!("not a DataRow")
    };
    assert_eq!(
        row.values().collect::<Vec<_>>(),
        [Some(&b"x"[..]), None, Some(&b""[..])]
    );
}

#[test]
fn an_error_tells_its_fields() {
    let body = b"SERROR\0C42501\0Mno\0\0";
    let Ok(Backend::Error(fields)) = Backend::decode(b'E', body) else {
        panic!("not an error")
    };
    assert_eq!(fields.get(b'C'), Some(&b"42501"[..]));
    assert_eq!(fields.get(b'H'), None);
    assert_eq!(fields.iter().count(), 3);
}

#[test]
fn authentication_requests_that_we_do_not_speak_keep_their_number() {
    assert_eq!(
        Backend::decode(b'R', b"\0\0\0\x07gss"),
        Ok(Backend::Authentication(Authentication::Other(7)))
    );
}

#[test]
fn startup_packets_are_told_apart() {
    assert_eq!(
        Startup::decode(&startup_packet(80_877_103, b"")),
        Ok(Startup::Ssl)
    );
    assert_eq!(
        Startup::decode(&startup_packet(80_877_104, b"")),
        Ok(Startup::GssEncryption)
    );
    assert_eq!(
        Startup::decode(&startup_packet(80_877_102, b"\0\0\0\x2a\x01\x02\x03\x04")),
        Ok(Startup::Cancel {
            pid: 42,
            key: &[1, 2, 3, 4]
        })
    );
    let packet = startup_packet(196_608, b"user\0agent\0database\0shop\0\0");
    let Ok(Startup::Start {
        version,
        parameters,
    }) = Startup::decode(&packet)
    else {
        panic!("not a start-up")
    };
    assert_eq!((version.major, version.minor), (3, 0));
    assert_eq!(
        parameters,
        [(&b"user"[..], &b"agent"[..]), (b"database", b"shop")]
    );
}

#[test]
fn ambiguous_startup_packets_are_refused() {
    for (rest, error) in [
        (
            &b"user\0a\0user\0b\0\0"[..],
            InvalidFrame::DuplicateParameter,
        ),
        (
            b"user\0a\0\0user\0b\0\0",
            InvalidFrame::ParametersNotTerminated,
        ),
        (
            b"user\0a\0",
            InvalidFrame::Unterminated("start-up parameter name"),
        ),
        (
            b"user\0a",
            InvalidFrame::Unterminated("start-up parameter value"),
        ),
        (b"", InvalidFrame::Unterminated("start-up parameter name")),
    ] {
        assert_eq!(
            Startup::decode(&startup_packet(196_608, rest)),
            Err(error),
            "{rest:?}"
        );
    }
    assert_eq!(
        Startup::decode(&startup_packet(80_877_103, b"x")),
        Err(InvalidFrame::Trailing(1))
    );
}

#[test]
fn startup_limits_hold_at_their_edge() {
    let word = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    assert_eq!(Startup::length(b"\0\0\0"), Ok(None));
    assert_eq!(
        Startup::length(&word(MAX_STARTUP_BYTES + 4)),
        Ok(Some(MAX_STARTUP_BYTES + 4))
    );
    assert!(Startup::length(&word(MAX_STARTUP_BYTES + 5)).is_err());
    assert!(Startup::length(&word(3)).is_err());

    let packet = |count: usize| {
        let mut rest: Vec<u8> = (0..count)
            .flat_map(|i| format!("k{i}\0v\0").into_bytes())
            .collect();
        rest.push(0);
        startup_packet(196_608, &rest)
    };
    assert!(Startup::decode(&packet(MAX_STARTUP_PARAMETERS)).is_ok());
    assert_eq!(
        Startup::decode(&packet(MAX_STARTUP_PARAMETERS + 1)),
        Err(InvalidFrame::TooManyParameters)
    );

    let cancel = |key: usize| startup_packet(80_877_102, &vec![7; key + 4]);
    assert!(Startup::decode(&cancel(3)).is_err());
    assert!(Startup::decode(&cancel(4)).is_ok());
    assert!(Startup::decode(&cancel(MAX_CANCEL_KEY_BYTES)).is_ok());
    assert!(Startup::decode(&cancel(MAX_CANCEL_KEY_BYTES + 1)).is_err());
}

#[test]
fn what_is_written_can_be_read() {
    let mut out = Vec::new();
    write::ready(&mut out, Transaction::Failed);
    write::query(&mut out, b"select 1\0; drop table t");
    let header = Header::parse(&out, 100).unwrap().unwrap();
    assert_eq!(
        Backend::decode(header.tag, &out[5..header.total()]),
        Ok(Backend::Ready(Transaction::Failed))
    );
    let query = &out[header.total()..];
    assert_eq!(
        Frontend::decode(query[0], &query[5..]),
        Ok(Frontend::Query(b"select 1"))
    );

    let mut packet = Vec::new();
    write::startup(&mut packet, 196_608, [(&b"user"[..], &b"a"[..])]);
    assert_eq!(packet, startup_packet(196_608, b"user\0a\0\0"));
    packet.clear();
    write::cancel(&mut packet, 42, &[1, 2, 3, 4]);
    assert_eq!(
        Startup::decode(&packet),
        Ok(Startup::Cancel {
            pid: 42,
            key: &[1, 2, 3, 4]
        })
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(tag: u8, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Frontend::Bind(bind)) = Frontend::decode(tag, &body) {
            bind.parameters().for_each(drop);
        }
        match Backend::decode(tag, &body) {
            Ok(Backend::DataRow(row)) => prop_assert_eq!(row.values().count(), row.len()),
            Ok(Backend::RowDescription(d)) => prop_assert_eq!(d.fields().count(), d.len()),
            Ok(Backend::Error(fields)) => fields.iter().for_each(drop),
            _ => {}
        }
        let _ = Startup::decode(&body);
        let _ = Header::parse(&body, 1000);
    }

    #[test]
    fn rows_of_any_values_are_told_exactly(
        values in proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)), 0..20)
    ) {
        let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in &values {
            match value {
                None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
                Some(bytes) => {
                    body.extend_from_slice(&i32::try_from(bytes.len()).unwrap().to_be_bytes());
                    body.extend_from_slice(bytes);
                }
            }
        }
        let Ok(Backend::DataRow(row)) = Backend::decode(b'D', &body) else { panic!("not a row") };
        let told: Vec<_> = row.values().map(|v| v.map(<[u8]>::to_vec)).collect();
        prop_assert_eq!(told, values);
    }
}

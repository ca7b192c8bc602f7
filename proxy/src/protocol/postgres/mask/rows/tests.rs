use portcullis_policy::mask::{FieldMask, Transform};
use proptest::prelude::*;

use super::*;
use crate::protocol::postgres::mask::samples::{detectors, masks, rule, tokenize};

fn frame(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        write(*value, &mut body);
    }
    let mut frame = vec![b'D'];
    frame.extend((body.len() as u32 + 4).to_be_bytes());
    frame.extend(body);
    frame
}

fn column(transform: Transform) -> FieldMask {
    masks(&[rule(&["public.t.c"], transform)]).column(&["public", "t", "c"])
}

/// One value between two that stay; what the rewritten row has in its place.
fn masked(mask: &FieldMask, oid: u32, binary: bool, value: &[u8]) -> Option<Vec<u8>> {
    let clear = || Field::new(masks(&[]).text(), 25, false);
    let field = Field::new(mask.clone(), oid, binary);
    let rows = RowMask::new(vec![clear(), field, clear()]);
    let before = frame(&[Some(b"a"), Some(value), None]);
    let mut out = Vec::new();
    let count = rows.rewrite(&before, &mut out).unwrap();
    let body = &out[HEADER_BYTES..];
    assert_eq!(
        body.len() + 4,
        u32::from_be_bytes(out[1..5].try_into().unwrap()) as usize
    );
    let mut left = &body[2..];
    assert_eq!(super::value(&mut left), Ok(Some(&b"a"[..])));
    let instead = super::value(&mut left).unwrap().map(<[u8]>::to_vec);
    assert_eq!(super::value(&mut left), Ok(None));
    assert!(left.is_empty());
    assert_eq!(count == 0, out == before);
    instead
}

#[test]
fn a_redacted_column_keeps_its_type() {
    let redact = column(Transform::Redact);
    for (oid, binary, value, expected) in [
        (25, false, &b"secret"[..], Some(&b"[redacted]"[..])),
        (1043, true, b"secret", Some(b"[redacted]")),
        (19, true, b"secret", Some(b"[redacted]")),
        (114, true, b"{}", Some(b"\"[redacted]\"")),
        (3802, false, b"{}", Some(b"\"[redacted]\"")),
        (3802, true, b"\x01{}", Some(b"\x01\"[redacted]\"")),
        (23, false, b"42", None),
        (23, true, b"\0\0\0\x2a", None),
        (1700, true, b"\0\0\0\0\0\0\0\0", None),
        (16, false, b"t", None),
        (1184, false, b"2026-01-01", None),
        (17, true, b"\0\x01", None),
        (2950, false, b"11111111-1111-1111-1111-111111111111", None),
        (1009, false, b"{a,b}", None),
        (18, false, b"x", None),
        (3910, false, b"empty", None),
        (2249, false, b"(a,b)", None),
        (99_999, true, b"x", None),
    ] {
        let found = masked(&redact, oid, binary, value);
        assert_eq!(found.as_deref(), expected, "{oid} {binary}");
        let nullify = column(Transform::Nullify);
        assert_eq!(masked(&nullify, oid, binary, value), None, "{oid}");
    }
}

#[test]
fn a_number_is_tokenized_to_the_same_number_in_both_formats() {
    let mask = column(tokenize());
    let text = masked(&mask, 23, false, b"123456").unwrap();
    let token: i32 = String::from_utf8(text).unwrap().parse().unwrap();
    assert_ne!(token, 123_456);
    let binary = masked(&mask, 23, true, &123_456i32.to_be_bytes());
    assert_eq!(binary, Some(token.to_be_bytes().to_vec()));
    let float = masked(&mask, 701, true, &f64::NAN.to_be_bytes());
    assert_eq!(float, None);
}

#[test]
fn detectors_look_into_every_type_that_holds_text() {
    let mask = detectors().text();
    let array = b"\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x01\0\0\0\x01\0\0\0\x0dann@acme.test";
    let clean = b"\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x01\0\0\0\x01\0\0\0\x01a";
    for (oid, binary, value, expected) in [
        (
            25,
            true,
            &b"to ann@acme.test."[..],
            Some(&b"to [redacted]."[..]),
        ),
        (
            3802,
            true,
            b"\x01{\"ssn\":\"1\",\"a\":2}",
            Some(b"\x01{\"ssn\":\"[redacted]\",\"a\":2}"),
        ),
        (20, true, &4_111_111_111_111_111i64.to_be_bytes(), None),
        (20, false, b"4111111111111111", None),
        (20, false, b"4111111111111112", Some(b"4111111111111112")),
        (1009, false, b"{a,\"ann@acme.test\"}", None),
        (1009, false, b"{a,\"b c\",NULL}", Some(b"{a,\"b c\",NULL}")),
        (1009, true, array, None),
        (1009, true, clean, Some(clean)),
        (1009, true, b"lies", None),
        (3807, false, b"{\"{\\\"ssn\\\": 1}\"}", None),
        (
            3807,
            false,
            b"{\"{\\\"a\\\": 1}\"}",
            Some(b"{\"{\\\"a\\\": 1}\"}"),
        ),
        (869, false, b"10.1.2.3", None),
        (869, true, &[2, 32, 0, 4, 10, 1, 2, 3], None),
        (
            2249,
            true,
            b"\0\0\0\x01\0\0\0\x19\0\0\0\x0dann@acme.test",
            None,
        ),
        (
            2249,
            true,
            b"\0\0\0\x01\0\0\0\x19\0\0\0\x01a",
            Some(b"\0\0\0\x01\0\0\0\x19\0\0\0\x01a"),
        ),
        (16, false, b"t", Some(b"t")),
        (17, false, b"\\x616e6e", Some(b"\\x616e6e")),
    ] {
        let found = masked(&mask, oid, binary, value);
        assert_eq!(found.as_deref(), expected, "{oid} {binary} {value:?}");
    }
}

#[test]
fn rows_that_lie_are_refused_and_leave_nothing() {
    let rows = RowMask::new(vec![Field::new(column(Transform::Redact), 25, false); 2]);
    let good = frame(&[Some(b"a"), Some(b"b")]);
    let mut long = good.clone();
    long.push(0);
    let mut negative = good.clone();
    negative[7..11].copy_from_slice(&(-2i32).to_be_bytes());
    let mut beyond = good.clone();
    beyond[7..11].copy_from_slice(&100i32.to_be_bytes());
    let mut inner = frame(&[Some(b"a"), Some(b"b")]);
    inner.push(9);
    let length = inner.len() as u32 - 1;
    inner[1..5].copy_from_slice(&length.to_be_bytes());
    for bad in [
        &long[..],
        &negative,
        &beyond,
        &inner,
        &good[..good.len() - 1],
        b"",
        b"D",
        b"D\0\0\0\x04",
        b"Z\0\0\0\x05I",
        &frame(&[Some(b"a")]),
        &frame(&[Some(b"a"), Some(b"b"), None]),
    ] {
        let mut out = b"kept".to_vec();
        assert!(rows.rewrite(bad, &mut out).is_err(), "{bad:?}");
        assert_eq!(out, b"kept");
    }
}

#[test]
fn a_run_ends_at_the_first_message_that_is_no_row() {
    let rows = RowMask::new(vec![Field::new(column(Transform::Redact), 25, false)]);
    let mut bytes = frame(&[Some(b"a")]);
    bytes.extend(frame(&[None]));
    let rows_end = bytes.len();
    bytes.extend(b"C\0\0\0\x0dSELECT 2\0");
    let mut out = Vec::new();
    let run = rows.rewrite_run(&bytes, &mut out, |_| true).unwrap();
    assert_eq!((run.consumed, run.rows, run.masked), (rows_end, 2, 1));
    let mut expected = frame(&[Some(b"[redacted]")]);
    expected.extend(frame(&[None]));
    assert_eq!(out, expected);
    out.clear();
    let cut = rows
        .rewrite_run(&bytes[..rows_end - 1], &mut out, |_| true)
        .unwrap();
    assert_eq!((cut.rows, cut.consumed), (1, frame(&[Some(b"a")]).len()));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, binary: bool, oid in prop::sample::select(vec![25u32, 114, 3802, 20, 1700, 869, 1009, 3807, 2249])) {
        let rows = RowMask::new(vec![Field::new(detectors().text(), oid, binary)]);
        let mut out = Vec::new();
        let _ = rows.rewrite(&bytes, &mut out);
        let _ = rows.rewrite(&frame(&[Some(&bytes)]), &mut out);
        let _ = rows.rewrite_run(&bytes, &mut out, |_| true);
    }

    #[test]
    fn rows_without_finds_come_out_as_they_came(values: Vec<Option<Vec<u8>>>) {
        let values: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
        let fields = values.iter().map(|_| Field::new(detectors().text(), 17, true));
        let rows = RowMask::new(fields.collect());
        prop_assert!(rows.passes());
        let before = frame(&values);
        let mut out = Vec::new();
        prop_assert_eq!(rows.rewrite(&before, &mut out), Ok(0));
        prop_assert_eq!(out, before);
    }
}

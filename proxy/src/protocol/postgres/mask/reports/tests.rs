use portcullis_dialect::sql::settings::{Settings, Tracked};
use portcullis_policy::mask::Transform;

use super::*;
use crate::protocol::postgres::mask::samples::{detectors, masks, rule};

fn rewritten(reports: &Reports, fields: &[(u8, &str)]) -> Option<Vec<(u8, String)>> {
    let mut frame = Vec::new();
    let pairs = fields.iter().map(|(kind, text)| (*kind, text.as_bytes()));
    write::report(&mut frame, tag::ERROR, pairs);
    let mut out = Vec::new();
    if !reports.rewrite(tag::ERROR, &frame[5..], &mut out).unwrap() {
        assert!(out.is_empty());
        return None;
    }
    let Backend::Error(fields) = Backend::decode(tag::ERROR, &out[5..]).unwrap() else {
        panic!("no error");
    };
    let text = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
    Some(
        fields
            .iter()
            .map(|(kind, value)| (kind, text(value)))
            .collect(),
    )
}

fn columns() -> Arc<MaskSet> {
    masks(&[rule(&["public.people.ssn"], Transform::Redact)])
}

const CAST: [(u8, &str); 6] = [
    (b'S', "ERROR"),
    (b'C', "22P02"),
    (
        b'M',
        "invalid input syntax for type integer: \"123-45-6789\"",
    ),
    (b'D', "123-45-6789"),
    (b'W', "SQL function f"),
    (b'n', "key"),
];

#[test]
fn texts_of_a_statement_that_reaches_masked_columns_are_replaced() {
    let fixed = Reports::fixed(columns(), false);
    let expected = [
        (b'S', "ERROR"),
        (b'C', "22P02"),
        (
            b'M',
            "the message is masked, for the statement reaches masked columns",
        ),
        (b'D', "[redacted]"),
        (b'W', "[redacted]"),
        (b'n', "key"),
    ];
    let expected = expected
        .map(|(kind, text)| (kind, text.to_owned()))
        .to_vec();
    assert_eq!(rewritten(&fixed, &CAST), Some(expected));
}

#[test]
fn names_are_replaced_where_unread_functions_may_raise() {
    let fixed = Reports::fixed(columns(), true);
    let fields = rewritten(&fixed, &CAST).unwrap();
    assert_eq!(fields.last(), Some(&(b'n', "[redacted]".to_owned())));
    let cancelled = [(b'C', "57014"), (b'M', "canceling statement")];
    assert!(rewritten(&fixed, &cancelled).is_some());
}

#[test]
fn errors_that_hold_no_value_stay() {
    let fixed = Reports::fixed(columns(), false);
    let unknown = [
        (b'C', "42703"),
        (b'M', "column \"x\" does not exist"),
        (b'P', "8"),
    ];
    assert_eq!(rewritten(&fixed, &unknown), None);
    assert_eq!(
        rewritten(&fixed, &[(b'C', "57014"), (b'M', "canceling")]),
        None
    );
    // A value that is cast to a name fails while the statement runs: there is no position.
    let cast = [
        (b'C', "42P01"),
        (b'M', "relation \"123-45-6789\" does not exist"),
    ];
    assert!(rewritten(&fixed, &cast).is_some());
    let inner = [
        (b'C', "42703"),
        (b'M', "x"),
        (b'P', "8"),
        (b'W', "PL/pgSQL function"),
    ];
    assert!(rewritten(&fixed, &inner).is_some());
}

#[test]
fn detectors_alone_replace_their_finds() {
    let reports = Reports::looked_through(detectors());
    assert_eq!(rewritten(&reports, &CAST), None);
    let found = rewritten(
        &reports,
        &[(b'C', "22P02"), (b'M', "bad \"ann@acme.test\"")],
    );
    let expected = [(b'C', "22P02"), (b'M', "bad \"[redacted]\"")];
    assert_eq!(
        found,
        Some(expected.map(|(k, t)| (k, t.to_owned())).to_vec())
    );
}

#[test]
fn detectors_read_a_report_in_the_encoding_of_the_session() {
    let mut settings = Settings::new("db", "role");
    settings.client_encoding = Tracked::Known("LATIN1".to_owned());
    let encoding = Encoding::of(&settings).unwrap();
    let reports = Reports::looked_through(detectors()).in_encoding(encoding);
    let rewritten = |text: &[u8]| {
        let mut frame = Vec::new();
        write::report(&mut frame, tag::ERROR, [(b'M', text)]);
        let mut out = Vec::new();
        let changed = reports.rewrite(tag::ERROR, &frame[5..], &mut out).unwrap();
        changed.then(|| out[6..out.len() - 2].to_vec())
    };
    // What stands around a find keeps its bytes.
    let told = rewritten(b"sch\xf6n: ann@acme.test, \xfc").unwrap();
    assert_eq!(told, b"sch\xf6n: [redacted], \xfc");
    assert_eq!(rewritten(b"sch\xf6n, \xfc"), None);
}

fn notified(masks: Arc<MaskSet>, payload: &str) -> Option<Vec<u8>> {
    let mut frame = Vec::new();
    write::message(&mut frame, tag::NOTIFICATION, |out| {
        out.extend(7u32.to_be_bytes());
        write::string(out, b"channel");
        write::string(out, payload.as_bytes());
    });
    let mut out = Vec::new();
    let reports = Reports::looked_through(masks);
    let changed = reports.rewrite(tag::NOTIFICATION, &frame[5..], &mut out);
    changed.unwrap().then(|| out[9..].to_vec())
}

#[test]
fn payloads_of_others_are_redacted_where_columns_are_masked() {
    let expected = b"channel\0[redacted]\0".to_vec();
    assert_eq!(notified(columns(), "123"), Some(expected.clone()));
    assert_eq!(notified(columns(), ""), None);
    assert_eq!(notified(detectors(), "order 12"), None);
    assert_eq!(notified(detectors(), "ann@acme.test"), Some(expected));
    assert_eq!(notified(masks(&[]), "123"), None);
}

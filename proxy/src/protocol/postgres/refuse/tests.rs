use portcullis_dialect::postgres::wire::backend::{Backend, tag};
use portcullis_policy::Class;

use super::{Report, Severity, code, error, notice, sqlstate};

fn fields(frame: &[u8]) -> Vec<(u8, String)> {
    let (Backend::Error(fields) | Backend::Notice(fields)) =
        Backend::decode(frame[0], &frame[5..]).unwrap()
    else {
        panic!("no report");
    };
    fields
        .iter()
        .map(|(kind, text)| (kind, String::from_utf8(text.to_vec()).unwrap()))
        .collect()
}

#[test]
fn an_error_carries_its_fields_in_the_order_of_the_server() {
    let mut out = Vec::new();
    let report = Report::new(code::INSUFFICIENT_PRIVILEGE, "no").hint("ask");
    error(&mut out, Severity::Fatal, report);
    assert_eq!(out[0], tag::ERROR);
    let expected = [
        (b'S', "FATAL".to_owned()),
        (b'V', "FATAL".to_owned()),
        (b'C', "42501".to_owned()),
        (b'M', "no".to_owned()),
        (b'H', "ask".to_owned()),
    ];
    assert_eq!(fields(&out), expected);
}

#[test]
fn a_zero_byte_in_a_message_does_not_start_a_field() {
    let mut out = Vec::new();
    notice(
        &mut out,
        Report::new(code::SUCCESSFUL_COMPLETION, "a\0Hforged"),
    );
    let fields = fields(&out);
    assert_eq!(fields.len(), 4);
    assert_eq!(fields[3], (b'M', "a".to_owned()));
}

#[test]
fn what_policy_says_is_42501_and_what_the_server_would_say_is_its_own() {
    for class in [
        Class::PolicyDenied,
        Class::ApprovalRequired,
        Class::ApprovalDenied,
        Class::LimitExceeded,
        Class::MaskImpossible,
        Class::AccessDenied,
        Class::PolicyUnavailable,
        Class::RecordingUnavailable,
    ] {
        assert_eq!(sqlstate(class), "42501", "{class}");
    }
    assert_eq!(sqlstate(Class::Unparsable), "42601");
    assert_eq!(sqlstate(Class::Unsupported), "0A000");
    assert_eq!(sqlstate(Class::TooLarge), "54000");
}

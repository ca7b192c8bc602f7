use k8s_openapi::jiff::Timestamp;
use portcullis_crds::lower::FieldError;

use super::{Conditions, Finding, MAX_ERRORS, MAX_MESSAGE, holds, told};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn the_time_of_a_condition_moves_only_when_it_flips() {
    let mut first = Conditions::new(&[], Some(1), at(100));
    first.set("Ready", &Finding::no("Pending", "0 of 2"));
    let first = first.finish();
    let mut second = Conditions::new(&first, Some(2), at(200));
    second.set("Ready", &Finding::no("Pending", "1 of 2"));
    let second = second.finish();
    assert_eq!(second[0].last_transition_time.0, at(100));
    assert_eq!(second[0].message, "1 of 2");
    assert_eq!(second[0].observed_generation, Some(2));
    let mut third = Conditions::new(&second, Some(2), at(300));
    third.set("Ready", &Finding::yes("Done", "2 of 2"));
    third.set_while("Stalled", &Finding::no("Done", ""));
    let third = third.finish();
    assert_eq!(third[0].last_transition_time.0, at(300));
    assert_eq!(third.len(), 1, "what is only there while true is not");
    assert!(holds(&third, "Ready") && !holds(&third, "Stalled"));
}

#[test]
fn a_message_is_cut_past_its_bound_and_not_at_it() {
    for (length, cut) in [(MAX_MESSAGE, false), (MAX_MESSAGE + 1, true)] {
        let mut conditions = Conditions::new(&[], None, at(1));
        conditions.set("Ready", &Finding::no("Pending", "ä".repeat(length)));
        let message = &conditions.finish()[0].message;
        assert_eq!(message.ends_with('…'), cut, "{length}");
        assert!(message.chars().count() <= MAX_MESSAGE + 1);
    }
}

#[test]
fn errors_past_the_bound_are_counted() {
    let errors = |count: usize| -> Vec<FieldError> {
        (0..count)
            .map(|index| FieldError {
                field: format!("spec.rules[{index}]"),
                reason: "is wrong".to_owned(),
            })
            .collect()
    };
    assert!(!told(&errors(MAX_ERRORS)).contains("more"));
    assert!(told(&errors(MAX_ERRORS + 1)).ends_with("and 1 more"));
}

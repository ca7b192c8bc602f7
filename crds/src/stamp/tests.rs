use proptest::prelude::*;

use super::*;

fn stamp(decision: DecisionKind, username: &str, reason: &str) -> Stamp {
    Stamp {
        decision,
        username: username.to_owned(),
        reason: reason.to_owned(),
    }
}

#[test]
fn a_stamp_says_who_and_why() {
    let approve = stamp(DecisionKind::Approve, "oidc:carol@corp", "looks fine");
    assert_eq!(approve.value(), "Approve|15|oidc:carol@corp|looks fine");
    assert_eq!(Stamp::parse(&approve.value()), Some(approve));
    let silent = stamp(DecisionKind::Revoke, "bob", "");
    assert_eq!(silent.value(), "Revoke|3|bob|");
    assert_eq!(Stamp::parse("Revoke|3|bob|"), Some(silent));
}

#[test]
fn a_name_with_a_bar_cannot_pass_for_another() {
    let odd = stamp(DecisionKind::Deny, "eve|5|carol", "x|y");
    assert_eq!(odd.value(), "Deny|11|eve|5|carol|x|y");
    assert_eq!(Stamp::parse(&odd.value()), Some(odd));
}

#[test]
fn lengths_count_characters_as_the_admission_policies_do() {
    let name = stamp(DecisionKind::Approve, "zoë", "✓");
    assert_eq!(name.value(), "Approve|3|zoë|✓");
    assert_eq!(Stamp::parse("Approve|3|zoë|✓"), Some(name));
    assert_eq!(Stamp::parse("Approve|4|zoë|✓"), None);
}

#[test]
fn nothing_but_a_stamp_is_read_as_one() {
    for value in [
        "",
        "Approve",
        "Approve|3|bob",
        "approve|3|bob|",
        "Maybe|3|bob|",
        "Approve|03|bob|",
        "Approve|+3|bob|",
        "Approve|-1|bob|",
        "Approve|0||",
        "Approve|4|bob|",
        "Approve|2|bob|",
        "Approve|99999999999999999999|bob|",
        " Approve|3|bob|",
    ] {
        assert_eq!(Stamp::parse(value), None, "{value:?}");
    }
}

#[test]
fn keys_are_one_person_s_each() {
    let bob = stamp(DecisionKind::Approve, "bob", "");
    // SHA-256 of `bob` begins so.
    assert_eq!(bob.key(), "decision.portcullis.dev/81b637d8fcd2c6da");
    assert_eq!(
        stamp(DecisionKind::Revoke, "bob", "").second_key(),
        "decision.portcullis.dev/81b637d8fcd2c6da.revoke"
    );
    assert_ne!(stamp(DecisionKind::Approve, "Bob", "").key(), bob.key());
}

proptest! {
    #[test]
    fn every_stamp_is_read_back(username in ".{1,40}", reason in ".{0,40}") {
        let written = stamp(DecisionKind::Approve, &username, &reason);
        prop_assert_eq!(Stamp::parse(&written.value()), Some(written));
    }

    #[test]
    fn what_is_read_is_what_was_written(value in "(Approve|Deny|x)[|][0-9]{1,2}[|].{0,20}") {
        if let Some(stamp) = Stamp::parse(&value) {
            prop_assert_eq!(stamp.value(), value);
        }
    }
}

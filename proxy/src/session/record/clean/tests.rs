use super::*;

const JWT: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

fn cleaner(masks: &MaskSet) -> Cleaner<'_> {
    Cleaner::new(masks)
}

#[test]
fn credentials_are_never_recorded_whatever_the_masks() {
    assert!(CREDENTIAL_MASK.is_some());
    let masks = MaskSet::default();
    let statement = format!("SELECT '{JWT}'");
    let (text, omitted) = cleaner(&masks).text(&statement);
    assert_eq!((text.as_ref(), omitted), ("SELECT '[redacted]'", 0));
}

#[test]
fn benign_text_stays_as_it_is() {
    let masks = MaskSet::default();
    let text = "SELECT abalance FROM pgbench_accounts WHERE aid = 71234;";
    let (clean, omitted) = cleaner(&masks).text(text);
    assert!(matches!(clean, Cow::Borrowed(kept) if kept == text) && omitted == 0);
}

#[test]
fn a_credential_in_a_binary_value_is_found() {
    let masks = MaskSet::default();
    let hex: String = JWT.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(cleaner(&masks).value(&format!("\\x{hex}")), REDACTED);
    assert_eq!(cleaner(&masks).value("\\x00ff"), "\\x00ff");
    assert_eq!(cleaner(&masks).value("\\xno"), "\\xno");
}

#[test]
fn a_long_text_is_cut_and_the_rest_counted() {
    let masks = MaskSet::default();
    let at_limit = "x".repeat(MAX_TEXT_BYTES);
    let (text, omitted) = cleaner(&masks).text(&at_limit);
    assert_eq!((text.len(), omitted), (MAX_TEXT_BYTES, 0));
    let past = "x".repeat(MAX_TEXT_BYTES + 1);
    let (text, omitted) = cleaner(&masks).text(&past);
    assert_eq!((text.len(), omitted), (MAX_TEXT_BYTES, 1));
}

#[test]
fn a_credential_across_the_cut_is_not_recorded_in_part() {
    let masks = MaskSet::default();
    let text = format!("{} {JWT}", "x ".repeat(MAX_TEXT_BYTES / 2 - 20));
    let (text, omitted) = cleaner(&masks).text(&text);
    assert!(omitted > 0 && !text.contains("eyJ"), "{omitted}");
}

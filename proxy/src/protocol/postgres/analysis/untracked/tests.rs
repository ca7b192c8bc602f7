use std::sync::Arc;

use portcullis_dialect::sql;
use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;

use super::{MAX_SETTINGS, Untracked};
use crate::session::gate::Told;

fn after(texts: &[&str]) -> Vec<String> {
    let (settings, catalogue) = (Settings::new("shop", "app"), Arc::new(Catalogue::default()));
    let mut untracked = Untracked::default();
    for text in texts {
        let prepared = Prepared::default();
        let analysis = sql::analyse(text, &settings, &catalogue, &prepared).unwrap();
        untracked.take(&Told::new(analysis.operation), analysis.voids_settings);
    }
    untracked.facts().collect()
}

#[test]
fn what_sets_meaning_is_told_and_what_does_not_is_not() {
    assert_eq!(
        after(&["SET DateStyle = 'DMY'", "SET datestyle TO 'MDY'"]),
        ["datestyle: SET datestyle TO 'MDY'"]
    );
    assert_eq!(
        after(&["SET session_replication_role = replica"]),
        ["session_replication_role: SET session_replication_role = replica"]
    );
    assert_eq!(
        after(&["SELECT set_config('intervalstyle', 'sql_standard', false)"]),
        ["intervalstyle: SELECT set_config('intervalstyle', 'sql_standard', false)"]
    );
    // Tracked by their values, or of no meaning.
    for text in [
        "SET search_path = a, b",
        "SET application_name = 'x'",
        "SET statement_timeout = 5",
        "SELECT 1",
    ] {
        assert_eq!(after(&[text]), [""; 0], "{text}");
    }
}

#[test]
fn a_session_that_reset_all_is_like_a_new_one() {
    for reset in ["RESET ALL", "DISCARD ALL"] {
        assert_eq!(after(&["SET timezone = 'UTC'", reset]), [""; 0], "{reset}");
    }
    // A code that may have set anything is not.
    assert_ne!(after(&["DO $$ BEGIN END $$"]), [""; 0]);
}

#[test]
fn more_settings_than_are_told_make_a_session_like_no_other() {
    let texts: Vec<String> = (0..MAX_SETTINGS + 2)
        .map(|number| format!("SET my.s{number:03} = 1"))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(after(&texts[..MAX_SETTINGS]).len(), MAX_SETTINGS);
    let told = after(&texts);
    assert_eq!(told.len(), MAX_SETTINGS + 1);
    assert_eq!(told[MAX_SETTINGS], "and 2 others");
    let long = format!("SET my.s = '{}'", "x".repeat(300));
    assert!(after(&[&long])[0].starts_with("my.s: a text with the SHA-256 "));
}

use super::{InvalidOptions, settings};

fn pairs(text: &str) -> Vec<(String, String)> {
    settings(text).unwrap()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn the_three_spellings_of_a_setting_are_one() {
    let expected = [pair("statement_timeout", "5s")];
    assert_eq!(pairs("-c statement_timeout=5s"), expected);
    assert_eq!(pairs("-cstatement_timeout=5s"), expected);
    assert_eq!(pairs("--statement_timeout=5s"), expected);
    assert_eq!(pairs("--statement-timeout=5s"), expected);
}

#[test]
fn a_backslash_takes_the_next_character_as_it_is() {
    assert_eq!(
        pairs(r"-c search_path=a,\ b -c TimeZone=x\\y"),
        [pair("search_path", "a, b"), pair("TimeZone", r"x\y")]
    );
}

#[test]
fn an_escaped_name_is_the_name_itself() {
    assert_eq!(pairs(r"-c r\ole=admin"), [pair("role", "admin")]);
    assert_eq!(pairs(r"\-c ro\le=admin"), [pair("role", "admin")]);
}

#[test]
fn every_white_space_of_the_server_parts_words() {
    assert_eq!(
        pairs("\t-c\u{b}a=1\u{c}-c\r\nb=2 "),
        [pair("a", "1"), pair("b", "2")]
    );
}

#[test]
fn other_switches_are_refused_by_name() {
    assert_eq!(
        settings("-d 5"),
        Err(InvalidOptions::Switch("-d".to_owned()))
    );
    assert_eq!(
        settings("-c a=1 -W"),
        Err(InvalidOptions::Switch("-W".to_owned()))
    );
    assert_eq!(settings("-c"), Err(InvalidOptions::Ends));
    assert_eq!(
        settings("-c role"),
        Err(InvalidOptions::NoValue("role".to_owned()))
    );
}

#[test]
fn an_empty_text_has_no_settings() {
    assert_eq!(pairs(""), []);
    assert_eq!(pairs("  "), []);
}

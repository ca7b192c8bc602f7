use portcullis_dialect::postgres::wire::startup::Version;

use super::{InvalidStart, Wanted};

fn read(parameters: &[(&str, &str)]) -> Result<Wanted, InvalidStart> {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    Wanted::read(Version { major: 3, minor: 0 }, &parameters)
}

fn refused(name: &str, value: &str) -> InvalidStart {
    read(&[("user", "a"), (name, value)]).unwrap_err()
}

#[test]
fn what_psql_sends_is_taken() {
    let wanted = read(&[
        ("user", "alice"),
        ("database", "shop"),
        ("application_name", "psql"),
        ("client_encoding", "UTF8"),
    ])
    .unwrap();
    assert_eq!(wanted.user, "alice");
    assert_eq!(wanted.database.as_deref(), Some("shop"));
    assert_eq!(
        wanted.settings,
        [
            ("application_name".to_owned(), "psql".to_owned()),
            ("client_encoding".to_owned(), "UTF8".to_owned())
        ]
    );
    assert_eq!(wanted.judged().count(), 0);
}

#[test]
fn settings_that_change_who_acts_are_refused_in_every_spelling() {
    for name in [
        "role",
        "session_authorization",
        "row_security",
        "ROLE",
        "session_replication_role",
    ] {
        let lower = name.to_ascii_lowercase();
        assert_eq!(refused(name, "x"), InvalidStart::Setting(lower.clone()));
        assert_eq!(
            refused("options", &format!("-c {name}=x")),
            InvalidStart::Setting(lower)
        );
    }
    assert_eq!(
        refused("options", r"--r\ole=postgres"),
        InvalidStart::Setting("role".to_owned())
    );
    assert_eq!(
        refused("options", "-crow-security=off"),
        InvalidStart::Setting("row_security".to_owned())
    );
}

#[test]
fn a_setting_by_its_own_name_wins_over_options_as_on_the_server() {
    let wanted = read(&[
        ("user", "a"),
        ("search_path", "own"),
        ("options", "-c search_path=other -c statement_timeout=1s"),
    ])
    .unwrap();
    let judged: Vec<_> = wanted.judged().collect();
    assert_eq!(
        judged,
        [("statement_timeout", "1s"), ("search_path", "own")]
    );
}

#[test]
fn replication_is_refused_and_its_denial_is_not() {
    assert_eq!(
        refused("replication", "database"),
        InvalidStart::Replication
    );
    assert_eq!(refused("replication", "TRUE"), InvalidStart::Replication);
    assert!(read(&[("user", "a"), ("replication", "false")]).is_ok());
}

#[test]
fn encodings_that_hide_ascii_bytes_are_refused() {
    for encoding in [
        "SJIS",
        "shift_jis_2004",
        "BIG5",
        "GBK",
        "GB18030",
        "UHC",
        "JOHAB",
        "Windows950",
        "win",
    ] {
        assert_eq!(
            refused("client_encoding", encoding),
            InvalidStart::Encoding(encoding.to_owned())
        );
    }
    for encoding in [
        "UTF8",
        "utf-8",
        "UNICODE",
        "SQL_ASCII",
        "LATIN1",
        "WIN1252",
        "EUC_JP",
        "ISO_8859_5",
    ] {
        assert!(
            read(&[("user", "a"), ("client_encoding", encoding)]).is_ok(),
            "{encoding}"
        );
    }
}

#[test]
fn a_newer_minor_version_is_brought_down_and_its_options_are_named() {
    let parameters: Vec<(&[u8], &[u8])> = vec![(b"user", b"a"), (b"_pq_.report", b"x")];
    let wanted = Wanted::read(
        Version {
            major: 3,
            minor: 9999,
        },
        &parameters,
    )
    .unwrap();
    assert_eq!(wanted.minor, 2);
    assert_eq!(wanted.unknown_options, [b"_pq_.report".to_vec()]);
    for major in [0, 2, 4, 1234] {
        let refused = Wanted::read(Version { major, minor: 0 }, &parameters).unwrap_err();
        assert_eq!(refused, InvalidStart::Version { major, minor: 0 });
    }
}

#[test]
fn oauth_is_asked_for_by_an_option_that_is_not_sent_on() {
    let wanted = read(&[("user", "a"), ("options", "-c portcullis.auth=oauth")]).unwrap();
    assert!(wanted.oauth);
    assert_eq!(wanted.settings, []);
    assert_eq!(
        refused("options", "-c portcullis.auth=none"),
        InvalidStart::Auth("none".to_owned())
    );
}

#[test]
fn a_start_without_a_user_or_with_odd_bytes_is_refused() {
    assert_eq!(
        read(&[("database", "x")]).unwrap_err(),
        InvalidStart::NoUser
    );
    let parameters: Vec<(&[u8], &[u8])> = vec![(b"user", b"a\xff")];
    assert_eq!(
        Wanted::read(Version { major: 3, minor: 0 }, &parameters),
        Err(InvalidStart::NotUtf8("user".to_owned()))
    );
}

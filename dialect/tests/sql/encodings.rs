//! What bytes stand for, compared with the server's own conversions.

use portcullis_dialect::sql::encoding::Encoding;

use crate::server::Server;

const ENCODINGS: [&str; 27] = [
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "KOI8R",
    "KOI8U",
    "WIN866",
    "WIN874",
    "WIN1250",
    "WIN1251",
    "WIN1252",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1256",
    "WIN1257",
    "WIN1258",
];

/// A byte without a character fails by itself.
const CONVERT: &str = "
CREATE FUNCTION told(byte int, name text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    RETURN to_hex(ascii(convert_from(set_byte('\\x00', 0, byte), name)));
EXCEPTION WHEN untranslatable_character OR character_not_in_repertoire THEN RETURN '-'; END $$;
";

#[test]
fn every_byte_is_the_character_that_the_server_makes_of_it() {
    let server = Server::shared();
    server.database("encodings", CONVERT);
    for name in ENCODINGS {
        let asked = format!(
            "SELECT string_agg(told(byte, '{name}'), ' ' ORDER BY byte) FROM generate_series(1, 255) byte"
        );
        let encoding = Encoding::between(name, "UTF8").unwrap();
        let told = (1..=255_u8).map(|byte| match encoding.decode(&[byte]) {
            Ok(text) => format!("{:x}", u32::from(text.chars().next().unwrap())),
            Err(_) => "-".to_owned(),
        });
        let told: Vec<_> = told.collect();
        let output = server.psql("encodings", &["-XAt", "-c", &asked]);
        let expected = String::from_utf8(output.stdout).unwrap();
        assert_eq!(told.join(" "), expected.trim(), "{name}");
    }
}

#[test]
fn the_server_knows_no_encoding_by_a_name_that_is_read_as_another() {
    for (alias, name) in [
        ("iso-8859-15", "LATIN9"),
        ("windows-1251", "WIN1251"),
        ("win", "WIN1251"),
        ("alt", "WIN866"),
        ("tcvn", "WIN1258"),
        ("koi8", "KOI8R"),
    ] {
        let of = |name| Encoding::between(name, "UTF8");
        assert!(of(alias).is_some() && of(alias) == of(name), "{alias}");
    }
    for name in [
        "windows",
        "latin",
        "win932",
        "windows936",
        "win949",
        "win950",
        "iso885911",
    ] {
        assert_eq!(Encoding::between(name, "UTF8"), None, "{name}");
    }
}

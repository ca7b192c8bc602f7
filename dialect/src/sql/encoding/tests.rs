use super::*;

fn decoded(client: &str, server: &str, bytes: &[u8]) -> Option<String> {
    let encoding = Encoding::between(client, server)?;
    encoding.decode(bytes).ok().map(Cow::into_owned)
}

#[test]
fn every_table_is_whole_and_has_no_ascii_above_ascii() {
    assert_eq!(SINGLE_BYTE.len(), 27);
    for table in SINGLE_BYTE.iter() {
        assert_eq!(table.above.len(), 128, "{}", table.name);
        assert!(table.above.iter().flatten().all(|c| !c.is_ascii()));
        let holes = table.above.iter().filter(|c| c.is_none()).count();
        assert_eq!(table.bytes.len() + holes, 128, "{}", table.name);
        for byte in 0..=0xff_u8 {
            if let Some(character) = table.character(byte) {
                assert_eq!(table.byte(character), byte, "{}", table.name);
            }
        }
    }
}

#[test]
fn a_text_is_read_as_the_server_reads_it() {
    let told = |client, server| decoded(client, server, b"\xe9");
    assert_eq!(told("LATIN1", "UTF8").as_deref(), Some("é"));
    assert_eq!(told("iso-8859-1", "UTF8").as_deref(), Some("é"));
    assert_eq!(told("windows-1252", "UTF8").as_deref(), Some("é"));
    assert_eq!(told("LATIN1", "LATIN1").as_deref(), Some("é"));
    assert_eq!(told("WIN1251", "UTF8").as_deref(), Some("й"));
    assert_eq!(told("KOI8", "UTF8").as_deref(), Some("И"));
    assert_eq!(told("SQL_ASCII", "LATIN1").as_deref(), Some("é"));
    assert_eq!(
        decoded("SQL_ASCII", "UTF8", "é".as_bytes()).as_deref(),
        Some("é")
    );
    assert_eq!(
        decoded("LATIN1", "SQL_ASCII", "é".as_bytes()).as_deref(),
        Some("é")
    );
    assert_eq!(
        decoded("UTF8", "LATIN1", "é".as_bytes()).as_deref(),
        Some("é")
    );
    // No character of the encoding, or not of the server's.
    assert_eq!(told("UTF8", "UTF8"), None);
    assert_eq!(told("SQL_ASCII", "UTF8"), None);
    assert_eq!(told("LATIN1", "SQL_ASCII"), None);
    assert_eq!(decoded("WIN1252", "UTF8", b"\x81"), None);
    // By way of tables that are not ours.
    assert_eq!(told("WIN1251", "KOI8R"), None);
    assert_eq!(told("WIN1250", "LATIN2"), None);
    for encoding in [
        "SJIS",
        "BIG5",
        "GBK",
        "UHC",
        "GB18030",
        "JOHAB",
        "EUC_JP",
        "MULE_INTERNAL",
    ] {
        assert_eq!(told(encoding, "UTF8"), None, "{encoding}");
        assert_eq!(told("SQL_ASCII", encoding), None, "{encoding}");
    }
}

#[test]
fn names_that_another_server_may_read_differently_are_told() {
    let mut settings = Settings::new("shop", "app");
    let long = format!("SELECT \"{}\"", "é".repeat(40));
    let told = |settings: &Settings, text: &str| ambiguous_name(text, settings);
    for text in ["SELECT É", &long] {
        assert_eq!(told(&settings, text), None);
    }
    settings.server_encoding = Tracked::Known("LATIN1".to_owned());
    assert_eq!(told(&settings, "SELECT É, 'x'").as_deref(), Some("É"));
    assert!(told(&settings, &long).is_some());
    let escaped = format!("SELECT U&\"{}\"", "\\00e9".repeat(40));
    assert!(told(&settings, &escaped).is_some());
    for text in [
        "SELECT é, \"É\", 'É', $$É$$ -- É",
        "SELECT 1 /* É */",
        "SELECT E'É'",
    ] {
        assert_eq!(told(&settings, text), None, "{text}");
    }
    settings.standard_conforming_strings = Tracked::Known(false);
    assert!(told(&settings, "SELECT '\\' É'").is_some());
    settings.standard_conforming_strings = Tracked::Known(true);
    settings.server_encoding = Tracked::Known("SQL_ASCII".to_owned());
    assert!(told(&settings, "SELECT é").is_some());
    assert_eq!(told(&settings, "SELECT \"é\", 'é'"), None);
}

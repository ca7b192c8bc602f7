//! Texts that the grammar does not accept: the server's own words, and a record of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use portcullis_dialect::postgres::wire::write;

use crate::bed::open_policy;
use crate::house::House;
use crate::wire::Client;

/// What an error says of itself: SQLSTATE, message, place.
async fn error(client: &mut Client, bytes: &[u8]) -> [String; 3] {
    client.send(bytes).await;
    let mut fields = BTreeMap::new();
    loop {
        let (tag, body) = client.next().await.unwrap();
        if tag == b'E' {
            for field in body
                .split(|byte| *byte == 0)
                .filter(|field| !field.is_empty())
            {
                fields.insert(field[0], String::from_utf8_lossy(&field[1..]).into_owned());
            }
        }
        if tag == b'Z' {
            return [b'C', b'M', b'P'].map(|kind| fields.remove(&kind).unwrap_or_default());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_sql_is_told_as_the_server_tells_it_and_recorded() {
    let house = House::open(vec![open_policy()]).await;
    let mut here = Client::log_in(house.address).await;
    let server = SocketAddr::from(([127, 0, 0, 1], house.server.port));
    let mut there = Client::log_in(server).await;
    let texts = [
        "SELEC 1",
        "SELECT 1 FROM FROM t",
        "SELECT 1 FROM",
        "SELECT 1,   ",
        "SELECT 'a' 'b'",
        "SELECT 'open",
        "SELECT \"open",
        "SELECT $$open",
        "SELECT /* open",
        "SELECT 'ä', 'ö' frm t whre",
        "INSERT INTO t VALUES (1)) -- )",
        "SELECT 1; SELECT 2 2",
        "CREATE TABLE t (a int,)",
        "SELECT \"\"",
        "ALTER ROLE x PASSWORD 'hunter2' 'nonsense'",
    ];
    for text in texts {
        let mut simple = Vec::new();
        write::query(&mut simple, text.as_bytes());
        let mut extended = Vec::new();
        write::parse(&mut extended, b"", text.as_bytes());
        write::sync(&mut extended);
        for bytes in [simple, extended] {
            let expected = error(&mut there, &bytes).await;
            assert_eq!(expected[0], "42601", "{text}");
            assert_eq!(error(&mut here, &bytes).await, expected, "{text}");
        }
    }
    assert_eq!(
        here.line(&["Q SELECT 1", "= 1"]).await,
        "T(?column?) D(1) C(SELECT 1) Z(I)"
    );
    let operations = house.bed.operations();
    let refused: Vec<_> = operations
        .iter()
        .filter(|one| one.decision == "deny")
        .collect();
    assert_eq!(refused.len(), 2 * texts.len());
    for one in &refused {
        let told = format!("{one:?}");
        assert!(
            told.contains("Unparsable") && !told.contains("hunter2"),
            "{told}"
        );
    }
    assert!(format!("{:?}", refused[0]).contains("SELEC 1"));
}

use super::*;

fn configuration(bundles: &[Option<&str>]) -> Value {
    let webhook = |(index, bundle): (usize, &Option<&str>)| {
        let mut config = json!({"service": {"name": SERVICE}});
        if let Some(bundle) = bundle {
            config["caBundle"] = json!(bundle);
        }
        json!({"name": format!("w{index}"), "clientConfig": config})
    };
    let webhooks: Vec<Value> = bundles.iter().enumerate().map(webhook).collect();
    json!({"webhooks": webhooks})
}

#[test]
fn a_configuration_that_is_told_the_ca_is_left_alone() {
    let none: Vec<String> = Vec::new();
    assert_eq!(stale(&configuration(&[Some("CA"), Some("CA")]), "CA"), none);
    assert_eq!(stale(&json!({}), "CA"), none);
}

#[test]
fn all_webhooks_are_told_where_one_is_not() {
    // An apply of one alone would take the others' away.
    for told in [None, Some("old"), Some("")] {
        let found = stale(&configuration(&[Some("CA"), told]), "CA");
        assert_eq!(found, ["w0", "w1"]);
    }
}

#[test]
fn the_certificate_is_for_the_names_that_the_api_server_dials() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let authority = Authority::new(now).unwrap();
    let leaf = authority.issue(&names(), now).unwrap();
    assert!(authority.keeps(&leaf.to_data(), &names(), now));
    assert!(!authority.keeps(&leaf.to_data(), &["other.svc".to_owned()], now));
    assert!(server_config(&leaf).is_ok());
    assert_eq!(names()[0], "portcullis-webhook.portcullis-system.svc");
}

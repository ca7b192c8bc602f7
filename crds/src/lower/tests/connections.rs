//! Connections under their classes.

use super::*;

fn lower_connection(
    change: &Value,
    class: &Value,
) -> Result<connection::LoweredConnection, Vec<FieldError>> {
    connection::lower(&connection_of(change), &class_of(class), &BTreeMap::new())
}

#[test]
fn a_connection_keeps_to_its_class() {
    let nothing = json!({});
    let class = json!({"allowedNamespaces": {"names": ["team-*"]}});
    assert_eq!(
        fields(lower_connection(&nothing, &class)),
        ["spec.className"]
    );
    let class = json!({"allowedUpstreams": [{"host": "*.db.internal"}]});
    assert_eq!(
        fields(lower_connection(&nothing, &class)),
        ["spec.upstream.host"]
    );
    let class = json!({"allowedUpstreams": [{"host": "ORDERS.internal", "ports": [5433]}]});
    assert_eq!(
        fields(lower_connection(&nothing, &class)),
        ["spec.upstream.host"]
    );
    let class = json!({
        "allowedUpstreams": [{"host": "ORDERS.internal", "ports": [5432]}],
        "allowedNamespaces": {"names": ["sh?p"]},
    });
    let lowered = lower_connection(&nothing, &class).unwrap();
    assert_eq!((lowered.port, lowered.upstream_port), (5432, 5432));
    assert!(lowered.databases[0].matches("orders") && !lowered.databases[0].matches("other"));
}

#[test]
fn recording_is_only_ever_tightened() {
    let class = json!({"recording": {
        "payloads": "Capped", "onFailure": "Deny", "durability": "Strict", "retention": "100h",
    }});
    let over = |recording: Value| lower_connection(&json!({"recording": recording}), &class);
    let lowered = over(json!({"payloads": "Full", "retention": "200h"}))
        .unwrap()
        .recording;
    assert_eq!(lowered.payloads, Payloads::Full);
    assert_eq!(lowered.retention.unwrap().as_secs(), 720_000);
    assert_eq!(
        fields(over(json!({
            "payloads": "Metadata", "onFailure": "Allow", "durability": "Batched", "retention": "99h",
        }))),
        [
            "spec.recording.payloads",
            "spec.recording.onFailure",
            "spec.recording.durability",
            "spec.recording.retention",
        ]
    );
}

#[test]
fn opening_a_session_cannot_depend_on_an_operation() {
    let with = |expression: &str| {
        lower_connection(&json!({"access": {"expression": expression}}), &json!({}))
    };
    assert_eq!(
        fields(with("operation.verb == 'SELECT'")),
        ["spec.access.expression"]
    );
    assert_eq!(
        fields(with("subject.username =")),
        ["spec.access.expression"]
    );
    assert!(with("subject.claims.mfa == true").is_ok());
}

#[test]
fn an_unsupported_protocol_is_refused_by_name() {
    let errors = lower_connection(&json!({"protocol": "MySQL"}), &json!({})).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "spec.protocol: MySQL is not supported by this version; write PostgreSQL"
    );
}

#[test]
fn keys_are_not_fetched_over_plain_http() {
    let issuer = |change: Value| {
        let base =
            json!({"issuer": "http://idp.example", "audiences": ["a"], "usernamePrefix": ""});
        class::check(&class_of(
            &json!({"identity": {"oidc": [merged(base, &change)]}}),
        ))
    };
    assert_eq!(fields(issuer(json!({}))), ["spec.identity.oidc[0].issuer"]);
    for elsewhere in [
        "http://127.0.0.1.evil.example/keys",
        "http://localhost:x@evil.example/keys",
        "http://localhost:80@evil.example/keys",
        "http://localhost@evil.example",
        "http://[::1]@evil.example/keys",
        "http://[::1].evil.example",
        "http://[::1",
        "http://localhost:",
        "HTTP://localhost",
    ] {
        assert_eq!(
            fields(issuer(json!({"jwksUri": elsewhere}))),
            ["spec.identity.oidc[0].jwksUri"],
            "{elsewhere}"
        );
    }
    for fine in [
        json!({"jwksUri": "http://localhost?keys"}),
        json!({"jwksUri": "http://[::1]:9000/keys"}),
        json!({"issuer": "https://idp.example"}),
        json!({"jwksUri": "http://127.0.0.1:8080/keys"}),
        json!({"jwksUri": "http://[::1]/keys"}),
        json!({"jwks": {"keys": [{"kty": "EC"}]}}),
    ] {
        assert_eq!(issuer(fine.clone()), Ok(()), "{fine}");
    }
}

#[test]
fn an_api_key_opens_only_the_connections_that_it_names() {
    let patterns = vec!["shop/orders-*".to_owned()];
    assert!(class::key_opens(&patterns, "shop", "orders-db"));
    assert!(!class::key_opens(&patterns, "shop", "payments"));
    assert!(!class::key_opens(&patterns, "other", "orders-db"));
    assert!(class::key_opens(&[], "any", "thing"));
}

#[test]
fn an_upstream_cannot_pass_its_class_in_another_spelling() {
    let class = json!({"allowedUpstreams": [
        {"host": "10.*"}, {"host": "fd00:0::7", "ports": [5432]}, {"host": "*.DB.internal"},
    ]});
    let dial = |host: &str| {
        let upstream = json!({"upstream": {"host": host, "database": "orders"}});
        lower_connection(&upstream, &class)
    };
    for (host, dialled) in [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("FD00::0:7", "fd00::7"),
        ("Orders.db.INTERNAL", "orders.db.internal"),
    ] {
        assert_eq!(dial(host).unwrap().upstream_host, dialled);
    }
    for host in [
        "10.evil.example",
        "evil.example",
        "orders.db.internal.",
        "evil.example:5432.db.internal",
        "[fd00::7]",
        "fd00::8",
        "10.1",
    ] {
        assert_eq!(fields(dial(host)), ["spec.upstream.host"], "{host}");
    }
    let ported = class_of(&json!({"allowedUpstreams": [{"host": "a.internal:5432"}]}));
    assert_eq!(
        fields(class::check(&ported)),
        ["spec.allowedUpstreams[0].host"]
    );
}

#[test]
fn the_largest_message_is_64_mebibytes_or_what_is_said_within_bounds() {
    let with = |sessions: Value| {
        let lowered = lower_connection(&json!({"sessions": sessions}), &json!({}));
        lowered.map(|lowered| lowered.sessions.max_message_size)
    };
    let nothing = lower_connection(&json!({}), &json!({})).unwrap();
    assert_eq!(nothing.sessions.max_message_size, 64 << 20);
    assert_eq!(with(json!({"maxConcurrent": 2})).unwrap(), 64 << 20);
    for (text, size) in [("1Mi", 1 << 20), ("1024Ki", 1 << 20), ("1Gi", 1 << 30)] {
        assert_eq!(with(json!({"maxMessageSize": text})).unwrap(), size);
    }
    for text in ["1023Ki", "1025Mi"] {
        let refused = with(json!({"maxMessageSize": text}));
        assert_eq!(fields(refused), ["spec.sessions.maxMessageSize"], "{text}");
    }
}

use super::*;
use portcullis_policy::limit::{LimitKind, Standing};

fn full() -> Denial {
    Denial {
        policy: Some(Arc::new(ObjectName::new("shop", "agents"))),
        rule: Some("no-ddl".into()),
        approval_request: Some("orders-0123-1".into()),
        retry_after: Some(Duration::from_millis(1_001)),
        session: Some(SessionId::new([0xab; 16])),
        ..Denial::new(Class::PolicyDenied, "no \"DDL\"", "ask")
    }
}

#[test]
fn agents_read_all_parts_in_one_order() {
    assert_eq!(
        full().to_json(),
        concat!(
            r#"{"class":"PolicyDenied","policy":"shop/agents","rule":"no-ddl","#,
            r#""message":"no \"DDL\"","remediation":"ask","approvalRequest":"orders-0123-1","#,
            r#""retryAfterSeconds":2,"sessionId":"abababababababababababababababab"}"#
        )
    );
}

#[test]
fn absent_parts_are_left_out() {
    assert_eq!(
        Denial::new(Class::TooLarge, "m", "r").to_json(),
        r#"{"class":"TooLarge","message":"m","remediation":"r"}"#
    );
}

#[test]
fn a_limit_says_when_it_is_worth_to_come_back() {
    let standing = Standing {
        kind: LimitKind::Operations,
        source: ObjectName::new("shop", "agents").into(),
        max: 5,
        left: 0,
        frees_in: Some(Duration::from_secs(3)),
    };
    let denial = Denial::of_limit(&Refusal::Exceeded(standing.clone()));
    assert_eq!(denial.class, Class::LimitExceeded);
    assert_eq!(denial.retry_after, Some(Duration::from_secs(3)));
    assert_eq!(
        denial.message,
        "limit of 5 operations set by shop/agents is reached"
    );
    let never = Standing {
        frees_in: None,
        ..standing
    };
    let denial = Denial::of_limit(&Refusal::Exceeded(never));
    assert_eq!(denial.retry_after, None);
    assert!(!denial.remediation.is_empty());
}

#[test]
fn people_read_class_message_and_rule() {
    assert_eq!(
        full().to_string(),
        "PolicyDenied: no \"DDL\" (shop/agents, rule no-ddl)"
    );
}

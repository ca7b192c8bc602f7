use super::*;

fn subject(owner: Option<&str>, actor: Option<&str>) -> Subject {
    Subject {
        username: "alice".into(),
        owner: owner.map(str::to_owned),
        actor: actor.map(str::to_owned),
        ..Subject::default()
    }
}

#[test]
fn the_person_who_answers_is_named_beside_who_asks() {
    let named = |owner, actor| people(&subject(owner, actor));
    assert_eq!(named(None, None), ("alice".into(), None));
    assert_eq!(
        named(Some("carol"), None),
        ("alice".into(), Some("carol".into()))
    );
    assert_eq!(
        named(None, Some("agent-7")),
        ("agent-7".into(), Some("alice".into()))
    );
    assert_eq!(named(Some("alice"), None), ("alice".into(), None));
}

#[test]
fn a_service_account_asks_only_where_a_person_answers_for_it() {
    let mut account = subject(None, None);
    account.username = "system:serviceaccount:shop:importer".into();
    let denial = answered_for(&account).unwrap_err();
    assert_eq!(denial.class, Class::AccessDenied);
    assert!(
        denial
            .message
            .contains("system:serviceaccount:shop:importer"),
        "{denial:?}"
    );
    // An agent that acts for it is no person either.
    account.actor = Some("agent-7".into());
    answered_for(&account).unwrap_err();
    account.owner = Some("carol".into());
    answered_for(&account).unwrap();
    answered_for(&subject(None, None)).unwrap();
    let mut workload = subject(None, None);
    workload.is_workload = true;
    let denial = answered_for(&workload).unwrap_err();
    assert_eq!(denial.class, Class::AccessDenied);
    assert!(denial.message.contains("certificate"), "{denial:?}");
    answered_for(&subject(None, Some("agent-7"))).unwrap();
}

#[test]
fn no_standing_but_approved_is_a_grant() {
    for standing in [
        Standing::Pending,
        Standing::Expired,
        Standing::Withdrawn,
        Standing::Consumed,
    ] {
        let denial = of_standing(&standing, "shop", "r-1");
        assert_eq!(denial.class, Class::ApprovalRequired, "{standing:?}");
        assert_eq!(denial.approval_request.as_deref(), Some("r-1"));
    }
}

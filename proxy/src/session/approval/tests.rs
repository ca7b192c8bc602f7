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

fn asked_for() -> WantedApproval {
    WantedApproval {
        namespace: "shop".into(),
        connection: "orders".into(),
        connection_uid: "uid-1".into(),
        address: "db.internal:5432".into(),
        policy: ("shop".into(), "approve".into()),
        generation: 7,
        rule: "writes".into(),
        requester: "agent".into(),
        on_behalf_of: None,
        issuer: String::new(),
        hash: String::new(),
        summary: String::new(),
        verb: "UPDATE".into(),
        effects: vec!["Write"],
        resources: Vec::new(),
        flags: Vec::new(),
        attributes: std::collections::BTreeMap::new(),
        text: String::new(),
        masked_values: 0,
        terms: ApprovalTerms {
            required: 1,
            grant: portcullis_policy::Grant::OneShot,
            wait: Wait::Reject,
            expires_after: Duration::from_secs(900),
        },
        bounds: crate::session::ports::ApprovalBounds {
            max_pending_per_subject: 1,
            ttl_after_finished: Duration::from_secs(60),
            required_extra: std::collections::BTreeMap::new(),
        },
    }
}

#[test]
fn no_standing_but_approved_is_a_grant() {
    for standing in [
        Standing::Pending,
        Standing::Expired,
        Standing::Withdrawn,
        Standing::Consumed,
    ] {
        let denial = of_standing(&standing, &asked_for(), "r-1");
        assert_eq!(denial.class, Class::ApprovalRequired, "{standing:?}");
        assert_eq!(denial.approval_request.as_deref(), Some("r-1"));
        let by = |denial: &Denial| {
            let policy = denial.policy.as_ref().map(ToString::to_string);
            (policy, denial.rule.as_deref().map(str::to_owned))
        };
        assert_eq!(
            by(&denial),
            (Some("shop/approve".into()), Some("writes".into()))
        );
    }
}

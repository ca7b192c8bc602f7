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

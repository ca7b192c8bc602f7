use super::*;

#[test]
fn stale_policies_refuse_each_operation_and_end_no_session() {
    let allow = Rule {
        action: Action::Allow,
        ..deny("allow", verb("SELECT"))
    };
    let mut parts = parts(vec![policy("p", vec![allow])]);
    let select = operation("SELECT");
    let fresh = Snapshot::compile(parts.clone()).unwrap();
    assert_eq!(decide(&fresh, "alice", &select).verdict, Verdict::Allow);
    assert_eq!(fresh.stale(), None);
    parts.stale = true;
    let stale = Snapshot::compile(parts).unwrap();
    let decision = decide(&stale, "alice", &select);
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(decision.reason, stale.stale());
    assert_eq!(stale.stale().unwrap().class, Class::PolicyUnavailable);
    let admission = stale.admit(&subject("alice"), &session(), std::time::UNIX_EPOCH);
    assert_eq!(admission.refusal, None);
}

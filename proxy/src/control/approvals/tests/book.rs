use super::*;

fn book() -> (tempfile::TempDir, Book) {
    let folder = tempfile::tempdir().unwrap();
    let book = open(folder.path(), start());
    (folder, book)
}

fn pending(book: &mut Book, wanted: &WantedApproval) -> String {
    let (name, standing) = book.request(wanted, start()).unwrap();
    assert_eq!(standing, Standing::Pending);
    name
}

#[test]
fn a_name_tells_the_connection_and_counts() {
    let (_folder, mut book) = book();
    let mut wanted = wanted();
    wanted.connection = format!("{}.tail", "a".repeat(39));
    let name = pending(&mut book, &wanted);
    let (stem, number) = name.rsplit_once('-').unwrap();
    let (connection, hash) = stem.rsplit_once('-').unwrap();
    // A cut at the dot would make no name.
    assert_eq!(connection, "a".repeat(39));
    assert_eq!((hash.len(), number), (16, "1"));
    assert!(hash.chars().all(|c| c.is_ascii_hexdigit()));
    let mut other = wanted.clone();
    other.requester = "agent-8".to_owned();
    assert_ne!(pending(&mut book, &other), name);
}

#[test]
fn a_retry_finds_the_request_until_it_is_over() {
    let (_folder, mut book) = book();
    let wanted = wanted();
    let name = pending(&mut book, &wanted);
    assert_eq!(pending(&mut book, &wanted), name);
    book.decide(&said(Verb::Approve, &name, "carol"), after(1), recorded)
        .unwrap();
    let (again, standing) = book.request(&wanted, after(2)).unwrap();
    assert_eq!((again, standing), (name.clone(), approved(&["carol"])));
    assert_eq!(
        book.claim(&name, &wanted, "e1", after(3)).unwrap(),
        approved(&["carol"])
    );
    let (next, standing) = book.request(&wanted, after(4)).unwrap();
    assert_eq!(standing, Standing::Pending);
    assert!(next.ends_with("-2") && next != name);
}

#[test]
fn one_shot_is_claimed_once() {
    let (_folder, mut book) = book();
    let wanted = wanted();
    let name = pending(&mut book, &wanted);
    assert_eq!(
        book.claim(&name, &wanted, "e0", start()).unwrap(),
        Standing::Pending
    );
    book.decide(&said(Verb::Approve, &name, "carol"), start(), recorded)
        .unwrap();
    assert_eq!(
        book.claim(&name, &wanted, "e1", after(1)).unwrap(),
        approved(&["carol"])
    );
    assert_eq!(
        book.claim(&name, &wanted, "e2", after(1)).unwrap(),
        Standing::Consumed
    );
}

#[test]
fn a_time_box_opens_until_its_end_and_no_longer() {
    let (_folder, mut book) = book();
    let wanted = wanted_by(
        1,
        Grant::TimeBoxed {
            max: Duration::from_secs(60),
        },
    );
    let name = pending(&mut book, &wanted);
    book.decide(&said(Verb::Approve, &name, "carol"), after(10), recorded)
        .unwrap();
    for second in [10, 69] {
        let claimed = book.claim(&name, &wanted, "e", after(second)).unwrap();
        assert_eq!(claimed, approved(&["carol"]));
    }
    assert_eq!(
        book.claim(&name, &wanted, "e", after(70)).unwrap(),
        Standing::Expired
    );
}

#[test]
fn a_quorum_is_of_different_people() {
    let (_folder, mut book) = book();
    let wanted = wanted_by(2, Grant::OneShot);
    let name = pending(&mut book, &wanted);
    let first = book.decide(&said(Verb::Approve, &name, "carol"), start(), recorded);
    assert_eq!(first.unwrap(), Standing::Pending);
    let again = book.decide(&said(Verb::Approve, &name, "Carol"), start(), recorded);
    assert_eq!(again, Err(DecideError::ApprovedAlready("Carol".to_owned())));
    let second = book.decide(&said(Verb::Approve, &name, "bob"), start(), recorded);
    assert_eq!(second.unwrap(), approved(&["carol", "bob"]));
}

#[test]
fn what_only_an_api_server_knows_of_an_approver_cannot_be_shown_here() {
    let (_folder, mut book) = book();
    let mut wanted = wanted();
    let mfa = ("acr".to_owned(), vec!["mfa".to_owned()]);
    wanted.bounds.required_extra.extend([mfa]);
    let name = pending(&mut book, &wanted);
    let refused = book.decide(&said(Verb::Approve, &name, "carol"), start(), recorded);
    assert_eq!(refused, Err(DecideError::CannotShow("acr".to_owned())));
    let denied = book.decide(&said(Verb::Deny, &name, "carol"), start(), recorded);
    assert!(matches!(denied, Ok(Standing::Denied { .. })), "{denied:?}");
}

#[test]
fn nobody_approves_their_own_and_no_machine_approves() {
    let (_folder, mut book) = book();
    let name = pending(&mut book, &wanted());
    for own in ["agent-7", "AGENT-7", "oidc:alice@example.com"] {
        let refused = book.decide(&said(Verb::Approve, &name, own), start(), recorded);
        assert_eq!(refused, Err(DecideError::OwnRequest(own.to_owned())));
    }
    let machine = "system:serviceaccount:agents:nightly";
    let refused = book.decide(&said(Verb::Approve, &name, machine), start(), recorded);
    assert_eq!(refused, Err(DecideError::NotAPerson(machine.to_owned())));
    // Whoever asked may take it back.
    let denied = book.decide(
        &said(Verb::Deny, &name, "oidc:alice@example.com"),
        start(),
        recorded,
    );
    assert!(matches!(denied, Ok(Standing::Denied { .. })));
}

#[test]
fn a_denial_beats_every_approval() {
    let (_folder, mut book) = book();
    let wanted = wanted_by(2, Grant::OneShot);
    let name = pending(&mut book, &wanted);
    book.decide(&said(Verb::Approve, &name, "carol"), start(), recorded)
        .unwrap();
    let denied = book
        .decide(&said(Verb::Deny, &name, "bob"), start(), recorded)
        .unwrap();
    assert_eq!(
        denied,
        Standing::Denied {
            by: "bob".to_owned(),
            reason: "because".to_owned()
        }
    );
    let late = book.decide(&said(Verb::Approve, &name, "dave"), start(), recorded);
    assert_eq!(late, Err(DecideError::Final("Denied")));
    assert_eq!(book.claim(&name, &wanted, "e", start()).unwrap(), denied);
}

#[test]
fn a_revocation_takes_an_approval_back_before_it_is_used() {
    for verb in [Verb::Revoke, Verb::Deny] {
        let (_folder, mut book) = book();
        let wanted = wanted();
        let name = pending(&mut book, &wanted);
        book.decide(&said(Verb::Approve, &name, "carol"), start(), recorded)
            .unwrap();
        book.decide(&said(verb, &name, "bob"), start(), recorded)
            .unwrap();
        let claimed = book.claim(&name, &wanted, "e", start()).unwrap();
        assert!(matches!(claimed, Standing::Revoked { by, .. } if by == "bob"));
    }
}

#[test]
fn a_denial_is_told_for_ten_minutes_and_then_it_can_be_asked_anew() {
    let (_folder, mut book) = book();
    let wanted = wanted();
    let name = pending(&mut book, &wanted);
    book.decide(&said(Verb::Deny, &name, "bob"), start(), recorded)
        .unwrap();
    let (again, standing) = book.request(&wanted, after(599)).unwrap();
    assert!(again == name && matches!(standing, Standing::Denied { .. }));
    let (next, standing) = book.request(&wanted, after(600)).unwrap();
    assert!(next.ends_with("-2") && standing == Standing::Pending);
}

#[test]
fn a_request_expires_at_its_deadline() {
    let (_folder, mut book) = book();
    let wanted = wanted();
    let name = pending(&mut book, &wanted);
    let watch = book.watch(&name).unwrap();
    book.sweep(after(899));
    assert_eq!(*watch.borrow(), Standing::Pending);
    book.sweep(after(900));
    assert_eq!(*watch.borrow(), Standing::Expired);
    let late = book.decide(&said(Verb::Approve, &name, "carol"), after(900), recorded);
    assert_eq!(late, Err(DecideError::Final("Expired")));
}

#[test]
fn an_unused_approval_expires_too() {
    let (_folder, mut book) = book();
    let wanted = wanted();
    let name = pending(&mut book, &wanted);
    book.decide(&said(Verb::Approve, &name, "carol"), after(899), recorded)
        .unwrap();
    assert_eq!(
        book.claim(&name, &wanted, "e", after(900)).unwrap(),
        Standing::Expired
    );
}

#[test]
fn an_operation_that_differs_in_anything_is_refused() {
    let (_folder, mut book) = book();
    let wanted = wanted();
    let name = pending(&mut book, &wanted);
    book.decide(&said(Verb::Approve, &name, "carol"), start(), recorded)
        .unwrap();
    let changes: [fn(&mut WantedApproval); 9] = [
        |it| it.hash = "cd".repeat(32),
        |it| it.requester = "agent-8".to_owned(),
        |it| it.namespace = "other".to_owned(),
        |it| it.address = "evil.internal:5432".to_owned(),
        |it| it.text.push(' '),
        |it| it.rule = "other".to_owned(),
        |it| it.terms.required = 2,
        |it| {
            it.terms.grant = Grant::TimeBoxed {
                max: Duration::from_secs(60),
            }
        },
        |it| it.on_behalf_of = None,
    ];
    for change in changes {
        let mut other = wanted.clone();
        change(&mut other);
        let refused = book.claim(&name, &other, "e", after(1));
        assert_eq!(refused, Err(ApprovalsRefused::Mismatch(name.clone())));
    }
    // The deadline and how long it is kept are no part of what was approved.
    let mut later = wanted.clone();
    later.terms.expires_after = Duration::from_secs(1_800);
    later.bounds.ttl_after_finished = Duration::from_secs(7_200);
    assert_eq!(
        book.claim(&name, &later, "e", after(1)).unwrap(),
        approved(&["carol"])
    );
}

#[test]
fn an_edited_policy_leads_to_a_new_request_and_ends_the_old_one() {
    let (_folder, mut book) = book();
    let name = pending(&mut book, &wanted());
    let watch = book.watch(&name).unwrap();
    let (next, standing) = book
        .request(&wanted_by(2, Grant::OneShot), after(1))
        .unwrap();
    assert!(next.ends_with("-2") && standing == Standing::Pending);
    assert_eq!(*watch.borrow(), Standing::Withdrawn);
}

#[test]
fn pending_requests_of_a_subject_are_bounded() {
    let (_folder, mut book) = book();
    let asks = |hash: &str| {
        let mut wanted = wanted();
        wanted.hash = hash.repeat(32);
        wanted
    };
    let name = pending(&mut book, &asks("01"));
    pending(&mut book, &asks("02"));
    let refused = book.request(&asks("03"), start());
    assert_eq!(refused, Err(ApprovalsRefused::TooManyPending(2)));
    let mut other = asks("03");
    other.requester = "agent-8".to_owned();
    pending(&mut book, &other);
    book.withdraw(&name, start()).unwrap();
    pending(&mut book, &asks("03"));
}

#[test]
fn an_approval_that_is_not_recorded_does_not_count_and_a_denial_does() {
    let (_folder, mut book) = book();
    let wanted = wanted();
    let name = pending(&mut book, &wanted);
    let full = |_: &Decision| Err("the spool is full".to_owned());
    let refused = book.decide(&said(Verb::Approve, &name, "carol"), start(), full);
    assert!(matches!(refused, Err(DecideError::Unrecorded(_))));
    assert_eq!(
        book.claim(&name, &wanted, "e", start()).unwrap(),
        Standing::Pending
    );
    let told = book.decide(&said(Verb::Deny, &name, "carol"), start(), full);
    assert!(matches!(told, Err(DecideError::Unrecorded(_))));
    let claimed = book.claim(&name, &wanted, "e", start()).unwrap();
    assert!(matches!(claimed, Standing::Denied { .. }));
}

#[test]
fn a_reason_is_taken_to_its_limit_and_refused_past_it() {
    let (_folder, mut book) = book();
    let name = pending(&mut book, &wanted());
    let mut decision = said(Verb::Approve, &name, "carol");
    decision.reason = "ä".repeat(MAX_REASON + 1);
    let refused = book.decide(&decision, start(), recorded);
    assert_eq!(refused, Err(DecideError::ReasonTooLong));
    decision.reason = "ä".repeat(MAX_REASON);
    assert!(book.decide(&decision, start(), recorded).is_ok());
}

#[test]
fn what_cannot_be_shown_whole_is_refused() {
    let (_folder, mut book) = book();
    let mut wanted = wanted();
    wanted.text = "x".repeat(16 * 1024);
    pending(&mut book, &wanted);
    wanted.hash = "cd".repeat(32);
    wanted.text.push('x');
    let refused = book.request(&wanted, start());
    assert!(
        matches!(refused, Err(ApprovalsRefused::Unavailable(_))),
        "{refused:?}"
    );
}

use super::*;

#[tokio::test]
async fn all_replicas_ask_under_one_name() {
    let mut bed = Bed::new().await;
    let (one, other) = (bed.replica("a").await, bed.replica("b").await);
    let wanted = wanted();
    let asked = tokio::join!(one.request(&wanted), other.request(&wanted));
    let ((name, standing), second) = (asked.0.unwrap(), asked.1.unwrap());
    assert_eq!(standing, Standing::Pending);
    assert_eq!(second, (name.clone(), Standing::Pending));
    assert_eq!(bed.api.names(), std::slice::from_ref(&name));
    let made = bed.api.get(&name);
    let owner = &made["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["uid"]),
        (&json!("Connection"), &json!("5d3c1f5e"))
    );
    assert_eq!(
        made["spec"]["requester"]["onBehalfOf"],
        "oidc:Alice@example.com"
    );
}

#[tokio::test]
async fn who_waits_is_told_of_an_approval_at_once_and_of_its_absence() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let (name, _) = replica.request(&wanted()).await.unwrap();
    let waiting = {
        let (replica, name) = (replica.clone(), name.clone());
        tokio::spawn(async move { replica.decided("shop", &name).await })
    };
    let watched = replica.clone();
    let seen = name.clone();
    until(move || watched.seen(&seen).is_some()).await;
    bed.approve(&name, &["carol"], (0, 900));
    assert_eq!(waiting.await.unwrap().unwrap(), approved(&["carol"]));
    bed.api.remove(&name);
    let gone = replica.clone();
    let seen = name.clone();
    until(move || gone.seen(&seen).is_none()).await;
    replica.decided("shop", &name).await.unwrap_err();
}

#[tokio::test]
async fn who_waits_is_told_when_the_deadline_passes_here() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let (name, _) = replica.request(&wanted()).await.unwrap();
    bed.pass(900);
    let decided = replica.decided("shop", &name).await.unwrap();
    assert_eq!(decided, Standing::Expired);
}

#[tokio::test]
async fn a_request_that_is_finished_is_followed_by_the_next_number() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let (first, _) = replica.request(&wanted()).await.unwrap();
    replica.withdraw("shop", &first).await.unwrap();
    assert!(bed.api.get(&first)["status"]["usage"]["withdrawnAt"].is_string());
    let (watched, name) = (replica.clone(), first.clone());
    until(move || {
        let seen = watched.seen(&name);
        seen.is_some_and(|seen| standing(&seen, start()) == Standing::Withdrawn)
    })
    .await;
    let (second, standing) = replica.request(&wanted()).await.unwrap();
    assert_eq!(standing, Standing::Pending);
    assert_eq!(
        (parse(&first).unwrap().1, parse(&second).unwrap().1),
        (1, 2)
    );
}

#[tokio::test]
async fn a_denial_is_given_for_ten_minutes_and_then_asked_again() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let (name, _) = replica.request(&wanted()).await.unwrap();
    bed.api.edit(&name, |object| {
        object["status"]["state"] = json!("Denied");
        object["status"]["decisions"] =
            json!([{ "username": "bob", "decision": "Deny", "reason": "no" }]);
        object["status"]["conditions"] = json!([{
            "type": "Denied", "status": "True", "reason": "DeniedByApprover", "message": "",
            "lastTransitionTime": at(0),
        }]);
    });
    let denied = Standing::Denied {
        by: "bob".to_owned(),
        reason: "no".to_owned(),
    };
    replica.decided("shop", &name).await.unwrap();
    bed.pass(599);
    let asked = replica.request(&wanted()).await.unwrap();
    assert_eq!(asked, (name.clone(), denied));
    bed.pass(1);
    let (next, standing) = replica.request(&wanted()).await.unwrap();
    assert_eq!((parse(&next).unwrap().1, standing), (2, Standing::Pending));
}

#[tokio::test]
async fn a_request_on_other_terms_is_withdrawn_and_asked_anew() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let (name, _) = replica.request(&wanted()).await.unwrap();
    let mut stricter = wanted();
    stricter.terms.required = 2;
    let (next, _) = replica.request(&stricter).await.unwrap();
    assert_ne!(next, name);
    assert!(bed.api.get(&name)["status"]["usage"]["withdrawnAt"].is_string());
    assert_eq!(bed.api.get(&next)["spec"]["requiredApprovals"], 2);
}

#[tokio::test]
async fn a_subject_has_so_many_requests_waiting_and_no_more() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    for (number, hash) in ["11", "22"].into_iter().enumerate() {
        let mut wanted = wanted();
        wanted.hash = hash.repeat(32);
        replica.request(&wanted).await.unwrap();
        let watched = replica.clone();
        until(move || watched.watched().objects.len() == number + 1).await;
    }
    let refused = replica.request(&wanted()).await.unwrap_err();
    assert_eq!(refused, ApprovalsRefused::TooManyPending(2));
    let mut another = wanted();
    another.requester = "agent-8".to_owned();
    replica.request(&another).await.unwrap();
}

#[tokio::test]
async fn who_cannot_be_told_from_an_approver_asks_for_nothing() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let mut by_certificate = wanted();
    by_certificate.on_behalf_of = None;
    by_certificate.issuer = crate::identity::mtls::ISSUER.to_owned();
    let mut beyond_ascii = wanted();
    beyond_ascii.on_behalf_of = Some("oidc:Émile@example.com".to_owned());
    for wanted in [by_certificate, beyond_ascii] {
        let refused = replica.request(&wanted).await.unwrap_err();
        assert!(matches!(refused, ApprovalsRefused::Ambiguous(_)));
    }
    assert_eq!(bed.api.names(), [""; 0]);
    // In small letters both compare alike.
    let mut lower = wanted();
    lower.on_behalf_of = Some("oidc:émile@example.com".to_owned());
    replica.request(&lower).await.unwrap();
}

use super::*;

async fn granted(bed: &Bed, replica: &Requests) -> String {
    let (name, standing) = replica.request(&wanted()).await.unwrap();
    assert_eq!(standing, Standing::Pending);
    bed.approve(&name, &["carol"], (0, 900));
    let (watched, seen) = (replica.clone(), name.clone());
    until(move || {
        let request = watched.seen(&seen);
        request.is_some_and(|it| standing::standing(&it, start()) == approved(&["carol"]))
    })
    .await;
    name
}

#[tokio::test]
async fn of_twenty_executions_on_three_replicas_one_gets_the_grant() {
    let mut bed = Bed::new().await;
    let mut replicas = Vec::new();
    for name in ["a", "b", "c"] {
        replicas.push(bed.replica(name).await);
    }
    let name = granted(&bed, &replicas[0]).await;
    let executions = (0..20).map(|number| {
        let (replica, name) = (replicas[number % 3].clone(), name.clone());
        tokio::spawn(async move {
            let (wanted, execution) = (wanted(), format!("run-{number}"));
            replica.claim(&name, &wanted, &execution).await.unwrap()
        })
    });
    let mut got = 0;
    for execution in executions.collect::<Vec<_>>() {
        match execution.await.unwrap() {
            Standing::Approved { .. } => got += 1,
            other => assert_eq!(other, Standing::Consumed),
        }
    }
    assert_eq!(got, 1);
    let claimed_by = bed.api.get(&name)["status"]["usage"]["claimedBy"].clone();
    assert!(claimed_by.as_str().unwrap().starts_with("uid-of-"));
}

#[tokio::test]
async fn who_is_overtaken_looks_again_and_takes_a_grant_that_is_still_free() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let name = granted(&bed, &replica).await;
    // Once by what the watch told, and then live.
    for _ in 0..MAX_ATTEMPTS {
        bed.api.fail(Fault::Overtaken);
    }
    let claimed = replica.claim(&name, &wanted(), "run").await.unwrap();
    assert_eq!(claimed, approved(&["carol"]));
}

#[tokio::test]
async fn a_request_that_is_written_all_the_time_is_given_up() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let name = granted(&bed, &replica).await;
    for _ in 0..=MAX_ATTEMPTS {
        bed.api.fail(Fault::Overtaken);
    }
    replica.claim(&name, &wanted(), "run").await.unwrap_err();
    assert_eq!(bed.api.get(&name)["status"].get("usage"), None);
}

#[tokio::test]
async fn a_claim_whose_outcome_is_not_known_burns_the_grant() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let name = granted(&bed, &replica).await;
    bed.api.fail(Fault::DoneUntold);
    let refused = replica.claim(&name, &wanted(), "run").await.unwrap_err();
    assert!(matches!(refused, ApprovalsRefused::Unavailable(_)));
    let again = replica.claim(&name, &wanted(), "run").await.unwrap();
    assert_eq!(again, Standing::Consumed);
}

#[tokio::test]
async fn a_failure_of_the_api_server_is_no_grant() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let name = granted(&bed, &replica).await;
    bed.api.fail(Fault::Unavailable);
    replica.claim(&name, &wanted(), "run").await.unwrap_err();
    bed.api.go_away(true);
    replica.claim(&name, &wanted(), "run").await.unwrap_err();
    replica.withdraw("shop", &name).await.unwrap_err();
    let mut other = wanted();
    other.hash = "cd".repeat(32);
    replica.request(&other).await.unwrap_err();
    bed.api.go_away(false);
    let claimed = replica.claim(&name, &wanted(), "run").await.unwrap();
    assert_eq!(claimed, approved(&["carol"]));
}

#[tokio::test]
async fn an_objection_that_nobody_has_read_refuses_the_claim() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let name = granted(&bed, &replica).await;
    bed.stamp(&name, "Approve|3|bob|fine, and no Deny|");
    bed.stamp(&name, "Deny|10|oidc:b|b@x|not | now");
    let claimed = replica.claim(&name, &wanted(), "run").await.unwrap();
    let revoked = Standing::Revoked {
        by: "oidc:b|b@x".to_owned(),
        reason: "not | now".to_owned(),
    };
    assert_eq!(claimed, revoked);
    bed.stamp(&name, "nonsense");
    let claimed = replica.claim(&name, &wanted(), "run").await.unwrap();
    assert!(matches!(claimed, Standing::Revoked { .. }), "{claimed:?}");
    bed.stamp(&name, "Approve|3|bob|fine");
    let claimed = replica.claim(&name, &wanted(), "run").await.unwrap();
    assert_eq!(claimed, approved(&["carol"]));
}

#[tokio::test]
async fn an_objection_that_the_watch_has_not_told_refuses_the_claim() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let name = granted(&bed, &replica).await;
    // From here on the replica sees what it saw.
    bed.following.iter().for_each(JoinHandle::abort);
    bed.stamp(&name, "Deny|3|bob|no");
    let seen = replica.seen(&name).unwrap();
    assert_eq!(standing::standing(&seen, start()), approved(&["carol"]));
    let claimed = replica.claim(&name, &wanted(), "run").await.unwrap();
    assert!(matches!(claimed, Standing::Revoked { .. }), "{claimed:?}");
    assert_eq!(bed.api.get(&name)["status"].get("usage"), None);
}

#[tokio::test]
async fn another_operation_cannot_use_a_grant() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let name = granted(&bed, &replica).await;
    let mut others = [wanted(), wanted(), wanted()];
    others[0].hash = "cd".repeat(32);
    others[1].connection_uid = "another".to_owned();
    others[2].terms.required = 2;
    for other in others {
        let refused = replica.claim(&name, &other, "run").await.unwrap_err();
        assert_eq!(refused, ApprovalsRefused::Mismatch(name.clone()));
    }
    // Nor one that was edited, which only somebody past the schema could do.
    bed.api.edit(&name, |object| {
        object["spec"]["operation"]["text"] = json!("DELETE FROM customers");
    });
    replica.claim(&name, &wanted(), "run").await.unwrap_err();
}

#[tokio::test]
async fn a_grant_for_a_time_is_used_again_until_that_is_over() {
    let mut bed = Bed::new().await;
    let replica = bed.replica("a").await;
    let mut wanted = wanted();
    let max = Duration::from_secs(60);
    wanted.terms.grant = Granted::TimeBoxed { max };
    let (name, _) = replica.request(&wanted).await.unwrap();
    bed.approve(&name, &["carol"], (0, 60));
    for number in 0..3 {
        let claimed = replica
            .claim(&name, &wanted, &format!("run-{number}"))
            .await;
        assert_eq!(claimed.unwrap(), approved(&["carol"]));
    }
    bed.pass(59);
    let claimed = replica.claim(&name, &wanted, "last").await.unwrap();
    assert_eq!(claimed, approved(&["carol"]));
    bed.pass(1);
    let claimed = replica.claim(&name, &wanted, "late").await.unwrap();
    assert_eq!(claimed, Standing::Expired);
}

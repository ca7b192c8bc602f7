//! What only a cluster can say: keys asked of it, tokens that were taken back, a pod's own account.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::super::config::{Keyring, KeysFrom, NotReviewed, ReviewedBy, Reviewer};
use super::*;

#[derive(Debug)]
struct Server {
    keys: Value,
    asked: AtomicU32,
    says: Result<String, NotReviewed>,
}

#[async_trait]
impl Keyring for Server {
    async fn keys(&self) -> Result<Value, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.keys.clone())
    }
}

#[async_trait]
impl Reviewer for Server {
    async fn review(&self, _: &Secret, audiences: &[String]) -> Result<String, NotReviewed> {
        assert_eq!(audiences, ["portcullis", "gate"]);
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.says.clone()
    }
}

fn server(signer: &Signer, says: Result<&str, NotReviewed>) -> Arc<Server> {
    Arc::new(Server {
        keys: json!({ "keys": [signer.jwk] }),
        asked: AtomicU32::new(0),
        says: says.map(str::to_owned),
    })
}

#[tokio::test]
async fn keys_are_asked_of_who_knows_them_and_kept() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let server = server(&signer, Ok(""));
    let mut config = issuer(&[]);
    config.keys = KeySource::From(KeysFrom(server.clone()));
    let all = identities(vec![config]);
    assert_eq!(all.unusable(), []);
    let token = signer.token(&claims(&json!({})));
    for _ in 0..3 {
        let proven = prove(&all, &token).await.unwrap();
        assert_eq!(proven.subject.username, "oidc:alice");
    }
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_token_that_was_taken_back_proves_nobody_nor_one_that_cannot_be_asked_about() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let token = signer.token(&claims(&json!({})));
    for (says, told_as) in [
        (Ok("oidc:alice"), None),
        (Ok("oidc:bob"), Some("stands for somebody else")),
        (Err(NotReviewed::TakenBack), Some("holds no longer")),
        (
            Err(NotReviewed::Unavailable(
                "no answer from 10.0.0.1".to_owned(),
            )),
            Some("cannot be asked"),
        ),
    ] {
        let server = server(&signer, says);
        let mut config = issuer(&[&signer]);
        config.reviewer = Some(ReviewedBy(server.clone()));
        let all = identities(vec![config]);
        match (prove(&all, &token).await, told_as) {
            (Ok(proven), None) => assert_eq!(proven.subject.username, "oidc:alice"),
            (Err(unproven), Some(words)) => {
                assert!(unproven.told.contains(words), "{unproven:?}");
                assert!(!unproven.told.contains("10.0.0.1"), "{unproven:?}");
            }
            other => panic!("{other:?}"),
        }
        // Nobody is asked about what is no good anyhow.
        let late = signer.token(&claims(&json!({ "exp": NOW - 300 })));
        prove(&all, &late).await.unwrap_err();
        assert_eq!(server.asked.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_pods_own_account_is_named_as_the_cluster_does_and_answered_for() {
    let account = |name: &str| Some(("shop".to_owned(), name.to_owned()));
    let config = |local| IdentityConfig {
        local,
        owners: [(account("web").unwrap(), "oidc:alice".to_owned())].into(),
        ..IdentityConfig::default()
    };
    let all = Identities::new(config(account("web")), None);
    let proven = all.prove(Presented::Local, purpose(), now()).await.unwrap();
    let subject = &proven.subject;
    assert_eq!(subject.username, "system:serviceaccount:shop:web");
    assert_eq!(
        subject.groups,
        ["system:serviceaccounts", "system:serviceaccounts:shop"]
    );
    assert_eq!(subject.service_account(), Some(("shop", "web")));
    assert_eq!(subject.owner.as_deref(), Some("oidc:alice"));
    assert!(all.is_local());
    all.still_holds(&proven, purpose(), now()).unwrap();
    let other = Identities::new(config(account("other")), None);
    other.still_holds(&proven, purpose(), now()).unwrap_err();
    // Where nobody is, an address proves nothing.
    let none = Identities::new(config(None), None);
    assert!(!none.is_local());
    none.prove(Presented::Local, purpose(), now())
        .await
        .unwrap_err();
    none.still_holds(&proven, purpose(), now()).unwrap_err();
}

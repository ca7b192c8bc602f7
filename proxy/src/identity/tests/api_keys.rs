use aws_lc_rs::digest::{SHA256, digest};
use portcullis_policy::Glob;

use super::*;
use crate::identity::api_key::ISSUER as API_KEY;
use crate::identity::config::ApiKey;

const KEY: &str = "pk_0123456789abcdef";

fn key() -> ApiKey {
    ApiKey {
        username: "agent-7".to_owned(),
        owner: "oidc:carol".to_owned(),
        groups: vec!["agents".to_owned()],
        connections: vec![],
        sha256: digest(&SHA256, KEY.as_bytes()).as_ref().try_into().unwrap(),
        expires_at: None,
    }
}

fn with(keys: Vec<ApiKey>) -> Identities {
    let config = IdentityConfig {
        api_keys: keys,
        ..IdentityConfig::default()
    };
    Identities::new(config, None)
}

#[tokio::test]
async fn a_key_proves_its_user_and_owner() {
    let other = ApiKey {
        sha256: [0; 32],
        ..key()
    };
    let proven = prove(&with(vec![other, key()]), &Secret::new(KEY))
        .await
        .unwrap();
    assert_eq!(proven.subject.username, "agent-7");
    assert_eq!(proven.subject.groups, ["agents"]);
    assert_eq!(proven.subject.accountable(), "oidc:carol");
    assert_eq!(proven.subject.issuer, API_KEY);
    assert_eq!(proven.expires_at, None);
}

#[tokio::test]
async fn only_the_key_itself_proves() {
    let all = with(vec![key()]);
    let expected = "the password is neither a token nor an API key that is known here";
    for wrong in [
        "",
        "pk_0123456789abcde",
        "pk_0123456789abcdef ",
        "PK_0123456789ABCDEF",
    ] {
        assert_eq!(told(&all, &Secret::new(wrong)).await, expected);
    }
    // Its hash is public.
    assert_eq!(told(&all, &Secret::new(key().sha256)).await, expected);
    let bearer = all
        .prove(Presented::Bearer(&Secret::new(KEY)), purpose(), now())
        .await;
    assert_eq!(bearer.unwrap_err().told, expected);
}

#[tokio::test]
async fn a_key_ends_to_the_second() {
    let at = |seconds: u64| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let later = with(vec![ApiKey {
        expires_at: at(NOW + 1),
        ..key()
    }]);
    let proven = prove(&later, &Secret::new(KEY)).await.unwrap();
    assert_eq!(proven.expires_at, at(NOW + 1));
    assert!(later.still_holds(&proven, purpose(), now()).is_ok());
    let over = later.still_holds(&proven, purpose(), at(NOW + 1).unwrap());
    assert_eq!(over.unwrap_err().told, "the API key expired 0 seconds ago");
    let ended = with(vec![ApiKey {
        expires_at: at(NOW),
        ..key()
    }]);
    assert_eq!(
        told(&ended, &Secret::new(KEY)).await,
        "the API key expired 0 seconds ago"
    );
}

#[tokio::test]
async fn a_key_opens_its_connections_only() {
    let glob = |pattern: &str| Glob::parse(pattern).unwrap();
    for (namespace, connection, opens) in [
        ("shop", "orders", true),
        ("shop", "ord*", true),
        ("*", "*", true),
        ("shop", "order", false),
        ("sho", "orders", false),
        ("orders", "shop", false),
    ] {
        let connections = vec![(glob("x"), glob("y")), (glob(namespace), glob(connection))];
        let outcome = told(
            &with(vec![ApiKey {
                connections,
                ..key()
            }]),
            &Secret::new(KEY),
        )
        .await;
        let expected = if opens {
            "proven: agent-7"
        } else {
            "the API key does not open this connection"
        };
        assert_eq!(outcome, expected, "{namespace}/{connection}");
    }
}

#[tokio::test]
async fn a_key_stands_for_nobody_of_the_cluster() {
    for (username, groups) in [
        ("system:serviceaccount:a:b", vec![]),
        ("agent", vec!["system:masters".to_owned()]),
        ("", vec![]),
    ] {
        let key = ApiKey {
            username: username.to_owned(),
            groups,
            ..key()
        };
        assert!(prove(&with(vec![key]), &Secret::new(KEY)).await.is_err());
    }
}

#[tokio::test]
async fn a_session_ends_with_its_key_or_what_the_key_stands_for() {
    let proven = prove(&with(vec![key()]), &Secret::new(KEY)).await.unwrap();
    let holds = |keys: Vec<ApiKey>| match with(keys).still_holds(&proven, purpose(), now()) {
        Ok(()) => "holds".to_owned(),
        Err(unproven) => unproven.told,
    };
    let changed = "the credential stands for somebody else now: connect again";
    assert_eq!(holds(vec![key()]), "holds");
    assert_eq!(holds(vec![]), "the API key was removed");
    assert_eq!(
        holds(vec![ApiKey {
            groups: vec![],
            ..key()
        }]),
        changed
    );
    assert_eq!(
        holds(vec![ApiKey {
            owner: "oidc:bob".to_owned(),
            ..key()
        }]),
        changed
    );
    assert_eq!(
        holds(vec![ApiKey {
            username: "agent-8".to_owned(),
            ..key()
        }]),
        changed
    );
}

//! What the claims of a well-signed token may say.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::*;

struct Case {
    signer: Signer,
    issuer: OidcIssuer,
}

impl Case {
    fn new() -> Self {
        let signer = Signer::new(Algorithm::EdDSA, "one");
        let issuer = issuer(&[&signer]);
        Self { signer, issuer }
    }

    async fn prove(&self, parts: Value) -> Result<Proven, Unproven> {
        let token = self.signer.token(&claims(&parts));
        prove(&identities(vec![self.issuer.clone()]), &token).await
    }

    async fn told(&self, parts: Value) -> String {
        match self.prove(parts).await {
            Ok(proven) => proven.subject.username.clone(),
            Err(unproven) => unproven.told,
        }
    }
}

#[tokio::test]
async fn times_hold_with_thirty_seconds_to_spare() {
    let case = Case::new();
    let no_time = |claim: &str| format!("the token's claim {claim:?} is not a time in seconds");
    for (parts, expected) in [
        (json!({"exp": NOW - 29}), "oidc:alice".to_owned()),
        (
            json!({"exp": NOW - 30}),
            "the token expired 30 seconds ago".to_owned(),
        ),
        (
            json!({"exp": NOW - 31}),
            "the token expired 31 seconds ago".to_owned(),
        ),
        (
            json!({"exp": NOW - 7200}),
            "the token expired 2 hours ago".to_owned(),
        ),
        (json!({"exp": NOW as f64 + 0.5}), "oidc:alice".to_owned()),
        (
            json!({"exp": null}),
            "the token does not say when it expires (exp)".to_owned(),
        ),
        (json!({"exp": NOW * 1000}), no_time("exp")),
        (json!({"exp": "1900000000"}), no_time("exp")),
        (json!({"exp": -1}), no_time("exp")),
        (json!({"exp": 1e300}), no_time("exp")),
        (json!({"exp": u64::MAX}), no_time("exp")),
        (json!({"nbf": NOW + 30}), "oidc:alice".to_owned()),
        (
            json!({"nbf": NOW + 31}),
            "the token is not valid yet (nbf)".to_owned(),
        ),
        (json!({"nbf": []}), no_time("nbf")),
        (json!({"iat": NOW + 30}), "oidc:alice".to_owned()),
        (
            json!({"iat": NOW + 31}),
            "the token was issued in the future (iat)".to_owned(),
        ),
        (json!({"iat": "now"}), no_time("iat")),
    ] {
        assert_eq!(case.told(parts.clone()).await, expected, "{parts}");
    }
    let proven = case.prove(json!({})).await.unwrap();
    assert_eq!(proven.expires_at, Some(now() + Duration::from_secs(330)));
}

#[tokio::test]
async fn a_token_is_for_us_and_for_the_connection() {
    let case = Case::new();
    let other =
        "the token is for somebody else (aud): ask its issuer for one for `portcullis` or `gate`";
    let no_text = "the token's claim \"aud\" is not a text or a list of texts";
    let many: Vec<String> = (0..64).map(|n| n.to_string()).collect();
    for (aud, expected) in [
        (json!("gate"), "oidc:alice"),
        (json!(["x", "portcullis"]), "oidc:alice"),
        (json!(null), "the token does not say for whom it is (aud)"),
        (json!("portcullis2"), other),
        (json!("Portcullis"), other),
        (json!(""), other),
        (json!([]), other),
        (json!(["x"]), other),
        (json!(many), other),
        (json!(1), no_text),
        (json!(["portcullis", 1]), no_text),
        (json!({"portcullis": 1}), no_text),
        (
            json!([many.clone(), vec!["portcullis".to_owned()]].concat()),
            "the token's claim \"aud\" has 65 values; at most 64 are allowed",
        ),
    ] {
        assert_eq!(case.told(json!({"aud": aud})).await, expected, "{aud}");
    }
    let all = identities(vec![case.issuer.clone()]);
    let wanting = Purpose {
        audience: Some("orders"),
        ..purpose()
    };
    for (aud, holds) in [
        (json!(["portcullis", "orders"]), true),
        (json!(["portcullis"]), false),
        // The connection's alone is not enough: the issuer may sign it for others too.
        (json!(["orders"]), false),
    ] {
        let token = case.signer.token(&claims(&json!({"aud": aud})));
        let outcome = all.prove(Presented::Bearer(&token), wanting, now()).await;
        assert_eq!(outcome.is_ok(), holds, "{aud}");
    }
}

#[tokio::test]
async fn required_claims_are_compared_exactly() {
    let mut case = Case::new();
    case.issuer.required_claims = BTreeMap::from([("tenant".to_owned(), "acme".to_owned())]);
    let refused = "the token's claim `tenant` is not what is required here";
    assert_eq!(case.told(json!({"tenant": "acme"})).await, "oidc:alice");
    for wrong in [
        json!(null),
        json!("Acme"),
        json!(["acme"]),
        json!("acme "),
        json!(true),
    ] {
        assert_eq!(case.told(json!({"tenant": wrong})).await, refused);
    }
}

#[tokio::test]
async fn a_name_is_a_text_that_shows_what_it_is() {
    let case = Case::new();
    let no_name = "the token's claim \"sub\" is not a name";
    let hidden = "the username begins or ends with a space, or has characters that do not show";
    let long = "the username is 257 bytes long with its prefix; at most 256 are allowed";
    for (sub, expected) in [
        (json!("Zoë O'Neil|x"), "oidc:Zoë O'Neil|x"),
        (json!("x".repeat(252)), long),
        (json!(""), "the username is empty"),
        (json!(null), no_name),
        (json!(7), no_name),
        (json!(["alice"]), no_name),
        (json!("alice "), hidden),
        (json!("al\u{0}ice"), hidden),
        (json!("al\nice"), hidden),
        (json!("al\u{202e}ice"), hidden),
        (json!("al\u{200b}ice"), hidden),
        (json!("al\u{7f}ice"), hidden),
    ] {
        assert_eq!(case.told(json!({"sub": sub})).await, expected, "{sub}");
    }
    let longest = case.told(json!({"sub": "x".repeat(251)})).await;
    assert_eq!(longest.len(), 256);
}

#[tokio::test]
async fn an_address_that_is_not_verified_is_no_name() {
    let mut case = Case::new();
    case.issuer.username_claim = "email".to_owned();
    let refused = "the token's e-mail address is not verified";
    for (verified, expected) in [
        (json!(null), "oidc:a@x.example"),
        (json!(true), "oidc:a@x.example"),
        (json!(false), refused),
        (json!("true"), refused),
    ] {
        let parts = json!({"email": "a@x.example", "email_verified": verified});
        assert_eq!(case.told(parts).await, expected);
    }
}

#[tokio::test]
async fn names_of_the_cluster_are_not_given_away() {
    let mut case = Case::new();
    let system =
        |what: &str| format!("the {what} begins with `system:`, which only the cluster's own may");
    case.issuer.username_prefix = String::new();
    for sub in [
        "system:admin",
        "system:",
        "SYSTEM:masters",
        "system:serviceaccount:a:b",
    ] {
        assert_eq!(case.told(json!({"sub": sub})).await, system("username"));
    }
    assert_eq!(case.told(json!({"sub": "systems"})).await, "systems");
    assert_eq!(
        case.told(json!({"groups": ["system:masters"]})).await,
        system("group's name")
    );
    assert_eq!(
        case.told(json!({"act": {"sub": "system:x"}})).await,
        system("agent's name")
    );
    case.issuer.username_prefix = "system:".to_owned();
    assert_eq!(
        case.told(json!({"sub": "masters"})).await,
        system("username")
    );
    case.issuer.username_prefix = "oidc:".to_owned();
    assert_eq!(
        case.told(json!({"sub": "system:admin"})).await,
        "oidc:system:admin"
    );
}

#[tokio::test]
async fn groups_are_a_text_or_a_list_of_texts() {
    let mut case = Case::new();
    let groups = |proven: Result<Proven, Unproven>| match proven {
        Ok(proven) => Ok(proven.subject.groups.clone()),
        Err(unproven) => Err(unproven.told),
    };
    let no_text = "the token's claim \"groups\" is not a text or a list of texts";
    for (claim, expected) in [
        (json!(null), Ok(vec![])),
        (json!([]), Ok(vec![])),
        (json!("a"), Ok(vec!["oidc:a"])),
        (json!(["b", "a", "b"]), Ok(vec!["oidc:b", "oidc:a"])),
        (json!(["a", ""]), Err("the group's name is empty")),
        (json!(["a", 1]), Err(no_text)),
        (json!({"a": true}), Err(no_text)),
        (json!(true), Err(no_text)),
    ] {
        let outcome = groups(case.prove(json!({"groups": claim})).await);
        let expected = expected
            .map(|names| names.into_iter().map(str::to_owned).collect())
            .map_err(str::to_owned);
        assert_eq!(outcome, expected, "{claim}");
    }
    let many: Vec<String> = (0..257).map(|n| n.to_string()).collect();
    assert_eq!(
        groups(case.prove(json!({"groups": many[1..]})).await)
            .unwrap()
            .len(),
        256
    );
    assert_eq!(
        groups(case.prove(json!({"groups": many})).await).unwrap_err(),
        "the token's claim \"groups\" has 257 values; at most 256 are allowed"
    );
    case.issuer.groups_prefix = Some("g:".to_owned());
    let own = groups(case.prove(json!({"groups": "a"})).await);
    assert_eq!(own.unwrap(), ["g:a"]);
    case.issuer.groups_claim = None;
    let none = groups(case.prove(json!({"groups": 7})).await);
    assert_eq!(none.unwrap(), [""; 0]);
}

#[tokio::test]
async fn an_agent_acts_for_a_person() {
    let case = Case::new();
    let nested = |depth: usize| {
        (1..depth).fold(
            json!({"sub": "a0"}),
            |inner, n| json!({"sub": format!("a{n}"), "act": inner}),
        )
    };
    let proven = case.prove(json!({"act": nested(8)})).await.unwrap();
    assert_eq!(proven.subject.username, "oidc:alice");
    assert_eq!(proven.subject.actor.as_deref(), Some("oidc:a7"));
    assert_eq!(proven.subject.accountable(), "oidc:alice");
    assert_eq!(
        case.told(json!({"act": nested(9)})).await,
        "more than 8 act for each other in the token (act)"
    );
    let refused = "the token's claim \"act\" is not an agent with a name (sub)";
    for act in [
        json!("bot"),
        json!({}),
        json!({"sub": 1}),
        json!({"sub": "a", "act": "b"}),
        json!([]),
    ] {
        assert_eq!(case.told(json!({"act": act})).await, refused, "{act}");
    }
    assert_eq!(
        case.told(json!({"act": {"sub": ""}})).await,
        "the agent's name is empty"
    );
}

#[tokio::test]
async fn a_service_account_is_one_only_where_both_its_names_agree() {
    let signer = Signer::new(Algorithm::RS256, "one");
    let mut cluster = issuer(&[&signer]);
    cluster.username_prefix = String::new();
    let owners = [("agents", "nightly", "oidc:carol")].map(|(namespace, name, owner)| {
        ((namespace.to_owned(), name.to_owned()), owner.to_owned())
    });
    let config = |oidc: OidcIssuer| IdentityConfig {
        oidc: vec![oidc],
        owners: owners.clone().into(),
        ..IdentityConfig::default()
    };
    let all = Identities::new(config(cluster.clone()), None);
    let token = |sub: &str, bound: Value| {
        signer.token(&claims(&json!({"sub": sub, "kubernetes.io": bound})))
    };
    let bound = |namespace: &str, name: &str| json!({"namespace": namespace, "serviceaccount": {"name": name, "uid": "1"}});
    let nightly = token(
        "system:serviceaccount:agents:nightly",
        bound("agents", "nightly"),
    );
    let proven = prove(&all, &nightly).await.unwrap();
    assert_eq!(
        proven.subject.service_account(),
        Some(("agents", "nightly"))
    );
    assert_eq!(proven.subject.owner.as_deref(), Some("oidc:carol"));
    assert_eq!(
        proven.subject.groups,
        ["system:serviceaccounts", "system:serviceaccounts:agents"]
    );
    let other = token(
        "system:serviceaccount:agents:daily",
        bound("agents", "daily"),
    );
    assert_eq!(prove(&all, &other).await.unwrap().subject.owner, None);

    let system = "the username begins with `system:`, which only the cluster's own may";
    for (sub, bound) in [
        ("system:serviceaccount:agents:nightly", json!(null)),
        (
            "system:serviceaccount:agents:nightly",
            bound("agents", "daily"),
        ),
        (
            "system:serviceaccount:agents:nightly",
            bound("other", "nightly"),
        ),
        ("system:serviceaccount:agents:a:b", bound("agents", "a:b")),
        ("system:serviceaccount::", bound("", "")),
        (
            "system:serviceaccount:agents:nightly",
            json!({"namespace": "agents"}),
        ),
        ("system:node:x", bound("agents", "nightly")),
    ] {
        assert_eq!(
            told(&all, &token(sub, bound.clone())).await,
            system,
            "{sub} {bound}"
        );
    }
    // An issuer with a prefix does not speak for the cluster.
    let mut prefixed = cluster.clone();
    prefixed.username_prefix = "oidc:".to_owned();
    let all = Identities::new(config(prefixed), None);
    let proven = prove(&all, &nightly).await.unwrap();
    assert_eq!(
        proven.subject.username,
        "oidc:system:serviceaccount:agents:nightly"
    );
    assert_eq!(proven.subject.service_account(), None);
    assert_eq!(proven.subject.owner, None);
    cluster.username_claim = "name".to_owned();
    let all = Identities::new(config(cluster), None);
    let renamed = signer.token(&claims(&json!({
        "name": "system:serviceaccount:agents:nightly",
        "kubernetes.io": bound("agents", "nightly"),
    })));
    assert_eq!(told(&all, &renamed).await, system);
}

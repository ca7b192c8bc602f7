//! Signatures, keys and headers.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::identity::MAX_TOKEN;

const NO_TOKEN: &str = "the password is neither a token nor an API key that is known here";
const ALICE: &str = "proven: oidc:alice";

#[tokio::test]
async fn every_accepted_algorithm_proves() {
    for algorithm in [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ] {
        let signer = Signer::new(algorithm, "one");
        let all = identities(vec![issuer(&[&signer])]);
        assert_eq!(all.unusable(), []);
        let token = signer.token(&claims(&json!({})));
        assert_eq!(told(&all, &token).await, ALICE, "{algorithm:?}");
        let bearer = all.prove(Presented::Bearer(&token), purpose(), now()).await;
        assert_eq!(bearer.unwrap().subject.username, "oidc:alice");
    }
}

#[tokio::test]
async fn a_changed_token_proves_nothing() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let all = identities(vec![issuer(&[&signer])]);
    let token = signer.token(&claims(&json!({})));
    let text = token.reveal_text().unwrap();
    let (message, signature) = text.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let other = encoded(&claims(&json!({"sub": "root"})).to_string());
    let wrong = "the token's signature is wrong";
    for (changed, expected) in [
        (format!("{header}.{other}.{signature}"), wrong),
        (format!("{message}."), wrong),
        (format!("{message}.AAAA"), wrong),
        (format!("{message}.{signature}="), wrong),
        (format!("{message}.{signature}.{signature}"), NO_TOKEN),
        (message.to_owned(), NO_TOKEN),
        (format!(" {text}"), NO_TOKEN),
        (format!("{text}\n"), wrong),
        (String::new(), NO_TOKEN),
        ("..".to_owned(), NO_TOKEN),
        ("hunter2".to_owned(), NO_TOKEN),
    ] {
        assert_eq!(
            told(&all, &Secret::new(changed.clone())).await,
            expected,
            "{changed}"
        );
    }
    assert_eq!(told(&all, &Secret::new([0xff, b'.', b'.'])).await, NO_TOKEN);
}

#[tokio::test]
async fn an_unsigned_token_proves_nothing() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let all = identities(vec![issuer(&[&signer])]);
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": name}).to_string();
        let unsigned = format!(
            "{}.{}.",
            encoded(&header),
            encoded(&claims(&json!({})).to_string())
        );
        let expected = format!("the token's algorithm {name:?} is not accepted");
        assert_eq!(told(&all, &Secret::new(unsigned)).await, expected);
        let signed = signer.with_header(&json!({"alg": name}), &claims(&json!({})));
        assert_eq!(told(&all, &signed).await, expected);
    }
    let lacking = signer.with_header(&json!({"alg": null}), &claims(&json!({})));
    assert_eq!(
        told(&all, &lacking).await,
        "the token's algorithm \"none\" is not accepted"
    );
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let signer = Signer::new(Algorithm::RS256, "one");
    let all = identities(vec![issuer(&[&signer])]);
    let modulus = signer.jwk["n"].as_str().unwrap().to_owned();
    for (name, algorithm) in [
        ("HS256", Algorithm::HS256),
        ("HS384", Algorithm::HS384),
        ("HS512", Algorithm::HS512),
    ] {
        for secret in [modulus.clone(), signer.jwk.to_string()] {
            let key = EncodingKey::from_secret(secret.as_bytes());
            let forged = Signer {
                key,
                algorithm,
                jwk: signer.jwk.clone(),
            };
            let token = forged.token(&claims(&json!({})));
            let expected = format!("the token's algorithm {name:?} is not accepted");
            assert_eq!(told(&all, &token).await, expected);
        }
    }
}

#[tokio::test]
async fn a_shared_secret_among_the_keys_is_not_used() {
    let key = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
    let jwk = json!({"kty": "oct", "kid": "one", "alg": "HS256", "k": encoded("0123456789abcdef0123456789abcdef")});
    let signer = Signer {
        key,
        algorithm: Algorithm::HS256,
        jwk,
    };
    let all = identities(vec![issuer(&[&signer])]);
    assert_eq!(
        all.unusable()[0].to_string(),
        "oidc[0].jwks.keys[0]: it is neither RSA nor EC (P-256, P-384) nor OKP (Ed25519)"
    );
    let token = signer.token(&claims(&json!({})));
    assert_eq!(
        told(&all, &token).await,
        "the token's algorithm \"HS256\" is not accepted"
    );
}

#[tokio::test]
async fn an_algorithm_that_is_not_the_keys_is_refused() {
    let rsa = Signer::new(Algorithm::RS256, "rsa");
    let ec = Signer::new(Algorithm::ES256, "ec");
    let all = identities(vec![issuer(&[&rsa, &ec])]);
    let not_its = "the token's algorithm is not its key's";
    for (signer, header) in [
        // The key says RS256 and is used for PS256.
        (&rsa, json!({"alg": "PS256"})),
        (&rsa, json!({"kid": "ec"})),
        (&ec, json!({"alg": "ES384"})),
        (&ec, json!({"kid": "rsa"})),
    ] {
        let token = signer.with_header(&header, &claims(&json!({})));
        assert_eq!(told(&all, &token).await, not_its, "{header}");
    }
    let any = Signer::new(Algorithm::PS256, "any").published("alg", Value::Null);
    let all = identities(vec![issuer(&[&any])]);
    assert_eq!(told(&all, &any.token(&claims(&json!({})))).await, ALICE);
}

#[tokio::test]
async fn a_key_of_another_issuer_proves_nothing_here() {
    let (ours, theirs) = (
        Signer::new(Algorithm::ES256, "one"),
        Signer::new(Algorithm::ES256, "two"),
    );
    let mut second = issuer(&[&theirs]);
    second.issuer = "https://other.example".to_owned();
    second.username_prefix = "other:".to_owned();
    let all = identities(vec![issuer(&[&ours]), second]);
    let token = theirs.token(&claims(&json!({})));
    let unknown = "the token is signed by a key that its issuer does not publish: if the key is \
                   new, try again in a little while";
    assert_eq!(told(&all, &token).await, unknown);
    let named = theirs.with_header(&json!({"kid": "one"}), &claims(&json!({})));
    assert_eq!(told(&all, &named).await, "the token's signature is wrong");
    let unnamed = theirs.with_header(&json!({"kid": null}), &claims(&json!({})));
    assert_eq!(told(&all, &unnamed).await, "the token's signature is wrong");
    let own = theirs.token(&claims(&json!({"iss": "https://other.example"})));
    assert_eq!(told(&all, &own).await, "proven: other:alice");
    for (named, shown) in [
        ("https://idp.example/", "\"https://idp.example/\""),
        ("https://IDP.example", "\"https://IDP.example\""),
        ("a\u{202e}\n", "\"a\\u{202e}\\n\""),
    ] {
        let token = ours.token(&claims(&json!({"iss": named})));
        let expected = format!("tokens of the issuer {shown} are not accepted here");
        assert_eq!(told(&all, &token).await, expected);
    }
    for wrong in [json!(null), json!(["https://idp.example"])] {
        let token = ours.token(&claims(&json!({"iss": wrong})));
        assert_eq!(told(&all, &token).await, "the token names no issuer (iss)");
    }
}

#[tokio::test]
async fn a_key_without_a_name_serves_every_name() {
    let signer = Signer::new(Algorithm::ES256, "one").published("kid", Value::Null);
    let all = identities(vec![issuer(&[&signer])]);
    for header in [json!({"kid": "anything"}), json!({"kid": null})] {
        let token = signer.with_header(&header, &claims(&json!({})));
        assert_eq!(told(&all, &token).await, ALICE);
    }
}

#[tokio::test]
async fn two_keys_of_one_name_are_both_tried() {
    let (one, two) = (
        Signer::new(Algorithm::ES256, "same"),
        Signer::new(Algorithm::ES256, "same"),
    );
    let all = identities(vec![issuer(&[&one, &two])]);
    for signer in [&one, &two] {
        assert_eq!(told(&all, &signer.token(&claims(&json!({})))).await, ALICE);
    }
}

#[test]
fn keys_that_are_not_for_verifying_are_named() {
    let signer = || Signer::new(Algorithm::ES256, "one");
    for (member, value, expected) in [
        ("use", json!("enc"), "it is not for signatures (use)"),
        ("use", json!(1), "it is not for signatures (use)"),
        (
            "key_ops",
            json!(["sign"]),
            "it is not for verifying (key_ops)",
        ),
        (
            "key_ops",
            json!("verify"),
            "it is not for verifying (key_ops)",
        ),
        ("alg", json!("RS256"), "its `alg` is not one of its type"),
        ("alg", json!(256), "its `alg` is not one of its type"),
        (
            "d",
            json!("AAAA"),
            "it is a private key, and so everybody's",
        ),
        ("kid", json!(7), "its `kid` is no text"),
        ("y", Value::Null, "it has no `y`"),
        (
            "crv",
            json!("secp256k1"),
            "it is neither RSA nor EC (P-256, P-384) nor OKP (Ed25519)",
        ),
    ] {
        let signer = signer().published(member, value);
        let all = identities(vec![issuer(&[&signer])]);
        assert_eq!(all.unusable().len(), 1, "{member}");
        assert_eq!(all.unusable()[0].reason, expected);
    }
    let weak = json!({"kty": "RSA", "e": "AQAB", "n": BASE64_URL_SAFE_NO_PAD.encode([0xff; 128])});
    let weak = Signer {
        jwk: weak,
        ..signer()
    };
    let all = identities(vec![issuer(&[&weak])]);
    assert_eq!(
        all.unusable()[0].reason,
        "it has 1024 bits; 2048 to 8192 are accepted"
    );
    for fine in [json!("sig"), Value::Null] {
        let signer = signer()
            .published("use", fine)
            .published("key_ops", json!(["verify"]));
        assert_eq!(identities(vec![issuer(&[&signer])]).unusable(), []);
    }
}

#[tokio::test]
async fn a_token_for_something_else_is_refused() {
    let signer = Signer::new(Algorithm::EdDSA, "one");
    let all = identities(vec![issuer(&[&signer])]);
    for (header, expected) in [
        (json!({"typ": null}), ALICE),
        (json!({"typ": "jwt"}), ALICE),
        (json!({"typ": "at+jwt"}), ALICE),
        (json!({"typ": "application/at+JWT"}), ALICE),
        (json!({"alg": "Ed25519"}), ALICE),
        (
            json!({"typ": "logout+jwt"}),
            "the token is not for logging in (typ)",
        ),
        (
            json!({"typ": "dpop+jwt"}),
            "the token is not for logging in (typ)",
        ),
        (json!({"typ": 1}), "the token is not for logging in (typ)"),
        (
            json!({"crit": ["exp"]}),
            "the token asks for extensions (crit) that are not known here",
        ),
        (
            json!({"kid": 1}),
            "the token's key (kid) is not a text of at most 256 bytes",
        ),
        (
            json!({"kid": "k".repeat(257)}),
            "the token's key (kid) is not a text of at most 256 bytes",
        ),
        // Keys that a token brings along are nobody's.
        (
            json!({"jwk": signer.jwk, "jku": "https://evil.example"}),
            ALICE,
        ),
    ] {
        let token = signer.with_header(&header, &claims(&json!({})));
        assert_eq!(told(&all, &token).await, expected, "{header}");
    }
}

#[tokio::test]
async fn a_name_that_stands_twice_is_refused() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let all = identities(vec![issuer(&[&signer])]);
    let header = r#"{"alg":"ES256","kid":"one"}"#;
    let good = claims(&json!({"nested": {"a": [{"b": 1}]}})).to_string();
    assert_eq!(told(&all, &signer.written(header, &good)).await, ALICE);
    let twice = "something is named twice in the token's claims";
    for (from, to) in [
        (r#""sub":"alice""#, r#""sub":"alice","sub":"root""#),
        (r#""sub":"alice""#, r#""sub":"alice","s\u0075b":"root""#),
        (r#""b":1"#, r#""b":1,"b":1"#),
    ] {
        let claims = good.replacen(from, to, 1);
        assert_ne!(claims, good);
        assert_eq!(told(&all, &signer.written(header, &claims)).await, twice);
    }
    let doubled = r#"{"alg":"ES256","kid":"one","kid":"one"}"#;
    assert_eq!(
        told(&all, &signer.written(doubled, &good)).await,
        "something is named twice in the token's header"
    );
    for broken in ["[]", "{}{}", "\"x\"", "{", "nul"] {
        assert_eq!(told(&all, &signer.written(broken, &good)).await, NO_TOKEN);
    }
    let deep = format!("{}{}", r#"{"a":"#.repeat(500), "}".repeat(500));
    assert_eq!(told(&all, &signer.written(header, &deep)).await, NO_TOKEN);
}

#[tokio::test]
async fn the_longest_token_passes_and_a_longer_one_does_not() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let all = identities(vec![issuer(&[&signer])]);
    let sized = |filling: usize| signer.token(&claims(&json!({"x": "y".repeat(filling)})));
    let rest = sized(0).reveal().len();
    let mut filling = (MAX_TOKEN - rest) / 4 * 3;
    while sized(filling).reveal().len() < MAX_TOKEN {
        filling += 1;
    }
    let longest = sized(filling);
    assert_eq!(longest.reveal().len(), MAX_TOKEN);
    assert_eq!(told(&all, &longest).await, ALICE);
    let mut longer = longest.reveal().to_vec();
    longer.push(b'A');
    let expected = "the token is 32769 bytes long; at most 32768 are allowed";
    assert_eq!(told(&all, &Secret::new(longer)).await, expected);
}

#[test]
fn nothing_shows_a_secret() {
    let secret = Secret::new("hunter2");
    assert_eq!(
        format!("{:?}", Presented::Password(&secret)),
        "Password(Secret(..))"
    );
    assert_eq!(secret, Secret::new("hunter2"));
    assert_ne!(secret, Secret::new("hunter3"));
    assert_ne!(secret, Secret::new("hunter"));
}

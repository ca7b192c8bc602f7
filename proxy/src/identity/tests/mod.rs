mod api_keys;
mod certificates;
mod claims;
mod cluster;
mod issuer;
mod tokens;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use super::config::{IdentityConfig, KeySource, OidcIssuer};
use super::{Identities, Presented, Proven, Purpose, Unproven};
use crate::secret::Secret;

const ISSUER: &str = "https://idp.example";

/// The second that tests happen in.
const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn purpose() -> Purpose<'static> {
    Purpose {
        namespace: "shop",
        connection: "orders",
        audience: None,
    }
}

/// A key of an issuer, and its public half as the issuer publishes it.
struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    jwk: Value,
}

impl Signer {
    fn new(algorithm: Algorithm, name: &str) -> Self {
        let pair = match algorithm {
            Algorithm::ES256 => rcgen::KeyPair::generate(),
            Algorithm::ES384 => rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Algorithm::EdDSA => rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519),
            _ => {
                rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
            }
        }
        .unwrap();
        let pem = pair.serialize_pem();
        let key = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
            _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
        }
        .unwrap();
        let mut jwk = if algorithm == Algorithm::EdDSA {
            let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key_raw());
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x})
        } else {
            serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap()
        };
        jwk["kid"] = json!(name);
        Self {
            key,
            algorithm,
            jwk,
        }
    }

    /// With a part of what is published replaced; null takes it away.
    fn published(mut self, member: &str, value: Value) -> Self {
        let members = self.jwk.as_object_mut().unwrap();
        members.remove(member);
        if !value.is_null() {
            members.insert(member.to_owned(), value);
        }
        self
    }

    fn token(&self, claims: &Value) -> Secret {
        self.with_header(&json!({}), claims)
    }

    /// `header` goes over what the signer would write; null takes away.
    fn with_header(&self, header: &Value, claims: &Value) -> Secret {
        let whole = json!({"alg": self.algorithm, "kid": self.jwk["kid"], "typ": "JWT"});
        self.written(&over(whole, header).to_string(), &claims.to_string())
    }

    /// Exactly these texts, signed.
    fn written(&self, header: &str, claims: &str) -> Secret {
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let signature = crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        Secret::new(format!("{message}.{signature}"))
    }
}

fn encoded(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

fn over(mut whole: Value, parts: &Value) -> Value {
    let members = whole.as_object_mut().unwrap();
    for (name, value) in parts.as_object().unwrap() {
        members.remove(name);
        if !value.is_null() {
            members.insert(name.clone(), value.clone());
        }
    }
    whole
}

/// Claims that hold, with `parts` over them; null takes away.
fn claims(parts: &Value) -> Value {
    let whole = json!({"iss": ISSUER, "aud": "portcullis", "sub": "alice", "exp": NOW + 300});
    over(whole, parts)
}

fn issuer(signers: &[&Signer]) -> OidcIssuer {
    let keys: Vec<&Value> = signers.iter().map(|signer| &signer.jwk).collect();
    OidcIssuer {
        issuer: ISSUER.to_owned(),
        audiences: vec!["portcullis".to_owned(), "gate".to_owned()],
        username_claim: "sub".to_owned(),
        username_prefix: "oidc:".to_owned(),
        groups_claim: Some("groups".to_owned()),
        groups_prefix: None,
        keys: KeySource::Inline(json!({"keys": keys})),
        ca: None,
        required_claims: BTreeMap::new(),
        reviewer: None,
    }
}

fn identities(issuers: Vec<OidcIssuer>) -> Identities {
    let config = IdentityConfig {
        oidc: issuers,
        ..IdentityConfig::default()
    };
    Identities::new(config, None)
}

async fn prove(identities: &Identities, token: &Secret) -> Result<Proven, Unproven> {
    let outcome = identities
        .prove(Presented::Password(token), purpose(), now())
        .await;
    if let Err(unproven) = &outcome {
        let token = token.reveal_text().unwrap_or_default();
        let signature = token.rsplit('.').next().unwrap_or_default();
        for text in [&unproven.told, &unproven.reason, &format!("{unproven:?}")] {
            assert!(signature.len() < 8 || !text.contains(signature), "{text}");
        }
    }
    outcome
}

/// What is told to whoever presents this.
async fn told(identities: &Identities, token: &Secret) -> String {
    match prove(identities, token).await {
        Ok(proven) => format!("proven: {}", proven.subject.username),
        Err(unproven) => unproven.told,
    }
}

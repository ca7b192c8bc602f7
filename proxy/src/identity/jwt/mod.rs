//! Signed tokens of an issuer (OIDC, service accounts of a cluster).
//!
//! Nothing a token says is believed, and no check of its claims tells anything, before its
//! signature was verified by a key of the issuer that it names.

mod claims;
mod fetch;
mod keys;
mod rotation;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::config::{KeySource, NotReviewed, OidcIssuer, ReviewedBy};
use super::{Proven, ProvenBy, Purpose, Unproven, Unusable};
use crate::secret::Secret;
use rotation::Keys;
pub use token::MAX_TOKEN;
use token::Token;

/// One issuer, with its keys.
#[derive(Debug)]
pub(super) struct Issuer {
    config: OidcIssuer,
    owners: Arc<Owners>,
    keys: Arc<Keys>,
}

/// Who answers for a service account, by its namespace and name.
pub(super) type Owners = BTreeMap<(String, String), String>;

// === impl Issuer ===

impl Issuer {
    /// Takes over the keys of the same issuer among `earlier`.
    pub(super) fn new(config: OidcIssuer, owners: Arc<Owners>, earlier: &[Self]) -> Self {
        let same = earlier.iter().find(|earlier| {
            let earlier = &earlier.config;
            (&earlier.issuer, &earlier.keys, &earlier.ca)
                == (&config.issuer, &config.keys, &config.ca)
        });
        let keys = same.map_or_else(
            || Arc::new(Keys::new(&config)),
            |same| Arc::clone(&same.keys),
        );
        Self {
            config,
            owners,
            keys,
        }
    }

    /// What of it nobody can come by; `field` is where it stands.
    pub(super) fn address(&self) -> &str {
        &self.config.issuer
    }

    pub(super) fn unusable(&self, field: &str) -> Vec<Unusable> {
        let mut found = Vec::new();
        match &self.config.keys {
            KeySource::Inline(written) => match keys::KeySet::parse(written) {
                Ok(set) => found.extend(set.skipped.into_iter().map(|(index, reason)| {
                    Unusable::new(format!("{field}.jwks.keys[{index}]"), reason)
                })),
                Err(reason) => found.push(Unusable::new(format!("{field}.jwks"), reason)),
            },
            KeySource::Uri(uri) => found.extend(
                fetch::check_address(uri)
                    .err()
                    .map(|reason| Unusable::new(format!("{field}.jwksUri"), reason)),
            ),
            KeySource::From(_) => {}
            KeySource::Discovery => found.extend(
                fetch::check_address(&self.config.issuer)
                    .err()
                    .map(|reason| Unusable::new(format!("{field}.issuer"), reason)),
            ),
        }
        if let Some(pem) = &self.config.ca {
            found.extend(
                super::mtls::roots(pem)
                    .err()
                    .map(|reason| Unusable::new(format!("{field}.caRef"), reason)),
            );
        }
        found
    }

    /// Last, so that nobody is asked about what is no good anyhow.
    async fn review(&self, token: &Secret, proven: &Proven) -> Result<(), Unproven> {
        let Some(ReviewedBy(reviewer)) = &self.config.reviewer else {
            return Ok(());
        };
        match reviewer.review(token, &self.config.audiences).await {
            Ok(username) if username == proven.subject.username => Ok(()),
            Ok(_) => Err(Unproven::both(
                "the token stands for somebody else".to_owned(),
            )),
            Err(NotReviewed::TakenBack) => Err(Unproven::both(
                "the token holds no longer: its pod or account is gone".to_owned(),
            )),
            Err(NotReviewed::Unavailable(reason)) => Err(Unproven {
                reason,
                told: "it cannot be asked at this moment whether the token still holds: try again \
                       in a little while"
                    .to_owned(),
            }),
        }
    }

    fn judge(
        &self,
        claims: &Map<String, Value>,
        key: &str,
        purpose: Purpose<'_>,
        now: SystemTime,
    ) -> Result<Proven, Unproven> {
        let expires_at = claims::check(&self.config, claims, purpose, now)?;
        let subject = claims::subject(&self.config, &self.owners, claims)?;
        Ok(Proven {
            subject: Arc::new(subject),
            expires_at: Some(expires_at),
            credential: ProvenBy::Token {
                issuer: self.config.issuer.clone(),
                key_id: Some(key.to_owned()),
            },
        })
    }
}

/// What a token proves now.
pub(super) async fn prove(
    issuers: &[Issuer],
    secret: &Secret,
    purpose: Purpose<'_>,
    now: SystemTime,
) -> Result<Proven, Unproven> {
    let token = Token::parse(secret.reveal())?;
    let issuer = of(issuers, &token.claims)?;
    let set = issuer.keys.for_token(&token, now).await?;
    let key = set.verify(&token)?;
    let proven = issuer.judge(&token.claims, key, purpose, now)?;
    issuer.review(secret, &proven).await?;
    Ok(proven)
}

/// What verified claims prove now. The signature was verified once and is not looked at again; a
/// key that is written down must still be.
pub(super) fn prove_again(
    issuers: &[Issuer],
    claims: &Map<String, Value>,
    key: Option<&str>,
    purpose: Purpose<'_>,
    now: SystemTime,
) -> Result<Proven, Unproven> {
    let issuer = of(issuers, claims)?;
    let key = key.unwrap_or_default();
    if issuer.keys.was_withdrawn(key) {
        return Err(Unproven::both(
            "the key that signed the token is not the issuer's any more".to_owned(),
        ));
    }
    issuer.judge(claims, key, purpose, now)
}

/// The issuer that the token names.
fn of<'a>(issuers: &'a [Issuer], claims: &Map<String, Value>) -> Result<&'a Issuer, Unproven> {
    let named = claims
        .get("iss")
        .and_then(Value::as_str)
        .ok_or_else(|| Unproven::both("the token names no issuer (iss)".to_owned()))?;
    issuers
        .iter()
        .find(|issuer| issuer.config.issuer == named)
        .ok_or_else(|| {
            Unproven::both(format!(
                "tokens of the issuer {} are not accepted here",
                token::shown(named)
            ))
        })
}

//! Public keys of an issuer (RFC 7517), and what they have signed.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::Value;

use super::super::Unproven;
use super::token::{Token, algorithm_named};

/// Most keys of one issuer.
pub(super) const MAX_KEYS: usize = 64;

/// Sizes of an RSA modulus, in bytes: less is broken, more costs too much time.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// The keys of an issuer that signatures can be verified with.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// Those that cannot be used: their places, and why.
    pub(super) skipped: Vec<(usize, String)>,
}

struct Key {
    name: Option<String>,
    /// Hash of all that the issuer says of it: tells keys apart where names repeat or lack.
    print: String,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

// === impl KeySet ===

impl KeySet {
    pub(super) fn parse(document: &Value) -> Result<Self, String> {
        let list = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or("it is no set of keys")?;
        if list.len() > MAX_KEYS {
            return Err(format!(
                "there are {} keys; at most {MAX_KEYS} are allowed",
                list.len()
            ));
        }
        let mut set = Self {
            keys: vec![],
            skipped: vec![],
        };
        for (index, written) in list.iter().enumerate() {
            match Key::parse(written) {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.skipped.push((index, reason)),
            }
        }
        if set.keys.is_empty() && set.skipped.is_empty() {
            return Err("there are no keys".to_owned());
        }
        Ok(set)
    }

    /// Whether one of these keys may have signed a token that names its key so.
    pub(super) fn knows(&self, name: Option<&str>) -> bool {
        self.keys.iter().any(|key| key.is_named(name))
    }

    pub(super) fn has(&self, print: &str) -> bool {
        self.keys.iter().any(|key| key.print == print)
    }

    /// The print of the key that signed the token.
    pub(super) fn verify(&self, token: &Token<'_>) -> Result<&str, Unproven> {
        let named: Vec<&Key> = self
            .keys
            .iter()
            .filter(|key| key.is_named(token.key.as_deref()))
            .collect();
        if named.is_empty() {
            return Err(Unproven::both(
                "the token is signed by a key that its issuer does not publish: if the key is \
                 new, try again in a little while"
                    .to_owned(),
            ));
        }
        let mut fitting = named
            .into_iter()
            .filter(|key| key.algorithms.contains(&token.algorithm))
            .peekable();
        if fitting.peek().is_none() {
            return Err(Unproven::both(
                "the token's algorithm is not its key's".to_owned(),
            ));
        }
        fitting
            .find(|key| key.signed(token))
            .map(|key| key.print.as_str())
            .ok_or_else(|| Unproven::both("the token's signature is wrong".to_owned()))
    }
}

// === impl Key ===

impl Key {
    fn parse(written: &Value) -> Result<Self, String> {
        let text = |member: &str| written.get(member).and_then(Value::as_str);
        if written.get("d").is_some() {
            return Err("it is a private key, and so everybody's".to_owned());
        }
        if written.get("use").is_some() && text("use") != Some("sig") {
            return Err("it is not for signatures (use)".to_owned());
        }
        if let Some(operations) = written.get("key_ops") {
            let verifies = |list: &Vec<Value>| list.iter().any(|one| one == "verify");
            if !operations.as_array().is_some_and(verifies) {
                return Err("it is not for verifying (key_ops)".to_owned());
            }
        }
        let part = |member: &str| text(member).ok_or_else(|| format!("it has no `{member}`"));
        let (fitting, key) = match (text("kty"), text("crv")) {
            (Some("RSA"), _) => (RSA.to_vec(), rsa(part("n")?, part("e")?)?),
            (Some("EC"), Some("P-256")) => (
                vec![Algorithm::ES256],
                DecodingKey::from_ec_components(part("x")?, part("y")?).map_err(unreadable)?,
            ),
            (Some("EC"), Some("P-384")) => (
                vec![Algorithm::ES384],
                DecodingKey::from_ec_components(part("x")?, part("y")?).map_err(unreadable)?,
            ),
            (Some("OKP"), Some("Ed25519")) => (
                vec![Algorithm::EdDSA],
                DecodingKey::from_ed_components(part("x")?).map_err(unreadable)?,
            ),
            _ => {
                return Err("it is neither RSA nor EC (P-256, P-384) nor OKP (Ed25519)".to_owned());
            }
        };
        let algorithms = match written.get("alg") {
            None => fitting,
            Some(_) => text("alg")
                .and_then(algorithm_named)
                .filter(|named| fitting.contains(named))
                .map(|named| vec![named])
                .ok_or("its `alg` is not one of its type")?,
        };
        if written.get("kid").is_some() && text("kid").is_none() {
            return Err("its `kid` is no text".to_owned());
        }
        Ok(Self {
            name: text("kid").map(str::to_owned),
            print: print(written),
            algorithms,
            key,
        })
    }

    /// A key without a name fits any name, and any key fits a token that names none: the
    /// signature decides.
    fn is_named(&self, wanted: Option<&str>) -> bool {
        match (self.name.as_deref(), wanted) {
            (Some(name), Some(wanted)) => name == wanted,
            _ => true,
        }
    }

    fn signed(&self, token: &Token<'_>) -> bool {
        crypto::verify(token.signature, token.message, &self.key, token.algorithm).unwrap_or(false)
    }
}

/// Nothing of what it was read from but its name.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

fn rsa(modulus: &str, exponent: &str) -> Result<DecodingKey, String> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(modulus)
        .map_err(|_| "its `n` cannot be read")?;
    let length = bytes.iter().skip_while(|byte| **byte == 0).count();
    if !RSA_BYTES.contains(&length) {
        return Err(format!(
            "it has {} bits; 2048 to 8192 are accepted",
            length * 8
        ));
    }
    DecodingKey::from_rsa_components(modulus, exponent).map_err(unreadable)
}

fn unreadable(_: jsonwebtoken::errors::Error) -> String {
    "it cannot be read".to_owned()
}

fn print(written: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, written.to_string().as_bytes()))
}

//! A token as it is written (RFC 7515, 7519), read strictly.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::super::Unproven;

/// Longest token, in bytes.
pub const MAX_TOKEN: usize = 32 * 1024;

/// Longest name of a key.
const MAX_KEY_NAME: usize = 256;

/// Longest piece of a token that a message repeats, in characters.
const MAX_SHOWN: usize = 128;

/// What a header may call itself. A token for something else (a logout, a proof of possession) is
/// signed by the same key and must not pass for one of these (RFC 8725, 3.11).
const TYPES: [&str; 3] = ["jwt", "at+jwt", "jose"];

/// A token, taken apart and not verified.
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key: Option<String>,
    pub(super) claims: Map<String, Value>,
    /// What is signed.
    pub(super) message: &'a [u8],
    /// As it is written, in base64.
    pub(super) signature: &'a str,
}

// === impl Token ===

impl<'a> Token<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Unproven> {
        if bytes.len() > MAX_TOKEN {
            return Err(Unproven::both(format!(
                "the token is {} bytes long; at most {MAX_TOKEN} are allowed",
                bytes.len()
            )));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| no_token())?;
        let (message, signature) = text.rsplit_once('.').ok_or_else(no_token)?;
        let (header, claims) = message.split_once('.').ok_or_else(no_token)?;
        let header = object(header).map_err(|why| malformed("header", why))?;
        let claims = object(claims).map_err(|why| malformed("claims", why))?;
        check_kind(&header)?;
        Ok(Self {
            algorithm: algorithm(&header)?,
            key: key_name(&header)?,
            claims,
            message: message.as_bytes(),
            signature,
        })
    }
}

/// Algorithms by public key. Nothing else is ever accepted: `none` proves nothing, and an HMAC
/// would take a public key for a shared secret.
pub(super) fn algorithm_named(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" | "Ed25519" => Algorithm::EdDSA,
        _ => return None,
    })
}

/// A piece of a token for a message: short, and with nothing that does not show.
pub(super) fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(MAX_SHOWN).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("{start:?}")
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, Unproven> {
    let name = header.get("alg").and_then(Value::as_str).unwrap_or("none");
    algorithm_named(name).ok_or_else(|| {
        Unproven::both(format!(
            "the token's algorithm {} is not accepted",
            shown(name)
        ))
    })
}

fn key_name(header: &Map<String, Value>) -> Result<Option<String>, Unproven> {
    match header.get("kid") {
        None => Ok(None),
        Some(Value::String(name)) if name.len() <= MAX_KEY_NAME => Ok(Some(name.clone())),
        Some(_) => Err(Unproven::both(format!(
            "the token's key (kid) is not a text of at most {MAX_KEY_NAME} bytes"
        ))),
    }
}

fn check_kind(header: &Map<String, Value>) -> Result<(), Unproven> {
    if header.contains_key("crit") {
        return Err(Unproven::both(
            "the token asks for extensions (crit) that are not known here".to_owned(),
        ));
    }
    match header.get("typ") {
        None => Ok(()),
        Some(Value::String(kind)) if is_type(kind) => Ok(()),
        Some(_) => Err(Unproven::both(
            "the token is not for logging in (typ)".to_owned(),
        )),
    }
}

fn is_type(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    let short = kind.strip_prefix("application/").unwrap_or(&kind);
    TYPES.contains(&short)
}

fn no_token() -> Unproven {
    Unproven::both("the password is neither a token nor an API key that is known here".to_owned())
}

fn malformed(part: &str, why: Malformed) -> Unproven {
    match why {
        Malformed::Twice => {
            Unproven::both(format!("something is named twice in the token's {part}"))
        }
        Malformed::Unreadable => no_token(),
    }
}

enum Malformed {
    Unreadable,
    /// Two readers could each believe another one of them.
    Twice,
}

/// A JSON object in base64, with every name at most once in each of its objects.
fn object(part: &str) -> Result<Map<String, Value>, Malformed> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Malformed::Unreadable)?;
    let map = serde_json::from_slice(&bytes).map_err(|_| Malformed::Unreadable)?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    Once.deserialize(&mut reader)
        .map_err(|_| Malformed::Twice)?;
    Ok(map)
}

/// Reads any value for nothing but to see that no name repeats. Depth is bounded by `serde_json`.
struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Once)?;
            if !names.insert(name) {
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Once)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

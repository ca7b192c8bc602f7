//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677; binding `tls-server-end-point`).
//!
//! The exchange is typed by its steps: [`First`] has sent the client's nonce, [`Last`] its proof.
//! A target is believed only after [`Last::verify`]: it knew the password's keys too, and with a
//! binding it is the one whose certificate we saw.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use thiserror::Error;

use super::tls::Binding;
use crate::secret::Secret;

/// Fewer would make a stolen exchange cheap to guess from (RFC 7677).
pub const MIN_ITERATIONS: u32 = 4096;

/// More would let a target keep our processors busy.
pub const MAX_ITERATIONS: u32 = 4_000_000;

/// Longest salt that is taken.
const MAX_SALT: usize = 1024;

/// Random bytes of our nonce.
const NONCE_BYTES: usize = 18;

pub(super) const PLAIN: &str = "SCRAM-SHA-256";
pub(super) const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// Why an exchange was given up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScramFailed {
    #[error("the target offers no mechanism that is spoken")]
    NoMechanism,
    #[error("the target's message is malformed: {0}")]
    Malformed(&'static str),
    #[error("the target's nonce does not continue ours")]
    Nonce,
    #[error("{0} iterations; {MIN_ITERATIONS} to {MAX_ITERATIONS} are accepted")]
    Iterations(u32),
    #[error("the target does not know the password: its signature is wrong")]
    Signature,
    #[error("the target went on without proving itself")]
    NoProof,
    #[error("the target says: {0}")]
    Refused(String),
    #[error("no randomness")]
    Randomness,
}

/// Our first message is made.
#[derive(Debug)]
pub(super) struct First {
    pub(super) mechanism: &'static str,
    header: &'static str,
    /// Behind the header in what the proof covers.
    bound: Vec<u8>,
    nonce: String,
    user: String,
}

/// Our proof is made; the target's is awaited.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) message: String,
    expected: hmac::Tag,
}

// === impl First ===

impl First {
    /// Chooses among the mechanisms offered, each ended by a zero byte.
    ///
    /// Over TLS we bind where the target offers it. Where it does not, we say that we could have
    /// (`y`): a target that did offer it then knows that someone took the offer away.
    pub(super) fn choose(mechanisms: &[u8], binding: &Binding) -> Result<Self, ScramFailed> {
        let mut random = [0; NONCE_BYTES];
        rand::fill(&mut random).map_err(|_| ScramFailed::Randomness)?;
        Self::with_nonce(mechanisms, binding, BASE64.encode(random), "")
    }

    pub(super) fn with_nonce(
        mechanisms: &[u8],
        binding: &Binding,
        nonce: String,
        user: &str,
    ) -> Result<Self, ScramFailed> {
        let offers = |name: &str| mechanisms.split(|b| *b == 0).any(|m| m == name.as_bytes());
        let (mechanism, header, bound) = match binding {
            Binding::Certificate(Some(hash)) if offers(PLUS) => {
                (PLUS, "p=tls-server-end-point,,", hash.clone())
            }
            Binding::Certificate(Some(_)) if offers(PLAIN) => (PLAIN, "y,,", Vec::new()),
            Binding::Certificate(None) | Binding::NoTls if offers(PLAIN) => {
                (PLAIN, "n,,", Vec::new())
            }
            _ => return Err(ScramFailed::NoMechanism),
        };
        Ok(Self {
            mechanism,
            header,
            bound,
            nonce,
            user: user.to_owned(),
        })
    }

    pub(super) fn message(&self) -> String {
        format!("{}{}", self.header, self.bare())
    }

    /// The server takes the user from the start-up packet, so this one is empty.
    fn bare(&self) -> String {
        format!("n={},r={}", self.user, self.nonce)
    }

    /// Answers the target's first message. Takes processor time by the target's iteration count.
    pub(super) fn answer(self, password: &Secret, server: &[u8]) -> Result<Last, ScramFailed> {
        let server =
            std::str::from_utf8(server).map_err(|_| ScramFailed::Malformed("not UTF-8"))?;
        let (nonce, salt, iterations) = parse_first(server)?;
        // As long as ours and no longer would be ours alone: a replay.
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramFailed::Nonce);
        }
        let salted = salted_password(password, &salt, iterations);
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());

        let mut bound = self.header.as_bytes().to_vec();
        bound.extend_from_slice(&self.bound);
        let without_proof = format!("c={},r={nonce}", BASE64.encode(bound));
        let all = format!("{},{server},{without_proof}", self.bare());

        let signature = sign(stored_key.as_ref(), all.as_bytes());
        let proof: Vec<u8> = client_key
            .as_ref()
            .iter()
            .zip(signature.as_ref())
            .map(|(key, signature)| key ^ signature)
            .collect();
        let server_key = sign(&salted, b"Server Key");
        Ok(Last {
            message: format!("{without_proof},p={}", BASE64.encode(proof)),
            expected: sign(server_key.as_ref(), all.as_bytes()),
        })
    }
}

// === impl Last ===

impl Last {
    /// Whether the target proved that it knows the password's keys.
    pub(super) fn verify(self, server: &[u8]) -> Result<(), ScramFailed> {
        let server =
            std::str::from_utf8(server).map_err(|_| ScramFailed::Malformed("not UTF-8"))?;
        if let Some(error) = server.strip_prefix("e=") {
            return Err(ScramFailed::Refused(error.chars().take(64).collect()));
        }
        let value = server
            .strip_prefix("v=")
            .and_then(|rest| rest.split(',').next())
            .ok_or(ScramFailed::Malformed("no signature"))?;
        let signature = BASE64
            .decode(value)
            .map_err(|_| ScramFailed::Malformed("the signature is not base64"))?;
        constant_time::verify_slices_are_equal(&signature, self.expected.as_ref())
            .map_err(|_| ScramFailed::Signature)
    }
}

/// `r=<nonce>,s=<salt>,i=<iterations>`, perhaps with extensions behind. A mandatory extension
/// (`m=`) stands first and is not understood, so it fails.
fn parse_first(server: &str) -> Result<(&str, Vec<u8>, NonZeroU32), ScramFailed> {
    let mut parts = server.split(',');
    let mut next = |prefix: &str, what| {
        parts
            .next()
            .and_then(|part| part.strip_prefix(prefix))
            .ok_or(ScramFailed::Malformed(what))
    };
    let nonce = next("r=", "no nonce")?;
    let salt = next("s=", "no salt")?;
    let iterations = next("i=", "no iteration count")?;
    if !nonce.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ScramFailed::Malformed("the nonce is not printable"));
    }
    let salt = BASE64
        .decode(salt)
        .map_err(|_| ScramFailed::Malformed("the salt is not base64"))?;
    if salt.is_empty() || salt.len() > MAX_SALT {
        return Err(ScramFailed::Malformed("the salt is empty or too long"));
    }
    let count: u32 = iterations
        .parse()
        .map_err(|_| ScramFailed::Malformed("the iteration count is no number"))?;
    let iterations = NonZeroU32::new(count)
        .filter(|count| (MIN_ITERATIONS..=MAX_ITERATIONS).contains(&count.get()))
        .ok_or(ScramFailed::Iterations(count))?;
    Ok((nonce, salt, iterations))
}

/// The password as the server stored it: prepared where it can be, else as it is, as libpq does.
fn salted_password(password: &Secret, salt: &[u8], iterations: NonZeroU32) -> [u8; 32] {
    let raw = password.reveal();
    let prepared = std::str::from_utf8(raw)
        .ok()
        .and_then(|text| stringprep::saslprep(text).ok())
        .map(|text| Secret::new(text.as_bytes()));
    let used = prepared.as_ref().unwrap_or(password);
    let mut salted = [0; 32];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        salt,
        used.reveal(),
        &mut salted,
    );
    salted
}

fn sign(key: &[u8], data: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
}

#[cfg(test)]
mod tests;

//! The messages of OAUTHBEARER (RFC 7628), as bytes.

use crate::secret::Secret;

/// The mechanism's name, as AuthenticationSASL lists it.
pub(super) const MECHANISM: &[u8] = b"OAUTHBEARER\0\0";

/// Between the fields of a client's message.
const SEPARATOR: u8 = 1;

/// Why a client's first message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidBearer {
    #[error("the SASL mechanism is not OAUTHBEARER")]
    Mechanism,
    #[error("the OAUTHBEARER message is malformed at its {0}")]
    Malformed(&'static str),
    #[error("an authorization identity may not be given")]
    Identity,
}

/// What a client's first message holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    Token(Secret),
    /// It has none yet, and asks where to get one.
    Discovery,
}

/// Reads the body of SASLInitialResponse.
pub(super) fn initial(body: &[u8]) -> Result<Bearer, InvalidBearer> {
    let end = body
        .iter()
        .position(|&byte| byte == 0)
        .ok_or(InvalidBearer::Mechanism)?;
    let (mechanism, rest) = body.split_at_checked(end).unwrap_or_default();
    if mechanism != b"OAUTHBEARER" {
        return Err(InvalidBearer::Mechanism);
    }
    let (length, data) = rest
        .get(1..)
        .and_then(<[u8]>::split_first_chunk::<4>)
        .ok_or(InvalidBearer::Malformed("length"))?;
    if usize::try_from(i32::from_be_bytes(*length)).ok() != Some(data.len()) {
        return Err(InvalidBearer::Malformed("length"));
    }
    message(data)
}

/// `gs2-header SEP *(key=value SEP) SEP`.
fn message(data: &[u8]) -> Result<Bearer, InvalidBearer> {
    let mut fields = data.split(|&byte| byte == SEPARATOR);
    header(fields.next().unwrap_or_default())?;
    let mut bearer = None;
    loop {
        let field = fields.next().ok_or(InvalidBearer::Malformed("end"))?;
        if field.is_empty() {
            break;
        }
        let at = field
            .iter()
            .position(|&byte| byte == b'=')
            .ok_or(InvalidBearer::Malformed("fields"))?;
        let (key, value) = field.split_at_checked(at).unwrap_or_default();
        if key == b"auth" {
            let value = value.get(1..).unwrap_or_default();
            if bearer.replace(authorization(value)?).is_some() {
                return Err(InvalidBearer::Malformed("second auth field"));
            }
        }
    }
    // The message ends with two separators: the split leaves one empty field after them.
    match (fields.next(), fields.next()) {
        (Some(b""), None) => {}
        _ => return Err(InvalidBearer::Malformed("end")),
    }
    bearer.ok_or(InvalidBearer::Malformed("auth field"))
}

/// No channel binding and no authorization identity.
fn header(header: &[u8]) -> Result<(), InvalidBearer> {
    match header {
        b"n,," | b"y,," => Ok(()),
        _ if header.starts_with(b"n,a=") || header.starts_with(b"y,a=") => {
            Err(InvalidBearer::Identity)
        }
        _ => Err(InvalidBearer::Malformed("header")),
    }
}

fn authorization(value: &[u8]) -> Result<Bearer, InvalidBearer> {
    if value.is_empty() {
        return Ok(Bearer::Discovery);
    }
    let (scheme, token) = value
        .split_at_checked(7)
        .ok_or(InvalidBearer::Malformed("auth field"))?;
    let token = token.trim_ascii_start();
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    if !scheme.eq_ignore_ascii_case(b"Bearer ") || token.is_empty() || !token.iter().all(allowed) {
        return Err(InvalidBearer::Malformed("auth field"));
    }
    Ok(Bearer::Token(Secret::new(token)))
}

/// What a client without a good token is told: where to get one.
pub(super) fn challenge(issuer: Option<&str>) -> Vec<u8> {
    let mut told = serde_json::Map::new();
    told.insert("status".to_owned(), "invalid_token".into());
    if let Some(issuer) = issuer {
        let issuer = issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        told.insert("scope".to_owned(), "openid".into());
        told.insert("openid-configuration".to_owned(), url.into());
    }
    serde_json::Value::Object(told).to_string().into_bytes()
}

#[cfg(test)]
mod tests;

//! What opens doors: tokens, keys and passwords.

pub(super) mod api_key;
pub(super) mod connection;
pub(super) mod issued;
pub(super) mod jwt;
pub(super) mod pem;

/// Whether a value only holds the place of a secret: `${PASSWORD}`, `<password>`, `****`.
fn is_placeholder(value: &[u8]) -> bool {
    let Some(first) = value.first() else {
        return true;
    };
    let is_template = matches!(first, b'<' | b'{' | b'[' | b'%') || value.starts_with(b"$");
    let is_blank = value.iter().all(|byte| byte == first)
        && matches!(first, b'*' | b'x' | b'X' | b'.' | b'-' | b'_' | b'?');
    is_template || is_blank
}

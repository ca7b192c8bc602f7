//! Keys in PEM: one block of Base64 between two lines.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The one block of this label. Text around it is passed over; a second block is not looked at.
pub(crate) fn decode(label: &str, text: &str) -> Option<Vec<u8>> {
    let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = after.split_once(&format!("-----END {label}-----"))?;
    let digits: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(digits).ok()
}

pub(crate) fn encode(label: &str, bytes: &[u8]) -> String {
    // 48 bytes are 64 digits, the width that OpenSSL writes.
    let lines: Vec<String> = bytes.chunks(48).map(|line| STANDARD.encode(line)).collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

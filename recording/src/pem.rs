//! Keys in PEM: one block of Base64 between two lines.

use std::fmt::Write;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The one block of this label. Text around it is passed over; a second block is not looked at.
pub(crate) fn decode(label: &str, text: &str) -> Option<Vec<u8>> {
    let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = after.split_once(&format!("-----END {label}-----"))?;
    let digits: Vec<u8> = body
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let unpadded = digits
        .strip_suffix(b"==")
        .or(digits.strip_suffix(b"="))
        .unwrap_or(&digits);
    let mut bytes = Vec::with_capacity(unpadded.len() / 4 * 3 + 2);
    for group in unpadded.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = bits << 6 | value(*digit)?;
        }
        bits <<= 6 * (4 - group.len());
        let [_, decoded @ ..] = bits.to_be_bytes();
        bytes.extend(decoded.iter().take(group.len() - 1));
    }
    Some(bytes)
}

pub(crate) fn encode(label: &str, bytes: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in bytes.chunks(48) {
        for group in line.chunks(3) {
            let mut padded = [0; 4];
            padded
                .iter_mut()
                .skip(1)
                .zip(group)
                .for_each(|(to, from)| *to = *from);
            let bits = u32::from_be_bytes(padded);
            for place in 0..4_u32 {
                let digit = (bits >> (18 - 6 * place) & 63) as usize;
                let known = ALPHABET
                    .get(digit)
                    .filter(|_| place as usize <= group.len());
                text.push(known.map_or('=', |byte| char::from(*byte)));
            }
        }
        text.push('\n');
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "-----END {label}-----");
    text
}

fn value(digit: u8) -> Option<u32> {
    let place = ALPHABET.iter().position(|known| *known == digit)?;
    u32::try_from(place).ok()
}

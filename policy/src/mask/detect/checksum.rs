//! The checks that tell a number from its look-alikes.

/// The digit check of payment cards. Bytes that are no digit are passed over.
pub(super) fn luhn(text: &[u8]) -> bool {
    let mut sum = 0u32;
    let mut count = 0u32;
    for value in text.iter().rev().filter_map(|byte| digit(*byte)) {
        let value = if count % 2 == 1 { value * 2 } else { value };
        sum += if value > 9 { value - 9 } else { value };
        count += 1;
    }
    count > 1 && sum.is_multiple_of(10)
}

/// The check of book and article numbers (EAN-13): weights 1 and 3 in turn, from the left.
pub(super) fn ean13(digits: &[u8]) -> bool {
    let weighted = digits
        .iter()
        .filter_map(|byte| digit(*byte))
        .zip([1, 3].into_iter().cycle());
    digits.len() == 13 && weighted.map(|(value, weight)| value * weight).sum::<u32>() % 10 == 0
}

/// The check of bank accounts (ISO 7064, mod 97): the first four characters moved to the end and
/// letters read as 10 to 35, the whole is 1 modulo 97. Bytes that are neither are passed over.
pub(super) fn mod97(text: &[u8]) -> bool {
    let kept = || text.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let rest = kept()
        .skip(4)
        .chain(kept().take(4))
        .fold(0u32, |rest, &byte| {
            match (digit(byte), byte.to_ascii_uppercase()) {
                (Some(value), _) => (rest * 10 + value) % 97,
                (None, letter) => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
            }
        });
    kept().count() > 4 && rest == 1
}

/// CRC-32 as in zip files.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    });
    !crc
}

/// A number in base 62 (`0-9A-Za-z`), or `None` where it is none or does not fit.
pub(super) fn base62(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0u32, |number, &byte| {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u32::from(value))
    })
}

/// The bytes of a base64url text without padding. Stops before a last lone character.
pub(super) fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0u32, 0u32);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xFF) as u8);
        }
    }
    Some(bytes)
}

/// Bits of Shannon entropy for each byte.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = bytes.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

/// Whether a key reads like chance rather than like words: letters and digits in frequent turns.
///
/// Words joined by `-`, `_`, `.` or `/` are taken apart first; one of the parts must be long
/// enough to be a key by itself.
pub(super) fn is_random(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_alphanumeric())
        .any(|part| part.len() >= RANDOM_PART && part_is_random(part))
}

/// The shortest part of a key that is judged.
const RANDOM_PART: usize = 12;

/// The least entropy of a key, in bits for each byte. Thirty-two random hex digits have 3.3 to
/// 3.9; words in one case rarely reach it together with the other two conditions.
const RANDOM_ENTROPY: f64 = 3.0;

fn part_is_random(part: &[u8]) -> bool {
    let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
    // At least two digits and some letters.
    digits >= 2 && part.len() - digits >= 2 && is_jumbled(part)
}

/// Whether letters and digits come in no order: a change of class at more than a quarter of the
/// places. Enough for a key that its prefix marks already; what joins its parts is passed over.
pub(super) fn is_jumbled(text: &[u8]) -> bool {
    let class = |byte: &u8| match byte {
        b'0'..=b'9' => 0,
        b'A'..=b'Z' => 1,
        _ => 2,
    };
    let kept = || text.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let turns = kept()
        .zip(kept().skip(1))
        .filter(|(a, b)| class(a) != class(b));
    turns.count() * 4 > kept().count() && entropy(text) >= RANDOM_ENTROPY
}

fn digit(byte: u8) -> Option<u32> {
    byte.is_ascii_digit().then(|| u32::from(byte - b'0'))
}

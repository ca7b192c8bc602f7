//! Numbers in binary, as text and back.

use super::kind::Number;

/// The number in the plain decimal form that the server would write.
pub(super) fn to_text(number: Number, bytes: &[u8]) -> Option<String> {
    Some(match number {
        Number::Int2 => i16::from_be_bytes(exact(bytes)?).to_string(),
        Number::Int4 => i32::from_be_bytes(exact(bytes)?).to_string(),
        Number::Int8 => i64::from_be_bytes(exact(bytes)?).to_string(),
        Number::Float4 => f32::from_be_bytes(exact(bytes)?).to_string(),
        Number::Float8 => f64::from_be_bytes(exact(bytes)?).to_string(),
        Number::Numeric => numeric_to_text(bytes)?,
    })
}

/// None where it does not fit the type.
pub(super) fn from_text(number: Number, text: &str) -> Option<Vec<u8>> {
    Some(match number {
        Number::Int2 => text.parse::<i16>().ok()?.to_be_bytes().to_vec(),
        Number::Int4 => text.parse::<i32>().ok()?.to_be_bytes().to_vec(),
        Number::Int8 => text.parse::<i64>().ok()?.to_be_bytes().to_vec(),
        Number::Float4 => text.parse::<f32>().ok()?.to_be_bytes().to_vec(),
        Number::Float8 => text.parse::<f64>().ok()?.to_be_bytes().to_vec(),
        Number::Numeric => numeric_from_text(text)?,
    })
}

/// How many decimal digits one digit of a numeric has.
const DIGITS: usize = 4;

const NEGATIVE: u16 = 0x4000;

fn exact<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// Count, weight, sign, scale, then digits to the base of 10,000. Not a number and the infinities
/// have signs of their own.
fn numeric_to_text(bytes: &[u8]) -> Option<String> {
    let (head, digits) = bytes.split_first_chunk::<8>()?;
    let (words, _) = head.as_chunks::<2>();
    let mut words = words.iter().map(|word| u16::from_be_bytes(*word));
    let count = usize::from(words.next()?);
    let weight = i16::from_be_bytes(words.next()?.to_be_bytes());
    let sign = words.next()?;
    let scale = usize::from(words.next()?);
    let (digits, rest) = digits.as_chunks::<2>();
    if digits.len() != count || !rest.is_empty() || (sign != 0 && sign != NEGATIVE) {
        return None;
    }
    let digit = |place: i32| {
        let index = usize::try_from(i32::from(weight) - place).ok();
        let found = index.and_then(|index| digits.get(index));
        found.map_or(0, |digit| u16::from_be_bytes(*digit))
    };
    let mut text = String::new();
    if sign == NEGATIVE {
        text.push('-');
    }
    match weight {
        ..0 => text.push('0'),
        _ => {
            text.push_str(&digit(i32::from(weight)).to_string());
            for place in (0..i32::from(weight)).rev() {
                text.push_str(&format!("{:04}", digit(place)));
            }
        }
    }
    if scale > 0 {
        text.push('.');
        let whole = text.len();
        let places = i32::try_from(scale.div_ceil(DIGITS)).ok()?;
        for place in 1..=places {
            text.push_str(&format!("{:04}", digit(-place)));
        }
        text.truncate(whole.saturating_add(scale));
    }
    Some(text)
}

fn numeric_from_text(text: &str) -> Option<Vec<u8>> {
    let (sign, plain) = match text.strip_prefix('-') {
        Some(plain) => (NEGATIVE, plain),
        None => (0, text),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let is_plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_plain(whole) || !is_plain(fraction) {
        return None;
    }
    let groups = whole.len().div_ceil(DIGITS);
    let mut padded = "0".repeat(groups.checked_mul(DIGITS)? - whole.len());
    padded.push_str(whole);
    padded.push_str(fraction);
    let missing = fraction.len().next_multiple_of(DIGITS) - fraction.len();
    padded.push_str(&"0".repeat(missing));
    let (digits, _) = padded.as_bytes().as_chunks::<DIGITS>();
    let digit = |group: &[u8; DIGITS]| {
        group
            .iter()
            .fold(0u16, |sum, b| sum * 10 + u16::from(b.saturating_sub(b'0')))
    };
    let mut bytes = Vec::with_capacity(8 + digits.len() * 2);
    bytes.extend(u16::try_from(digits.len()).ok()?.to_be_bytes());
    bytes.extend((i16::try_from(groups).ok()? - 1).to_be_bytes());
    bytes.extend(sign.to_be_bytes());
    bytes.extend(u16::try_from(fraction.len()).ok()?.to_be_bytes());
    for group in digits {
        bytes.extend(digit(group).to_be_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were() {
        for (number, text) in [
            (Number::Int2, "-32768"),
            (Number::Int4, "2147483647"),
            (Number::Int8, "-9223372036854775808"),
            (Number::Float4, "1.5"),
            (Number::Float8, "4111111111111111"),
            (Number::Numeric, "4111111111111111"),
            (Number::Numeric, "-0.00120"),
            (Number::Numeric, "12345.6789012"),
            (Number::Numeric, "0"),
            (Number::Numeric, "10000000"),
        ] {
            let bytes = from_text(number, text).unwrap();
            assert_eq!(to_text(number, &bytes).as_deref(), Some(text), "{number:?}");
        }
    }

    #[test]
    fn what_is_no_number_of_the_type_is_none() {
        assert_eq!(from_text(Number::Int2, "32768"), None);
        for text in ["", "1e5", "NaN", "-", ".5", "1.2.3"] {
            assert_eq!(from_text(Number::Numeric, text), None, "{text}");
        }
        assert_eq!(to_text(Number::Int4, b"abc"), None);
        for bytes in [&b""[..], b"\0\x01\0\0\0\0\0\0", b"\0\0\0\0\xc0\0\0\0"] {
            assert_eq!(to_text(Number::Numeric, bytes), None);
        }
    }

    #[test]
    fn a_numeric_without_its_trailing_zeros_is_read() {
        // The server leaves digits away that are zero: 20000 is one digit of weight 1.
        let bytes = [0, 1, 0, 1, 0, 0, 0, 2, 0, 2];
        assert_eq!(
            to_text(Number::Numeric, &bytes).as_deref(),
            Some("20000.00")
        );
    }
}

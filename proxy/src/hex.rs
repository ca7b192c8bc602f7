//! Bytes as hexadecimal digits.

/// Two small digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let digits = [byte >> 4, byte & 15].map(usize::from);
        let digits = digits.into_iter().filter_map(|digit| DIGITS.get(digit));
        text.extend(digits.map(|digit| char::from(*digit)));
    }
    text
}

/// None where it is no hexadecimal, small or large, or not of whole bytes.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let value = |digit: u8| char::from(digit).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(value(*high)? * 16 + value(*low)?).ok();
    match rest {
        [] => pairs.iter().map(byte).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let digits = hex(&all);
        assert!(digits.starts_with("000102") && digits.ends_with("fdfeff"));
        assert_eq!(unhex(&digits), Some(all.clone()));
        assert_eq!(unhex(&digits.to_uppercase()), Some(all));
        assert_eq!((hex(&[]), unhex("")), (String::new(), Some(vec![])));
    }

    #[test]
    fn what_is_no_digit_is_none() {
        for wrong in ["0", "0g", "+f", " f", "0x", "00f", "é0"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}

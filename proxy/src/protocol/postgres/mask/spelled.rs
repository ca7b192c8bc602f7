//! Binary values as the texts that detectors know.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::kind::Spelled;

/// None for bytes that are no value of the type.
pub(super) fn spelled(kind: Spelled, bytes: &[u8]) -> Option<String> {
    match kind {
        Spelled::Uuid => {
            let bytes: &[u8; 16] = bytes.try_into().ok()?;
            Some(hexadecimal(bytes, '-', &[4, 6, 8, 10]))
        }
        Spelled::Hardware => {
            let every: Vec<usize> = (1..bytes.len()).collect();
            matches!(bytes.len(), 6 | 8).then(|| hexadecimal(bytes, ':', &every))
        }
        Spelled::Address => {
            // Family, length of the prefix, whether it is a cidr, bytes of the address.
            let (_, address) = bytes.split_first_chunk::<4>()?;
            if let Ok(four) = <[u8; 4]>::try_from(address) {
                return Some(Ipv4Addr::from(four).to_string());
            }
            let sixteen = <[u8; 16]>::try_from(address).ok()?;
            Some(Ipv6Addr::from(sixteen).to_string())
        }
    }
}

/// The texts within a binary value whose layout is not known. A word that begins with two zero
/// bytes is taken for a length or a number, so that its last byte is not read as a part of the
/// text behind it.
pub(super) fn texts(bytes: &[u8]) -> Vec<u8> {
    let mut texts = bytes.to_vec();
    let mut at = 0;
    while let Some(word) = texts.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
        at += match word {
            [0, 0, _, _] => {
                *word = [b'\n'; 4];
                4
            }
            _ => 1,
        };
    }
    texts
}

fn hexadecimal(bytes: &[u8], mark: char, before: &[usize]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (at, byte) in bytes.iter().enumerate() {
        if before.contains(&at) {
            text.push(mark);
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

//! Keys, heads and names as operators paste them and buckets return them: what is read is shown
//! again as a text that reads the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use portcullis_recording::chain::Hash;
use portcullis_recording::checkpoint::{Head, PublicKey, SigningKey, TrustedKeys};
use portcullis_recording::crypt::{RecipientKey, RecipientPrivateKey, WrappedKey};
use portcullis_recording::event::{SessionId, WriterId};

pub fn check(data: &[u8]) {
    let _ = WrappedKey::parse(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    shown_again::<Hash>(text);
    shown_again::<PublicKey>(text);
    shown_again::<SessionId>(text);
    shown_again::<WriterId>(text);
    shown_again::<Head>(text);
    if let Ok(head) = text.parse::<Head>() {
        assert!(
            !head.is_trusted(&TrustedKeys::from_iter([])),
            "nobody is believed unasked"
        );
    }
    let _ = SigningKey::from_pem(text);
    let _ = RecipientKey::from_pem(text);
    let _ = RecipientPrivateKey::from_pem(text);
}

fn shown_again<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let again = value.to_string().parse::<T>().ok();
    assert_eq!(again.as_ref(), Some(&value), "{text:?}");
}

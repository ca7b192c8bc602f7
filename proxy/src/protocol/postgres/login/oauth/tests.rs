use super::{Bearer, InvalidBearer, challenge, initial};
use crate::secret::Secret;

fn first(data: &[u8]) -> Vec<u8> {
    let mut body = b"OAUTHBEARER\0".to_vec();
    body.extend_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
    body.extend_from_slice(data);
    body
}

#[test]
fn a_token_is_taken_out_of_its_message() {
    let body = first(b"n,,\x01auth=Bearer abc.DEF_1~+/=\x01\x01");
    assert_eq!(
        initial(&body),
        Ok(Bearer::Token(Secret::new(b"abc.DEF_1~+/=".to_vec())))
    );
}

#[test]
fn other_fields_are_passed_over() {
    let body = first(b"y,,\x01host=db\x01auth=bearer  x\x01port=5\x01\x01");
    assert_eq!(
        initial(&body),
        Ok(Bearer::Token(Secret::new(b"x".to_vec())))
    );
}

#[test]
fn an_empty_authorization_asks_where_to_get_a_token() {
    assert_eq!(
        initial(&first(b"n,,\x01auth=\x01\x01")),
        Ok(Bearer::Discovery)
    );
}

#[test]
fn malformed_messages_are_refused_by_their_part() {
    let malformed = InvalidBearer::Malformed;
    for (data, expected) in [
        (&b""[..], malformed("header")),
        (b"p=tls,,\x01auth=Bearer x\x01\x01", malformed("header")),
        (
            b"n,a=root,\x01auth=Bearer x\x01\x01",
            InvalidBearer::Identity,
        ),
        (b"n,,\x01auth=Bearer x\x01", malformed("end")),
        (b"n,,\x01auth=Bearer x", malformed("end")),
        (b"n,,\x01auth=Bearer x\x01\x01tail", malformed("end")),
        (b"n,,\x01auth=Bearer x\x01\x01\x01", malformed("end")),
        (b"n,,\x01\x01", malformed("auth field")),
        (b"n,,\x01auth=Basic xyz\x01\x01", malformed("auth field")),
        (b"n,,\x01auth=Bearer \x01\x01", malformed("auth field")),
        (b"n,,\x01auth=Bearer a b\x01\x01", malformed("auth field")),
        (b"n,,\x01noequals\x01\x01", malformed("fields")),
        (
            b"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01",
            malformed("second auth field"),
        ),
    ] {
        assert_eq!(initial(&first(data)), Err(expected), "{data:?}");
    }
}

#[test]
fn the_mechanism_and_the_length_must_be_right() {
    assert_eq!(initial(b"SCRAM-SHA-256\0"), Err(InvalidBearer::Mechanism));
    assert_eq!(initial(b"OAUTHBEARER"), Err(InvalidBearer::Mechanism));
    let malformed = Err(InvalidBearer::Malformed("length"));
    assert_eq!(initial(b"OAUTHBEARER\0\0\0"), malformed);
    assert_eq!(initial(b"OAUTHBEARER\0\xff\xff\xff\xff"), malformed);
    assert_eq!(initial(b"OAUTHBEARER\0\0\0\0\x09n,,"), malformed);
}

#[test]
fn the_challenge_says_where_tokens_come_from() {
    let told = String::from_utf8(challenge(Some("https://id.example/realm/"))).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["status"], "invalid_token");
    assert_eq!(
        told["openid-configuration"],
        "https://id.example/realm/.well-known/openid-configuration"
    );
    assert_eq!(challenge(None), br#"{"status":"invalid_token"}"#);
}

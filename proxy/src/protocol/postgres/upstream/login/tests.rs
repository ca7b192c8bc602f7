use super::{md5_answer, version_number};
use crate::secret::Secret;

#[test]
fn versions_are_read_as_the_server_numbers_them() {
    for (text, number) in [
        ("15.18 (Debian 15.18-0+deb12u1)", Some(150_018)),
        ("18.1", Some(180_001)),
        ("17beta1", Some(170_000)),
        ("9.6.24", Some(90_624)),
        ("", None),
        ("pg", None),
        ("4294967295.1", None),
    ] {
        assert_eq!(version_number(text.as_bytes()), number, "{text}");
    }
}

/// Computed with libpq's rule by hand: md5 of (md5 of "secretalice" in hex, then the salt).
#[test]
fn md5_answers_are_those_of_libpq() {
    let answer = md5_answer(&Secret::new("secret"), b"alice", [1, 2, 3, 4]);
    assert_eq!(answer.as_str(), "md598a0412b9c31436fc53776e863350083");
}

use super::{First, MAX_ITERATIONS, MIN_ITERATIONS, PLAIN, PLUS, ScramFailed};
use crate::protocol::postgres::upstream::tls::Binding;
use crate::secret::Secret;

/// The exchange of RFC 7677, section 3.
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn first() -> First {
    let offered = b"SCRAM-SHA-256\0\0";
    First::with_nonce(offered, &Binding::NoTls, NONCE.to_owned(), "user").unwrap()
}

fn pencil() -> Secret {
    Secret::new("pencil")
}

fn refusal(server_first: &str) -> ScramFailed {
    first()
        .answer(&pencil(), server_first.as_bytes())
        .unwrap_err()
}

#[test]
fn the_exchange_of_rfc_7677_is_spoken() {
    assert_eq!(first().message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let last = first().answer(&pencil(), SERVER_FIRST.as_bytes()).unwrap();
    assert_eq!(
        last.message,
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    last.verify(SERVER_FINAL.as_bytes()).unwrap();
}

#[test]
fn a_target_that_does_not_know_the_password_is_found_out() {
    for wrong in [
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
        "v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        "v=",
        "v=6rri",
        "",
        "w=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ] {
        let last = first().answer(&pencil(), SERVER_FIRST.as_bytes()).unwrap();
        assert!(last.verify(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let last = first()
        .answer(&Secret::new("pencil "), SERVER_FIRST.as_bytes())
        .unwrap();
    assert_eq!(
        last.verify(SERVER_FINAL.as_bytes()),
        Err(ScramFailed::Signature)
    );
}

#[test]
fn an_error_of_the_target_is_told() {
    let last = first().answer(&pencil(), SERVER_FIRST.as_bytes()).unwrap();
    assert_eq!(
        last.verify(b"e=invalid-proof"),
        Err(ScramFailed::Refused("invalid-proof".to_owned()))
    );
}

#[test]
fn a_nonce_that_does_not_continue_ours_is_refused() {
    for nonce in [
        "sOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        "rOprNGfwEbeRWgbNEkq",
        // Ours alone: the target added nothing.
        "rOprNGfwEbeRWgbNEkqO",
        "",
    ] {
        let message = format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        assert_eq!(refusal(&message), ScramFailed::Nonce, "{nonce}");
    }
}

#[test]
fn iterations_are_bounded_on_both_sides() {
    let message = |count: &str| format!("r={NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={count}");
    assert_eq!(refusal(&message("4095")), ScramFailed::Iterations(4095));
    assert_eq!(refusal(&message("0")), ScramFailed::Iterations(0));
    let over = MAX_ITERATIONS + 1;
    assert_eq!(
        refusal(&message(&over.to_string())),
        ScramFailed::Iterations(over)
    );
    let least = message(&MIN_ITERATIONS.to_string());
    assert!(first().answer(&pencil(), least.as_bytes()).is_ok());
    assert!(matches!(refusal(&message("-1")), ScramFailed::Malformed(_)));
    assert!(matches!(
        refusal(&message("99999999999")),
        ScramFailed::Malformed(_)
    ));
}

#[test]
fn malformed_first_messages_are_refused() {
    for message in [
        "",
        "r=",
        "m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "s=W22ZaJ0SNY7soEsUEjb6gQ==,r=rOprNGfwEbeRWgbNEkqOx,i=4096",
        "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
        "r=rOprNGfwEbeRWgbNEkqOx,s=!!,i=4096",
        "r=rOprNGfwEbeRWgbNEkqO\u{7f},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==",
    ] {
        assert!(
            matches!(refusal(message), ScramFailed::Malformed(_)),
            "{message}"
        );
    }
    assert!(first().answer(&pencil(), &[0xff, 0xfe]).is_err());
}

#[test]
fn the_binding_is_chosen_so_that_a_stripped_offer_is_seen() {
    let both: &[u8] = b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
    let plain: &[u8] = b"SCRAM-SHA-256\0\0";
    let hashed = Binding::Certificate(Some(vec![7; 32]));
    let unhashed = Binding::Certificate(None);
    for (offered, binding, mechanism, header) in [
        (both, &hashed, PLUS, "p=tls-server-end-point,,"),
        (plain, &hashed, PLAIN, "y,,"),
        (both, &unhashed, PLAIN, "n,,"),
        (plain, &Binding::NoTls, PLAIN, "n,,"),
        (both, &Binding::NoTls, PLAIN, "n,,"),
    ] {
        let first = First::with_nonce(offered, binding, "abc".to_owned(), "").unwrap();
        assert_eq!(first.mechanism, mechanism);
        assert_eq!(first.message(), format!("{header}n=,r=abc"));
    }
    for offered in [&b"SCRAM-SHA-1\0\0"[..], b"", b"SCRAM-SHA-256-PLUS\0\0"] {
        let none = First::with_nonce(offered, &Binding::NoTls, "abc".to_owned(), "");
        assert_eq!(none.unwrap_err(), ScramFailed::NoMechanism);
    }
}

#[test]
fn the_certificate_is_part_of_what_the_proof_covers() {
    let offered = b"SCRAM-SHA-256-PLUS\0\0";
    let proof = |hash: u8| {
        let binding = Binding::Certificate(Some(vec![hash; 32]));
        let first = First::with_nonce(offered, &binding, "abc".to_owned(), "").unwrap();
        let server = "r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        first.answer(&pencil(), server.as_bytes()).unwrap().message
    };
    assert!(proof(1).starts_with("c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAQEB"));
    assert_ne!(proof(1).split(",p=").nth(1), proof(2).split(",p=").nth(1));
}

#[test]
fn own_nonces_differ() {
    let offered = b"SCRAM-SHA-256\0\0";
    let one = First::choose(offered, &Binding::NoTls).unwrap().message();
    let other = First::choose(offered, &Binding::NoTls).unwrap().message();
    assert_ne!(one, other);
    assert_eq!(one.len(), "n,,n=,r=".len() + 24);
}

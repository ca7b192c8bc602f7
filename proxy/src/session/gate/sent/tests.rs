use portcullis_policy::mask::MaskSet;

use super::*;

/// What is recorded of these pieces: data, and how much is said to be missing behind it.
fn recorded(payloads: Payloads, pieces: &[&[u8]]) -> Vec<(usize, u64)> {
    let masks = MaskSet::default();
    let mut sent = Sent::new(payloads, &Cleaner::new(&masks));
    let mut told = Vec::new();
    let mut put = |sent: &mut Sent| {
        if let Some(Body::Input(input)) = sent.body(1) {
            told.push((input.data.len(), input.omitted_bytes));
        }
    };
    for piece in pieces {
        sent.take(piece);
        if sent.is_full() {
            put(&mut sent);
        }
    }
    sent.finish();
    put(&mut sent);
    // Nothing is told twice.
    put(&mut sent);
    told
}

#[test]
fn a_capped_payload_is_cut_at_the_limit_and_the_rest_counted() {
    let at = vec![b'x'; CAPPED_BYTES];
    let capped = |pieces: &[&[u8]]| recorded(Payloads::Capped, pieces);
    assert_eq!(capped(&[&at]), [(CAPPED_BYTES, 0)]);
    assert_eq!(capped(&[&at, b"y"]), [(CAPPED_BYTES, 1)]);
    assert_eq!(
        capped(&[&at, &at, &at]),
        [(CAPPED_BYTES, 2 * CAPPED_BYTES as u64)]
    );
    assert_eq!(capped(&[]), []);
}

#[test]
fn memory_is_bounded_however_much_is_sent() {
    let masks = MaskSet::default();
    for payloads in [Payloads::Capped, Payloads::Metadata] {
        let mut sent = Sent::new(payloads, &Cleaner::new(&masks));
        for _ in 0..1_000 {
            sent.take(&[b'x'; 10_000]);
        }
        assert!(sent.piece.capacity() <= 4 * LOOKED_AT, "{payloads:?}");
        assert_eq!(sent.bytes, 10_000_000);
    }
}

#[test]
fn a_full_payload_comes_in_pieces_and_metadata_in_none() {
    let long = vec![b'x'; CAPPED_BYTES + 10];
    let full = recorded(Payloads::Full, &[&long, b"end"]);
    assert_eq!(
        full.iter().map(|(bytes, _)| bytes).sum::<usize>(),
        long.len() + 3
    );
    assert!(full.iter().all(|(_, omitted)| *omitted == 0));
    assert_eq!(recorded(Payloads::Metadata, &[&long]), []);
}

#[test]
fn what_comes_behind_a_first_copy_goes_on_where_that_ended() {
    let masks = MaskSet::default();
    let mut sent = Sent::new(Payloads::Capped, &Cleaner::new(&masks));
    let mut told = Vec::new();
    for _ in 0..3 {
        sent.take(&vec![b'x'; CAPPED_BYTES / 2 + 1]);
        sent.finish();
        if let Some(Body::Input(input)) = sent.body(1) {
            told.push((input.offset, input.data.len(), input.omitted_bytes));
        }
    }
    let half = CAPPED_BYTES / 2;
    let rest = half as u64 + 1;
    assert_eq!(
        told,
        [
            (0, half + 1, 0),
            (rest, half - 1, 2),
            (2 * half as u64, 0, rest)
        ]
    );
}

use std::io::Read;

use super::*;

/// Bytes that hardly compress, always the same.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

fn unseal_by(bytes: &[u8], chunk: usize) -> Result<Vec<u8>, UnsealError> {
    let mut unsealer = Unsealer::new()?;
    let mut all = Vec::new();
    for mut input in bytes.chunks(chunk) {
        unsealer.pull_all(&mut input, &mut all)?;
    }
    unsealer.finish()?;
    Ok(all)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    seal(bytes).unwrap()
}

#[test]
fn sealed_bytes_read_back_in_pieces_of_any_size() {
    for bytes in [vec![], b"x".to_vec(), noise(100_000), vec![7; 3_000_000]] {
        let packed = packed(&bytes);
        assert!(unseal(&packed).unwrap() == bytes);
        for chunk in [1, 7, 4096, usize::MAX] {
            assert_eq!(unseal_by(&packed, chunk).unwrap(), bytes);
        }
    }
}

#[test]
fn every_cut_of_a_sealed_segment_is_named_truncated() {
    let packed = packed(&noise(2000));
    for len in 0..packed.len() {
        assert_eq!(
            unseal_by(&packed[..len], 512),
            Err(UnsealError::Truncated),
            "{len}"
        );
    }
}

#[test]
fn changed_byte_never_reads_back_as_other_content() {
    let bytes = [noise(500), vec![b'a'; 500]].concat();
    let packed = packed(&bytes);
    for place in 0..packed.len() {
        for bit in 0..8 {
            let mut changed = packed.clone();
            changed[place] ^= 1 << bit;
            // A few bits of the header mean nothing; then the content is the same.
            if let Ok(read) = unseal_by(&changed, 512) {
                assert!(read == bytes, "byte {place} bit {bit}");
            }
        }
    }
}

#[test]
fn what_follows_the_frame_is_refused() {
    let packed = packed(b"content");
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0xff];
    for tail in [b"x".as_slice(), &packed, &skippable] {
        let longer = [&packed, tail].concat();
        for chunk in [1, 512] {
            assert_eq!(unseal_by(&longer, chunk), Err(UnsealError::TrailingBytes));
        }
    }
    let ahead = [&skippable, packed.as_slice()].concat();
    assert_eq!(unseal_by(&ahead, 512), Err(UnsealError::TrailingBytes));
}

#[test]
fn bytes_that_are_no_zstd_are_named_damaged() {
    for bytes in [b"PK\x03\x04 not zstd".as_slice(), &[0; 64], &[0xff; 64]] {
        assert!(matches!(unseal_by(bytes, 64), Err(UnsealError::Damaged(_))));
    }
}

fn zeros(len: u64) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), 1).unwrap();
    io::copy(&mut io::repeat(0).take(len), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bomb_is_named_one_byte_past_the_limit() {
    let run = |bytes: &[u8]| {
        let mut unsealer = Unsealer::new().unwrap();
        let (mut input, mut out, mut total) = (bytes, vec![0; 1 << 20], 0);
        loop {
            let len = unsealer.pull(&mut input, &mut out)?;
            total += len as u64;
            if len == 0 && input.is_empty() {
                return unsealer.finish().map(|()| total);
            }
        }
    };
    assert_eq!(run(&zeros(MAX_SEGMENT_LEN)), Ok(MAX_SEGMENT_LEN));
    let bomb = zeros(MAX_SEGMENT_LEN + 1);
    assert!(bomb.len() < 10_000, "a bomb is small: {}", bomb.len());
    assert_eq!(
        run(&bomb),
        Err(UnsealError::Bomb {
            limit: MAX_SEGMENT_LEN
        })
    );
}

#[test]
fn window_above_the_limit_is_refused_before_memory_is_taken() {
    for (log, accepted) in [(MAX_WINDOW_LOG, true), (MAX_WINDOW_LOG + 1, false)] {
        let mut encoder = Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(b"text").unwrap();
        encoder.flush().unwrap();
        let read = unseal_by(&encoder.finish().unwrap(), 512);
        assert_eq!(read.is_ok(), accepted, "{log}: {read:?}");
        if let Err(error) = read {
            let UnsealError::Damaged(why) = error else {
                panic!("{error}")
            };
            assert!(why.contains("too much memory"), "{why}");
        }
    }
}

#[test]
fn segment_of_the_limit_is_sealed_and_one_byte_more_is_refused() {
    let mut raw = vec![0; MAX_SEGMENT_LEN as usize];
    assert!(unfolds_to(&seal(&raw).unwrap(), &Hash::of(&raw)));
    raw.push(0);
    assert!(matches!(seal(&raw), Err(SealError::SegmentTooLong)));
}

#[test]
fn segment_that_does_not_compress_stays_within_the_limit_of_sealed_ones() {
    let raw = noise(3 << 20);
    let grown = seal(&raw).unwrap().len() as u64;
    assert!(grown > raw.len() as u64);
    // Growth is in proportion, so what holds for 3 MiB holds for the longest segment.
    assert!(
        grown - raw.len() as u64 <= raw.len() as u64 / 256 + 1024,
        "{grown}"
    );
}

#[test]
fn seal_of_other_or_damaged_content_is_told_apart() {
    let raw = noise(200_000);
    let sealed = packed(&raw);
    assert!(unfolds_to(&sealed, &Hash::of(&raw)));
    for other in [noise(199_999), noise(200_001), vec![0; 200_000], vec![]] {
        assert!(!unfolds_to(&sealed, &Hash::of(&other)));
    }
    assert!(!unfolds_to(&sealed[..sealed.len() - 1], &Hash::of(&raw)));
    assert!(!unfolds_to(&[], &Hash::of(&raw)));
    assert!(!unfolds_to(&[], &Hash::of(&[])));
}

#[test]
fn segment_that_comes_in_pieces_is_sealed_alike_and_only_at_its_own_length() {
    let raw = noise(200_000);
    let in_pieces = |size: usize, len: u64| {
        let mut sealer = Sealer::new(len)?;
        for piece in raw.chunks(size) {
            sealer.push(piece)?;
        }
        sealer.finish(&Hash::of(&raw))
    };
    for size in [1_000, 65_536, 200_000] {
        let sealed = in_pieces(size, 200_000).unwrap();
        assert!(unseal(&sealed).unwrap() == raw, "{size}");
    }
    assert!(matches!(
        in_pieces(1_000, 199_999),
        Err(SealError::SegmentTooLong)
    ));
    assert!(in_pieces(1_000, 200_001).is_err());
}

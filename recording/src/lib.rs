//! The tamper-evident record: what happened in sessions, in strings and bytes.
//!
//! This crate knows no protocol and no cluster, and reads no clock: time is an argument.
//!
//! # The format, version 0
//!
//! A writer has a name ([`event::WriterId`]) and one chain. The chain is cut into segments,
//! numbered from 1, each a file `<writer>/<number>.seg` (the number with 20 digits, so that
//! names sort). All sessions of a writer are interleaved in it. All integers of fixed size are
//! little-endian; `varint` is seven bits a byte, lowest first, without idle bytes.
//!
//! ```text
//! segment  = magic "PCLREC", version u16 (0), frame*
//! frame    = length u32      of all that follows, check included
//!            kind u16        below 16: structure; from 16: events (format::kind)
//!            flags u16       1: payload encrypted, 2: compressed before it was encrypted
//!            sequence u64    counts all frames of the writer from 1, without a gap
//!            time u64        microseconds since 1970
//!            session [16]    zeros: of no session
//!            payload
//!            check [8]       the first bytes of the frame's link
//! link     = SHA-256(link of the frame ahead | frame from length through payload)
//! ```
//!
//! The link ahead of a writer's first frame is 32 zeros. The chain runs on from the last frame
//! of one segment to the first of the next. The check finds a torn tail and tells where
//! something was changed; what is proved is proved by signatures over whole links.
//!
//! **Payloads** are numbered fields: `number varint, length varint, bytes`, in rising order,
//! empty ones left out, so that each event has exactly one encoding and is written again byte
//! for byte. A number's type never changes; later versions add numbers at the end, which older
//! readers keep as they are ([`event::LaterField`]). Unknown kinds of events are kept whole.
//! An integer field is a varint, a list of texts is `(length varint, bytes)*`, an open map is
//! `(name length varint, name, value)*` with names rising, a value is `tag u8, length varint,
//! bytes` (tags: 1 text, 2 bytes, 3 zigzag varint, 4 list, 5 map; others are kept as they are).
//!
//! **Structure.** Fields of kind 1, segment start, the first frame of each segment: 1 version
//! plus one, 2 writer, 3 segment number, 4 link of the last frame of the segment ahead. Of kinds
//! 2, checkpoint, and 3, seal (the last frame of a segment, after which nothing may come):
//! 1 link of the frame ahead, 2 key id (first eight bytes of SHA-256 of the public key),
//! 3 Ed25519 signature over [`checkpoint::Head`]'s message: domain, kind, writer, segment, last
//! sequence covered, time, link, key id. A head can be checked alone, without the segment.
//! A checkpoint is written only once all segments ahead of its own are synced to disk, and is
//! given out as a head only once it is synced itself. Of kind 4, session key: 1 SHA-256 of the
//! key file, 2 recipient's key id.
//!
//! # Encryption
//!
//! Where a recipient (an X25519 public key) is named, each session gets its own random data
//! key. Payloads of its events are compressed (from a size on), encrypted, and only then
//! chained: the chain covers ciphertext, and verifies without any key. A frame's header stays
//! clear: kind, time, session. The data key is wrapped to the recipient and kept in a file of
//! its own, `<writer>/keys/<session, 32 hexadecimal digits>.key`, which is uploaded beside the
//! segments and is *not* part of the chain; a session key frame, ahead of the session's first
//! event, holds only its hash. Removing that one file makes the session unreadable for ever,
//! and every segment still verifies. Events of no session (acts of administrators, notices)
//! hold no data of a session and are not encrypted.
//!
//! An encrypted payload is `counter u64, ciphertext, tag [16]`, by AES-256-GCM. The counter is
//! the nonce (four zeros, then the counter): it belongs to the session's key and never goes
//! back. The frame's sequence number could not serve, since a frame that the disk had no room
//! for gives its number to the next one. Authenticated beside it: the frame's clear header
//! (36 bytes, kind through session). A compressed payload is one zstd frame, of a payload that
//! is again at most [`format::MAX_PAYLOAD_BYTES`] long.
//!
//! # Who may read an older record
//!
//! Golden files in `tests/golden/` hold every kind of event; a test reads them and writes them
//! again byte for byte. Until the format is closed as version 1, version 0 may still change.

pub mod chain;
pub mod checkpoint;
pub mod crypt;
pub mod encoder;
pub mod event;
pub mod export;
pub mod format;
pub mod layout;
pub mod reader;
pub mod replay;
pub mod seal;
pub mod spool;
pub mod store;
pub mod upload;
pub mod verify;
pub mod writer;

mod hex;
mod pem;

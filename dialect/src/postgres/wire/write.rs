//! The messages that the gateway itself sends, to a client or to a server.
//!
//! Everything else is relayed as the slice that was read. Strings are cut at the first zero byte:
//! a zero would end the field early and make its tail the next one.

use super::backend::{Transaction, tag as backend};
use super::frontend::{Target, tag as frontend};

/// The largest body that a length word can tell.
const MAX_BODY: usize = i32::MAX as usize - 4;

/// Appends one message: `fill` writes its body.
pub fn message(out: &mut Vec<u8>, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    fill(out);
    out.truncate(start.saturating_add(4).saturating_add(MAX_BODY));
    let length = u32::try_from(out.len().saturating_sub(start)).unwrap_or(u32::MAX);
    if let Some(word) = out
        .get_mut(start..)
        .and_then(|body| body.first_chunk_mut::<4>())
    {
        *word = length.to_be_bytes();
    }
}

/// Appends a string and its zero byte.
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
    out.extend_from_slice(text.get(..end).unwrap_or_default());
    out.push(0);
}

/// An error or a notice of the given fields.
pub fn report<'a>(out: &mut Vec<u8>, tag: u8, fields: impl IntoIterator<Item = (u8, &'a [u8])>) {
    message(out, tag, |out| {
        for (kind, text) in fields {
            out.push(kind);
            string(out, text);
        }
        out.push(0);
    });
}

pub fn ready(out: &mut Vec<u8>, transaction: Transaction) {
    message(out, backend::READY, |out| out.push(transaction.byte()));
}

pub fn authentication(out: &mut Vec<u8>, request: u32, data: &[u8]) {
    message(out, backend::AUTHENTICATION, |out| {
        out.extend_from_slice(&request.to_be_bytes());
        out.extend_from_slice(data);
    });
}

pub fn parameter_status(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    message(out, backend::PARAMETER_STATUS, |out| {
        string(out, name);
        string(out, value);
    });
}

pub fn backend_key(out: &mut Vec<u8>, pid: u32, key: &[u8]) {
    message(out, backend::BACKEND_KEY, |out| {
        out.extend_from_slice(&pid.to_be_bytes());
        out.extend_from_slice(key);
    });
}

/// The newest minor version that we speak, and the options that we do not know.
pub fn negotiate_version<'a>(
    out: &mut Vec<u8>,
    minor: u32,
    options: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    message(out, backend::NEGOTIATE_VERSION, |out| {
        out.extend_from_slice(&minor.to_be_bytes());
        out.extend_from_slice(
            &u32::try_from(options.len())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
        for option in options {
            string(out, option);
        }
    });
}

/// A start-up packet, which has no type byte.
pub fn startup<'a>(
    out: &mut Vec<u8>,
    code: u32,
    parameters: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) {
    untyped(out, |out| {
        out.extend_from_slice(&code.to_be_bytes());
        for (name, value) in parameters {
            string(out, name);
            string(out, value);
        }
        out.push(0);
    });
}

/// A cancel request, sent over a connection of its own.
pub fn cancel(out: &mut Vec<u8>, pid: u32, key: &[u8]) {
    untyped(out, |out| {
        out.extend_from_slice(&super::startup::CANCEL_REQUEST.to_be_bytes());
        out.extend_from_slice(&pid.to_be_bytes());
        out.extend_from_slice(key);
    });
}

pub fn ssl_request(out: &mut Vec<u8>) {
    untyped(out, |out| {
        out.extend_from_slice(&super::startup::SSL_REQUEST.to_be_bytes())
    });
}

pub fn query(out: &mut Vec<u8>, text: &[u8]) {
    message(out, frontend::QUERY, |out| string(out, text));
}

/// Parameters are of the types that the server finds for them.
pub fn parse(out: &mut Vec<u8>, name: &[u8], text: &[u8]) {
    message(out, frontend::PARSE, |out| {
        string(out, name);
        string(out, text);
        out.extend_from_slice(&[0; 2]);
    });
}

pub fn sync(out: &mut Vec<u8>) {
    message(out, frontend::SYNC, |_| {});
}

pub fn close(out: &mut Vec<u8>, target: Target, name: &[u8]) {
    named(out, frontend::CLOSE, target, name);
}

pub fn describe(out: &mut Vec<u8>, target: Target, name: &[u8]) {
    named(out, frontend::DESCRIBE, target, name);
}

/// A password or the next step of a SASL exchange.
pub fn password(out: &mut Vec<u8>, data: &[u8]) {
    message(out, frontend::PASSWORD, |out| out.extend_from_slice(data));
}

fn named(out: &mut Vec<u8>, tag: u8, target: Target, name: &[u8]) {
    message(out, tag, |out| {
        out.push(match target {
            Target::Statement => b'S',
            Target::Portal => b'P',
        });
        string(out, name);
    });
}

fn untyped(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    message(out, 0, fill);
    out.remove(start);
}

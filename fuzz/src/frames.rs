//! Frames of PostgreSQL, from a client that has not logged in, from a client, and from a server.
//!
//! Input: what a peer sends. It is read as all three. Checked: a frame ends where its header says;
//! what a decoder gives out is what the frame holds, no more and no less; what we can write is
//! written byte for byte as it was read.

use portcullis_dialect::postgres::wire::backend::{Authentication, Backend};
use portcullis_dialect::postgres::wire::frontend::Frontend;
use portcullis_dialect::postgres::wire::startup::{MAX_STARTUP_BYTES, Startup};
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header, write};

/// The longest body that is read here.
const MAX_BODY: usize = 16 * 1024;

pub fn check(data: &[u8]) {
    start_up(data);
    each_frame(data, client);
    each_frame(data, server);
}

fn start_up(data: &[u8]) {
    let Ok(Some(length)) = Startup::length(data) else {
        return;
    };
    assert!(length <= MAX_STARTUP_BYTES + 4);
    let Some(packet) = data.get(..length) else {
        return;
    };
    let mut again = Vec::new();
    match Startup::decode(packet) {
        Ok(Startup::Ssl) => write::ssl_request(&mut again),
        Ok(Startup::Cancel { pid, key }) => write::cancel(&mut again, pid, key),
        Ok(Startup::Start {
            version,
            parameters,
        }) => {
            let code = u32::from(version.major) << 16 | u32::from(version.minor);
            write::startup(&mut again, code, parameters);
        }
        Ok(Startup::GssEncryption) | Err(_) => return,
    }
    assert_eq!(again, packet);
}

/// Cuts the stream as the relay does, up to the first frame that is none.
fn each_frame(mut data: &[u8], check: fn(Header, &[u8], &[u8])) {
    while let Ok(Some(header)) = Header::parse(data, MAX_BODY) {
        assert!(header.body <= MAX_BODY);
        let Some((frame, rest)) = data.split_at_checked(header.total()) else {
            return;
        };
        check(header, frame, &frame[HEADER_BYTES..]);
        data = rest;
    }
}

fn client(header: Header, frame: &[u8], body: &[u8]) {
    let Ok(message) = Frontend::decode(header.tag, body) else {
        return;
    };
    let mut again = Vec::new();
    match message {
        Frontend::Query(text) => write::query(&mut again, text),
        Frontend::Parse(parse) => {
            let words = 4 * parse.types().len();
            assert_eq!(
                parse.name.len() + parse.text.len() + 2 + 2 + words,
                body.len()
            );
            return;
        }
        Frontend::Bind(bind) => {
            let values = bind.parameters();
            let bytes: usize = values.map(|(_, value)| value.map_or(0, <[u8]>::len)).sum();
            assert!(bind.portal.len() + bind.statement.len() + bytes < body.len());
            let _ = bind.result_format(usize::MAX);
            return;
        }
        Frontend::Close(target, name) => write::close(&mut again, target, name),
        Frontend::Sync => write::sync(&mut again),
        Frontend::Password(data) => write::password(&mut again, data),
        Frontend::CopyData(data) => {
            assert!(Frontend::may_stream(header));
            assert_eq!(data, body);
            return;
        }
        _ => return,
    }
    assert_eq!(again, frame);
}

fn server(header: Header, frame: &[u8], body: &[u8]) {
    let Ok(message) = Backend::decode(header.tag, body) else {
        return;
    };
    let mut again = Vec::new();
    match message {
        Backend::Authentication(request) => match request {
            Authentication::Ok => write::authentication(&mut again, 0, &[]),
            Authentication::Cleartext => write::authentication(&mut again, 3, &[]),
            Authentication::Md5 { salt } => write::authentication(&mut again, 5, &salt),
            Authentication::SaslContinue(data) => write::authentication(&mut again, 11, data),
            Authentication::SaslFinal(data) => write::authentication(&mut again, 12, data),
            Authentication::Sasl { .. } | Authentication::Other(_) => return,
        },
        Backend::BackendKey { pid, key } => write::backend_key(&mut again, pid, key),
        Backend::Error(fields) | Backend::Notice(fields) => {
            write::report(&mut again, header.tag, fields.iter());
        }
        Backend::ParameterStatus { name, value } => {
            write::parameter_status(&mut again, name, value);
        }
        Backend::Ready(transaction) => write::ready(&mut again, transaction),
        Backend::RowDescription(columns) => {
            assert_eq!(columns.fields().count(), columns.len());
            let bytes: usize = columns.fields().map(|field| field.name.len() + 19).sum();
            assert_eq!(bytes + 2, body.len());
            return;
        }
        Backend::DataRow(row) => {
            assert_eq!(row.values().count(), row.len());
            let bytes: usize = row
                .values()
                .map(|value| 4 + value.map_or(0, <[u8]>::len))
                .sum();
            assert_eq!(bytes + 2, body.len());
            return;
        }
        Backend::CopyIn(copy) | Backend::CopyOut(copy) => {
            assert_eq!(2 * copy.columns() + 3, body.len());
            return;
        }
        _ => return,
    }
    assert_eq!(again, frame);
}

//! Where recordings are read from.

use std::path::Path;

use portcullis_recording::checkpoint::MAX_KEY_FILE_BYTES;
use portcullis_recording::crypt::RecipientPrivateKey;
use portcullis_recording::event::SessionId;
use portcullis_recording::reader::{Keyring, Query, Recordings};
use portcullis_recording::store::Store;

use super::credential;
use crate::Failed;
use crate::args::Recorded;
use crate::files::bounded;

/// What a proxy keeps in its state directory: what was sent away, and what still waits.
const IN_STATE: [&str; 2] = ["recordings", "spool"];

const NO_PLACE: &str = "where is the record? --state DIR of a proxy that runs without a cluster, or \
                        --store URL; proxies of a cluster send theirs to the store of their class";

pub(super) fn open(from: &Recorded) -> Result<Recordings, Failed> {
    if let Some(state) = &from.place.state {
        let mut stores = Vec::new();
        for folder in IN_STATE.map(|folder| state.join(folder)) {
            if folder.is_dir() {
                stores.push(Store::directory(&folder)?);
            }
        }
        if stores.is_empty() {
            return Err(format!("{}: nothing was recorded here", state.display()).into());
        }
        return Ok(Recordings::joined(stores));
    }
    let place = from.place.store.as_deref().ok_or(NO_PLACE)?;
    let store = match place.contains("://") {
        true => Store::open(place, &credential::options(place, std::env::vars_os()))?,
        false => Store::directory(Path::new(place))?,
    };
    Ok(Recordings::new(store))
}

/// The keys that open encrypted sessions.
pub(super) fn keyring(from: &Recorded) -> Result<Keyring, Failed> {
    let keys = from.keys.iter().map(|path| {
        let text = bounded(path, MAX_KEY_FILE_BYTES as u64)?;
        RecipientPrivateKey::from_pem(&text)
            .map_err(|error| Failed::from(format!("{}: {error}", path.display())))
    });
    Ok(Keyring::new(keys.collect::<Result<Vec<_>, _>>()?))
}

/// All sessions, or the one whose number begins so.
pub(super) async fn query(recordings: &Recordings, session: Option<&str>) -> Result<Query, Failed> {
    let Some(digits) = session else {
        return Ok(Query::all());
    };
    if let Ok(session) = digits.parse::<SessionId>() {
        return Ok(Query::session(session));
    }
    let digits = digits.to_ascii_lowercase();
    let mut found: Option<SessionId> = None;
    let mut events = recordings.events(Query::all(), Keyring::default());
    while let Some(record) = events.next().await {
        let session = record?.session;
        if session.is_none() || !session.to_string().starts_with(&digits) {
            continue;
        }
        match found {
            Some(other) if other != session => {
                return Err(
                    format!("several sessions begin with {digits}; write more of it").into(),
                );
            }
            _ => found = Some(session),
        }
    }
    match found {
        Some(session) => Ok(Query::session(session)),
        None => Err(format!("no session begins with {digits}").into()),
    }
}

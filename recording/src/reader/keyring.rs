//! The keys that open encrypted sessions.

use std::collections::{BTreeMap, VecDeque};

use super::{ReadError, Recordings};
use crate::checkpoint::KeyId;
use crate::crypt::{CryptError, RecipientPrivateKey, SessionOpener, WrappedKey};
use crate::event::{SessionId, WriterId};

/// Sessions whose keys are kept open at a time; the oldest is opened anew.
pub const MAX_OPEN_SESSIONS: usize = 1_024;

/// Private keys, and the session keys that they have opened.
#[derive(Debug, Default)]
pub struct Keyring {
    private: BTreeMap<KeyId, RecipientPrivateKey>,
    open: BTreeMap<(WriterId, SessionId), Result<SessionOpener, KeyError>>,
    order: VecDeque<(WriterId, SessionId)>,
}

/// Why a session's key does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the session's key is not in the store: it was destroyed, or has not arrived")]
    Missing,
    #[error("the private key {recipient} is needed")]
    NoPrivateKey { recipient: KeyId },
    #[error(transparent)]
    Crypt(#[from] CryptError),
}

// === impl Keyring ===

impl Keyring {
    pub fn new(keys: impl IntoIterator<Item = RecipientPrivateKey>) -> Self {
        let private = keys
            .into_iter()
            .map(|key| (key.public().id(), key))
            .collect();
        Self {
            private,
            ..Self::default()
        }
    }

    /// The session's key; fetched once, and so is the knowledge that it is not there.
    pub(super) async fn opener(
        &mut self,
        recordings: &Recordings,
        writer: &WriterId,
        session: SessionId,
    ) -> Result<&Result<SessionOpener, KeyError>, ReadError> {
        let id = (writer.clone(), session);
        if !self.open.contains_key(&id) {
            // Fetched ahead of everything, so that an outage changes nothing here.
            let wrapped = recordings.key(writer, &session).await?;
            if self.order.len() >= MAX_OPEN_SESSIONS
                && let Some(oldest) = self.order.pop_front()
            {
                self.open.remove(&oldest);
            }
            self.order.push_back(id.clone());
            let opened = self.unwrap_key(wrapped.as_deref(), &session);
            self.open.insert(id.clone(), opened);
        }
        static MISSING: Result<SessionOpener, KeyError> = Err(KeyError::Missing);
        Ok(self.open.get(&id).unwrap_or(&MISSING))
    }

    fn unwrap_key(
        &self,
        wrapped: Option<&[u8]>,
        session: &SessionId,
    ) -> Result<SessionOpener, KeyError> {
        let wrapped = WrappedKey::parse(wrapped.ok_or(KeyError::Missing)?)?;
        let recipient = wrapped.recipient();
        let private = self
            .private
            .get(&recipient)
            .ok_or(KeyError::NoPrivateKey { recipient })?;
        Ok(wrapped.unwrap_key(private, session)?)
    }
}

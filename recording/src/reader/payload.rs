//! From a frame's stored payload to its event.

use super::events::Unreadable;
use super::keyring::KeyError;
use crate::crypt::SessionOpener;
use crate::event::Event;
use crate::format::{Flags, FormatError, Frame, MAX_PAYLOAD_BYTES, decode_event};
use crate::seal::unfold;

/// Opens, unfolds and decodes. `opener` is needed where the frame is encrypted.
pub(super) fn event_of(
    frame: &Frame<'_>,
    opener: Option<&Result<SessionOpener, KeyError>>,
) -> Result<Event, Unreadable> {
    let flags = frame.header.flags;
    let known = Flags::ENCRYPTED.with(Flags::COMPRESSED);
    if !known.contains(flags) {
        return Err(FormatError::UnknownFlags(flags.0).into());
    }
    let mut payload = Vec::new();
    if flags.contains(Flags::ENCRYPTED) {
        let opener = opener.map_or(Err(KeyError::Missing), |opener| {
            opener.as_ref().map_err(Clone::clone)
        })?;
        let opened = opener.open(&frame.header.encode(), frame.payload, &mut payload);
        opened.map_err(KeyError::from)?;
    } else {
        payload.extend_from_slice(frame.payload);
    }
    if flags.contains(Flags::COMPRESSED) {
        payload = unfold(&payload, MAX_PAYLOAD_BYTES as u64)?;
    }
    Ok(decode_event(&frame.header, &payload)?)
}

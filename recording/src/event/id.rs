//! Names of sessions and writers, and the time of an event.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest name of a writer, in bytes.
pub const MAX_WRITER_ID_BYTES: usize = 80;

/// A session, by a random number that its opener chose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

/// A writer: the name of its chain, its folder and its prefix in the store.
///
/// Lower-case letters, digits, `-` and `.`, beginning with a letter or digit, so that it is
/// one harmless segment of a path everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriterId(String);

/// Microseconds since 1970, as the caller's clock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a session is 32 hexadecimal digits")]
pub struct InvalidSessionId;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a writer's name is 1 to {MAX_WRITER_ID_BYTES} lower-case letters, digits, '-' and '.', \
     and begins with a letter or digit"
)]
pub struct InvalidWriterId;

// === impl SessionId ===

impl SessionId {
    /// For events that belong to no session.
    pub const NONE: Self = Self([0; 16]);

    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl Display for SessionId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        crate::hex::write(f, &self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        crate::hex::parse(text).map(Self).ok_or(InvalidSessionId)
    }
}

// === impl WriterId ===

impl WriterId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WriterId {
    type Err = InvalidWriterId;

    fn from_str(text: &str) -> Result<Self, InvalidWriterId> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins_well = text.bytes().next().is_some_and(plain);
        let all_well = text
            .bytes()
            .all(|byte| plain(byte) || byte == b'-' || byte == b'.');
        if begins_well && all_well && text.len() <= MAX_WRITER_ID_BYTES {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWriterId)
        }
    }
}

impl Display for WriterId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Timestamp ===

impl Timestamp {
    /// How much later this is, nothing when it is earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    /// A clock before 1970 reads as 1970.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}

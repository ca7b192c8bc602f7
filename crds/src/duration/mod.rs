//! Spans of time and sizes, as people write them: `5m`, `1h30m`, `10Gi`.
//!
//! Both are bounded, exact and never negative, and both print so that they read back alike.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The most digits before each unit of a duration, so that eleven years can be said.
pub const MAX_DURATION_DIGITS: usize = 5;
/// The largest number of that many digits.
const MOST_OF_A_UNIT: u64 = 99_999;
/// The most digits of a size.
pub const MAX_BYTES_DIGITS: usize = 4;

/// What an API server checks. It says exactly what the parsers below say, and a test holds them to
/// that, so a value that passes the schema always reads.
const DURATION_PATTERN: &str = "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?([0-9]{1,5}ms)?$";
/// The longest text of a duration: four numbers with their units.
const MAX_DURATION_TEXT: usize = 4 * MAX_DURATION_DIGITS + 5;
const BYTES_PATTERN: &str = "^[1-9][0-9]{0,3}(Ki|Mi|Gi|Ti)$";
/// The longest text of a size: a number with its unit.
const MAX_BYTES_TEXT: usize = MAX_BYTES_DIGITS + 2;

/// A span of time, such as `5m` or `1h30m`: whole hours (`h`), minutes (`m`), seconds (`s`) and
/// milliseconds (`ms`), each at most once and in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(time::Duration);

/// A size in bytes, such as `512Mi` or `10Gi`: a whole number of `Ki`, `Mi`, `Gi` or `Ti`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    #[error(
        "{0:?} is not a duration; write up to five digits with each of h, m, s, ms, such as 5m or 1h30m"
    )]
    Malformed(String),
    #[error("{0:?} names its units twice or out of order; write hours before minutes, as in 1h30m")]
    Disordered(String),
}

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a size; write one to four digits with Ki, Mi, Gi or Ti, such as 512Mi")]
pub struct InvalidBytes(String);

/// The units of a duration, largest first, in milliseconds.
const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// The units of a size, largest first.
const BYTES_UNITS: [(&str, u64); 4] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
];

// === impl Duration ===

impl Duration {
    /// For defaults and tests, where the value is known to be within bounds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(time::Duration::from_secs(seconds))
    }

    pub const fn get(self) -> time::Duration {
        self.0
    }
}

impl From<Duration> for time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let malformed = || InvalidDuration::Malformed(text.chars().take(40).collect());
        if text.is_empty() || text.len() > MAX_DURATION_TEXT {
            return Err(malformed());
        }
        let mut total: u64 = 0;
        let mut smallest = u64::MAX;
        let mut rest = text;
        while !rest.is_empty() {
            let (number, after) = split_while(rest, |c| c.is_ascii_digit());
            let (unit, after) = split_while(after, |c| c.is_ascii_alphabetic());
            rest = after;
            if number.is_empty() || number.len() > MAX_DURATION_DIGITS {
                return Err(malformed());
            }
            let number: u64 = number.parse().map_err(|_| malformed())?;
            let &(_, scale) = DURATION_UNITS
                .iter()
                .find(|(word, _)| *word == unit)
                .ok_or_else(malformed)?;
            if scale >= smallest {
                return Err(InvalidDuration::Disordered(text.to_owned()));
            }
            smallest = scale;
            total = total.saturating_add(number.saturating_mul(scale));
        }
        Ok(Self(time::Duration::from_millis(total)))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, scale) in DURATION_UNITS {
            // What has no room in the digits of a unit goes to the smaller ones, as it was read.
            let count = (left / scale).min(MOST_OF_A_UNIT);
            if count > 0 {
                write!(f, "{count}{unit}")?;
                left -= count * scale;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "duration",
            "pattern": DURATION_PATTERN,
            "minLength": 2,
            "maxLength": MAX_DURATION_TEXT,
        })
    }
}

// === impl Bytes ===

impl Bytes {
    /// For defaults and tests, where the value is known to be within bounds.
    pub const fn from_mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    pub const fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for Bytes {
    type Err = InvalidBytes;

    fn from_str(text: &str) -> Result<Self, InvalidBytes> {
        let malformed = || InvalidBytes(text.chars().take(40).collect());
        let (number, unit) = split_while(text, |c| c.is_ascii_digit());
        if number.is_empty() || number.len() > MAX_BYTES_DIGITS || number.starts_with('0') {
            return Err(malformed());
        }
        let number: u64 = number.parse().map_err(|_| malformed())?;
        let &(_, scale) = BYTES_UNITS
            .iter()
            .find(|(word, _)| *word == unit)
            .ok_or_else(malformed)?;
        Ok(Self(number.saturating_mul(scale)))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = BYTES_UNITS
            .iter()
            .find(|(_, scale)| self.0.is_multiple_of(*scale));
        match whole {
            Some((unit, scale)) => write!(f, "{}{unit}", self.0 / scale),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": BYTES_PATTERN, "maxLength": MAX_BYTES_TEXT })
    }
}

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests;

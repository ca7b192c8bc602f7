//! Literals with a grammar of their own: time zones, networks, times and durations. Read once at
//! compile, to refuse what is wrong, and by the functions that take them.

use std::net::IpAddr;

use chrono::{DateTime, FixedOffset, TimeDelta};

/// Longest duration that an expression may name, in seconds: a hundred years.
const MAX_DURATION_SECONDS: i64 = 36_525 * 86_400;

/// `UTC` or an offset. Names of places are refused: their rules are not known here, and a wrong
/// hour is worse than none.
pub(super) fn zone(text: &str) -> Result<FixedOffset, String> {
    let unknown = || {
        format!(
            "the time zone `{text}` is not known here; write `UTC` or an offset such as `+02:00`"
        )
    };
    if text == "UTC" {
        return FixedOffset::east_opt(0).ok_or_else(unknown);
    }
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return Err(unknown()),
    };
    let digits = |part: &str| {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<i32>().ok())
            .flatten()
    };
    let (hours, minutes) = rest.split_once(':').ok_or_else(unknown)?;
    match (digits(hours), digits(minutes)) {
        (Some(hours @ 0..=14), Some(minutes @ 0..=59)) => {
            FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60)).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}

/// An address and the length of its prefix.
pub(super) fn network(text: &str) -> Result<(), String> {
    let refused = || format!("`{text}` is no network; write one such as `10.0.0.0/8`");
    let (address, length) = text.split_once('/').ok_or_else(refused)?;
    let longest = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => 128,
        _ => return Err(refused()),
    };
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    match length.parse::<u8>() {
        Ok(length) if digits && length <= longest => Ok(()),
        _ => Err(refused()),
    }
}

/// A time as in RFC 3339.
pub(super) fn time(text: &str) -> Result<DateTime<FixedOffset>, String> {
    DateTime::parse_from_rfc3339(text)
        .map_err(|_| format!("`{text}` is no time; write one such as `2026-01-31T08:00:00Z`"))
}

/// Whole numbers with a unit each: `1h30m`, `90s`, `-15m`.
pub(super) fn duration(text: &str) -> Result<TimeDelta, String> {
    let refused = || {
        format!("`{text}` is no duration up to a hundred years; write one such as `1h30m` or `90s`")
    };
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut milliseconds: i64 = 0;
    let mut left = rest;
    while !left.is_empty() {
        let digits = left.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = left.split_at_checked(digits).ok_or_else(refused)?;
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(letters).ok_or_else(refused)?;
        let scale = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return Err(refused()),
        };
        let part = number
            .parse::<i64>()
            .ok()
            .and_then(|number| number.checked_mul(scale));
        milliseconds = part
            .and_then(|part| milliseconds.checked_add(part))
            .ok_or_else(refused)?;
        left = after;
    }
    if rest.is_empty() || milliseconds > MAX_DURATION_SECONDS * 1_000 {
        return Err(refused());
    }
    TimeDelta::try_milliseconds(sign * milliseconds).ok_or_else(refused)
}

//! Times as people read them.

use portcullis_recording::event::Timestamp;

/// `2026-11-21 07:31:02Z`.
pub(super) fn day_and_time(time: Timestamp) -> String {
    format!("{} {}Z", date(time), time_of_day(time, 0))
}

/// `2026-11-21T07:31:02.125Z`, for machines.
pub(super) fn rfc3339(time: Timestamp) -> String {
    format!("{}T{}Z", date(time), time_of_day(time, 3))
}

fn date(time: Timestamp) -> String {
    let (year, month, day) = civil(time.0 / 86_400_000_000);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `07:31:02.125`.
pub(super) fn time_of_day(time: Timestamp, digits: usize) -> String {
    let seconds = time.0 / 1_000_000 % 86_400;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let whole = format!("{hour:02}:{minute:02}:{second:02}");
    match digits {
        0 => whole,
        _ => format!("{whole}.{:03}", time.0 / 1000 % 1000),
    }
}

/// `125 µs`, `3.2 ms`, `41 s`.
pub(super) fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros / 100 % 10),
        _ => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
    }
}

/// The date of a day since 1970 (the civil calendar, in eras of 400 years).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + carry, month, day)
}

#[cfg(test)]
mod tests {
    use portcullis_recording::event::Timestamp;

    use super::{day_and_time, duration, rfc3339, time_of_day};

    #[test]
    fn days_are_those_of_the_calendar() {
        let told = |seconds: u64| day_and_time(Timestamp(seconds * 1_000_000));
        assert_eq!(told(0), "1970-01-01 00:00:00Z");
        assert_eq!(told(951_782_400), "2000-02-29 00:00:00Z");
        assert_eq!(told(1_795_246_262), "2026-11-21 07:31:02Z");
        let precise = rfc3339(Timestamp(1_795_246_262_125_999));
        assert_eq!(precise, "2026-11-21T07:31:02.125Z");
    }

    #[test]
    fn fractions_and_durations_are_short() {
        assert_eq!(time_of_day(Timestamp(125_999), 3), "00:00:00.125");
        assert_eq!(duration(999), "999 µs");
        assert_eq!(duration(3_250), "3.2 ms");
        assert_eq!(duration(41_000_000), "41.0 s");
    }
}

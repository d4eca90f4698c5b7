//! Durations on the command line, such as `90m` or `1h30m`, and in tables, such as `2 h 5 min`.

use std::time::Duration;

const MINUTE_SECONDS: u64 = 60;
const HOUR_SECONDS: u64 = 60 * MINUTE_SECONDS;
/// The longest lease that the service grants.
const LEASE_MINUTES_MAX: u64 = 24 * 60;
const WAIT_SECONDS_MAX: u64 = 24 * HOUR_SECONDS;

/// Parses the duration of a lease in whole minutes: `60` (minutes), `90m`, `2h` or `1h30m`.
pub(crate) fn lease_minutes(text: &str) -> Result<u64, String> {
    let seconds = seconds(text, MINUTE_SECONDS);
    let minutes = seconds.filter(|seconds| seconds % MINUTE_SECONDS == 0).map(|seconds| seconds / MINUTE_SECONDS);
    minutes.filter(|minutes| (1..=LEASE_MINUTES_MAX).contains(minutes)).ok_or_else(|| {
        "a lease is whole minutes from 1 to 1440 (24 hours), written like 60, 90m, 2h or 1h30m".to_owned()
    })
}

/// Parses the time limit of a wait: `30` (seconds), `30s`, `5m` or `1h30m`.
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    seconds(text, 1)
        .filter(|seconds| (1..=WAIT_SECONDS_MAX).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "a wait is 1 second to 24 hours, written like 30, 30s, 5m or 1h30m".to_owned())
}

/// Parses numbers with units from long to short, each at most once. A number alone counts in `unit_alone` seconds.
fn seconds(text: &str, unit_alone: u64) -> Option<u64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u64>().ok()?.checked_mul(unit_alone);
    }
    let (mut total, mut rest, mut shortest) = (0_u64, text, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = (rest.get(..digits)?, rest.get(digits..=digits)?);
        let unit = match unit {
            "h" => HOUR_SECONDS,
            "m" => MINUTE_SECONDS,
            "s" => 1,
            _ => return None,
        };
        if unit >= shortest {
            return None;
        }
        shortest = unit;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    (!text.is_empty()).then_some(total)
}

/// Returns minutes as text, such as `1 h 30 min`.
pub(crate) fn minutes_in_words(minutes: u64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_whole_minutes_of_at_most_a_day() {
        for (text, minutes) in [("60", 60), ("90m", 90), ("2h", 120), ("1h30m", 90), ("60s", 1), ("1440", 1440)] {
            assert_eq!(lease_minutes(text), Ok(minutes), "{text}");
        }
        for text in ["", "0", "m", "h", "1441", "25h", "30s", "1m1h", "1m1m", "-5", "1.5h", "1 h", "1d", "ä", "1hm"] {
            assert!(lease_minutes(text).is_err(), "{text}");
        }
        assert!(lease_minutes("99999999999999999999h").is_err() && lease_minutes("18446744073709551615").is_err());
    }

    #[test]
    fn a_wait_without_a_unit_is_in_seconds() {
        assert_eq!(wait("30"), Ok(Duration::from_secs(30)));
        assert_eq!(wait("1m30s"), Ok(Duration::from_secs(90)));
        assert!(wait("0").is_err() && wait("25h").is_err());
    }

    #[test]
    fn minutes_are_shown_as_hours_and_minutes() {
        for (minutes, words) in [(0, "0 min"), (59, "59 min"), (60, "1 h"), (61, "1 h 1 min"), (1440, "24 h")] {
            assert_eq!(minutes_in_words(minutes), words);
        }
    }
}

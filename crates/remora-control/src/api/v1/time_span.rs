//! .NET's `TimeSpan` as text: parses what `TimeSpan.Parse` accepts in the invariant culture, and writes the constant
//! format ("c").
//!
//! ```text
//!   [-] d                      6           six days: a single number is days
//!   [-] [d.]hh:mm[:ss[.f]]     4:0:0       four hours; up to seven digits of a second
//!   [-] d:hh:mm:ss[.f]         1:4:0:0     a day and four hours
//!   [-] d:hh:mm                24:0:0      24 days, because an hour is at most 23
//! ```
//!
//! The last form follows .NET, which tries hours first and takes numbers that are too large for hours as days. One day
//! is written as `1.00:00:00`.

use std::fmt;
use std::str::FromStr;

use remora_session::LeaseMinutes;

const TICKS_PER_SECOND: i64 = 10_000_000;
const FRACTION_DIGITS_MAX: usize = 7;
/// The largest value is 10675199.02:48:05.4775807.
const DIGITS_MAX: usize = 8;

/// A signed duration in ticks of 100 ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeSpan {
    ticks: i64,
}

/// Why a text is not a time span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidTimeSpan {
    /// The text has none of the accepted forms.
    #[error("a time span is written as [d.]hh:mm[:ss[.fffffff]], or as a number of days")]
    Malformed,
    /// A number is too large.
    #[error("hours of a time span go to 23, minutes and seconds to 59, days to 10675199")]
    OutOfRange,
}

impl TimeSpan {
    /// Converts from seconds. Values beyond the range become the largest time span.
    pub(crate) fn from_seconds(seconds: u64) -> Self {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        Self { ticks: seconds.saturating_mul(TICKS_PER_SECOND) }
    }

    /// Returns whether the time span is less than zero.
    pub(crate) fn is_negative(self) -> bool {
        self.ticks < 0
    }

    /// Returns whole minutes, rounded up so that a lease is never shorter than requested.
    pub(crate) fn whole_minutes(self) -> i64 {
        const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
        self.ticks.div_euclid(TICKS_PER_MINUTE) + i64::from(self.ticks.rem_euclid(TICKS_PER_MINUTE) > 0)
    }
}

impl From<LeaseMinutes> for TimeSpan {
    fn from(lease: LeaseMinutes) -> Self {
        Self::from_seconds(lease.duration().as_secs())
    }
}

impl FromStr for TimeSpan {
    type Err = InvalidTimeSpan;

    fn from_str(text: &str) -> Result<Self, InvalidTimeSpan> {
        let text = text.trim();
        let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
        let fields: Vec<&str> = text.split(':').take(5).collect();
        let with_days = fields[0].split_once('.');
        let ticks = match (with_days, fields.as_slice()) {
            (None, [days]) => ticks(days, "0", "0", "0"),
            (None, [hours, minutes]) => ticks("0", hours, minutes, "0"),
            (None, [first, minutes, seconds]) => match ticks("0", first, minutes, seconds) {
                Err(InvalidTimeSpan::OutOfRange) => ticks(first, minutes, seconds, "0"),
                hours_first => hours_first,
            },
            (None, [days, hours, minutes, seconds]) => ticks(days, hours, minutes, seconds),
            (Some((days, hours)), [_, minutes]) => ticks(days, hours, minutes, "0"),
            (Some((days, hours)), [_, minutes, seconds]) => ticks(days, hours, minutes, seconds),
            _ => Err(InvalidTimeSpan::Malformed),
        };
        Ok(Self { ticks: sign * ticks? })
    }
}

/// Combines the fields of a time span. `seconds` may have a fraction.
fn ticks(days: &str, hours: &str, minutes: &str, seconds: &str) -> Result<i64, InvalidTimeSpan> {
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let (days, hours, minutes, seconds) = (number(days)?, number(hours)?, number(minutes)?, number(seconds)?);
    if number(fraction).is_err() || fraction.len() > FRACTION_DIGITS_MAX {
        return Err(InvalidTimeSpan::Malformed);
    }
    let fraction = number(&format!("{fraction:0<FRACTION_DIGITS_MAX$}"))?;
    if hours > 23 || minutes > 59 || seconds > 59 {
        return Err(InvalidTimeSpan::OutOfRange);
    }
    let seconds = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
    let ticks = seconds.checked_mul(TICKS_PER_SECOND).and_then(|ticks| ticks.checked_add(fraction));
    ticks.ok_or(InvalidTimeSpan::OutOfRange)
}

fn number(digits: &str) -> Result<i64, InvalidTimeSpan> {
    let shaped = (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !shaped {
        return Err(InvalidTimeSpan::Malformed);
    }
    Ok(digits.parse().expect("eight digits are a number of 64 bits"))
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = TICKS_PER_SECOND.unsigned_abs();
        let (seconds, fraction) = (self.ticks.unsigned_abs() / per_second, self.ticks.unsigned_abs() % per_second);
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        if self.is_negative() {
            formatter.write_str("-")?;
        }
        if days > 0 {
            write!(formatter, "{days}.")?;
        }
        write!(formatter, "{hours:02}:{minutes:02}:{:02}", seconds % 60)?;
        if fraction > 0 { write!(formatter, ".{fraction:07}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        text.parse::<TimeSpan>().map_or_else(|error| format!("{error:?}"), |span| span.to_string())
    }

    #[test]
    fn time_spans_are_parsed_as_dot_net_does() {
        for (text, expected) in [
            ("4:0:0", "04:00:00"),
            ("04:00:00", "04:00:00"),
            (" 4:00 ", "04:00:00"),
            ("0", "00:00:00"),
            ("6", "6.00:00:00"),
            ("6:12", "06:12:00"),
            ("6:12:14", "06:12:14"),
            ("6:12:14:45", "6.12:14:45"),
            ("6.12:14:45", "6.12:14:45"),
            ("6.12:14", "6.12:14:00"),
            ("6:12:14:45.3448", "6.12:14:45.3448000"),
            ("0:0:0.0000001", "00:00:00.0000001"),
            ("24:0:0", "24.00:00:00"),
            ("1.00:00:00", "1.00:00:00"),
            ("-4:0:0", "-04:00:00"),
            ("-1", "-1.00:00:00"),
            ("10675199.02:48:05.4775807", "10675199.02:48:05.4775807"),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn time_spans_that_dot_net_refuses_are_refused() {
        for text in ["24:00", "4:60:00", "4:0:60", "1.24:00", "25:61:00", "99999999", "10675199.02:48:05.4775808"] {
            assert_eq!(written(text), "OutOfRange", "{text}");
        }
        for text in [
            "",
            "-",
            " ",
            "four",
            "4h",
            "4:",
            ":4",
            "4:0:0:",
            "1:2:3:4:5",
            "--4:0:0",
            "- 4:0:0",
            "+4:0:0",
            "4.5",
            "1.2.3:4:5",
            "4:0:0.00000001",
            "4:0:0.",
            "123456789",
            "4:0x0:0",
            "٤:٠:٠",
            "4:0 :0",
            "1e3",
            "4:0:-1",
            "PT4H",
        ] {
            assert_eq!(written(text), "Malformed", "{text}");
        }
    }

    #[test]
    fn minutes_are_rounded_up() {
        for (text, minutes) in [
            ("0", 0),
            ("0:0:0.0000001", 1),
            ("0:0:30", 1),
            ("0:1:0", 1),
            ("0:1:1", 2),
            ("1", 1_440),
            ("-0:0:30", 0),
            ("-0:1:0", -1),
        ] {
            assert_eq!(text.parse::<TimeSpan>().unwrap().whole_minutes(), minutes, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_written_time_span_is_read_back(ticks in -i64::MAX..=i64::MAX) {
            let span = TimeSpan { ticks };
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn any_text_is_parsed_without_panic(text in "[-0-9:. ]{0,40}|.*") {
            if let Ok(span) = text.parse::<TimeSpan>() {
                prop_assert_eq!(span.to_string().parse(), Ok(span));
            }
        }
    }
}

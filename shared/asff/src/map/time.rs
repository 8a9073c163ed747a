//! Parses the times that Prowler writes. Times without a zone are regarded as UTC, since nothing in the file determines the zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Epoch numbers from this one on are milliseconds: as seconds, they would be after the year 5000.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
/// The last second of the year 9999: RFC 3339 can't represent later ones.
const SECONDS_MAX: i64 = 253_402_300_799;

/// The time of an epoch number.
pub(super) fn from_epoch(number: i64) -> Option<Timestamp> {
    let time = if number >= MILLISECONDS_FROM {
        Timestamp::from_millisecond(number).ok()?
    } else {
        Timestamp::from_second(number).ok()?
    };
    in_range(time)
}

/// The time of a string: an epoch number, or a date and time with or without a zone.
pub(super) fn from_str(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return from_epoch(number);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return in_range(time);
    }
    let civil: DateTime = text.parse().ok()?;
    in_range(TimeZone::UTC.to_timestamp(civil).ok()?)
}

/// Removes the fraction of a second: Prowler writes whole seconds to findings.
pub(super) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn in_range(time: Timestamp) -> Option<Timestamp> {
    (0..=SECONDS_MAX).contains(&time.as_second()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_a_time_is_parsed_to_the_same_time() {
        let time = from_epoch(1_795_420_584).unwrap();
        assert_eq!(time.to_string(), "2026-11-23T07:56:24Z");
        for text in [
            "1795420584",
            "1795420584000",
            "2026-11-23 07:56:24.487678",
            "2026-11-23T07:56:24.487678",
            "2026-11-23T07:56:24Z",
            "2026-11-23T08:56:24+01:00",
        ] {
            assert_eq!(from_str(text).map(whole_seconds), Some(time), "{text}");
        }
        for text in ["", "yesterday", "-5", "99999999999999999", "12026-01-01T00:00:00Z"] {
            assert_eq!(from_str(text), None, "{text}");
        }
    }
}

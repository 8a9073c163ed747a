//! Date-times that the service accepts: the stricter of the two patterns of contract 1.4.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The pattern in the service's message about an invalid date-time (contract 1.4, observed).
pub(crate) const PATTERN: &str = r"(\d\d\d\d)-[0-1](\d)-[0-3](\d)[Tt](?:[0-2](\d):[0-5](\d):[0-5](\d)|23:59:60)(?:\.(\d)+)?(?:[Zz]|[+-](\d\d)(?::?(\d\d))?)$";

/// Maximum number of digits of a second's fraction (contract 1.4).
const FRACTION_DIGITS_MAX: usize = 9;

/// Maximum offset from UTC, in seconds: 18 hours (contract 1.4).
const OFFSET_SECONDS_MAX: i32 = 18 * 3600;

/// The time; `None` if the service doesn't accept the format.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let clock = bytes.get(..19)?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|&(at, mark)| clock[at] != mark) {
        return None;
    }
    let pair = |at: usize| number(&clock[at..at + 2]);
    let year = i16::try_from(number(&clock[0..4])?).ok()?;
    let (month, day, hour) = (pair(5)?, pair(8)?, pair(11)?);
    let (minute, mut second) = (pair(14)?, pair(17)?);
    if second == 60 && (hour, minute) == (23, 59) {
        second = 59;
    }
    let (nanoseconds, zone) = fraction(&bytes[19..])?;
    let small = |value: i32| i8::try_from(value).ok();
    let moment =
        DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, nanoseconds);
    Offset::from_seconds(offset_seconds(zone)?).ok()?.to_timestamp(moment.ok()?).ok()
}

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0_i32, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i32::from(digit - b'0')))
}

/// The fraction in nanoseconds, and the rest of the text.
fn fraction(rest: &[u8]) -> Option<(i32, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 || length > FRACTION_DIGITS_MAX {
        return None;
    }
    let value = number(&digits[..length])?;
    let missing = u32::try_from(FRACTION_DIGITS_MAX - length).ok()?;
    Some((value * 10_i32.pow(missing), &digits[length..]))
}

/// Parses `Z`, `+HH`, `+HHMM`, or `+HH:MM`, within 18 hours.
fn offset_seconds(zone: &[u8]) -> Option<i32> {
    let (sign, digits) = match zone {
        b"Z" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [_, _] => (number(digits)?, 0),
        [_, _, _, _] => (number(&digits[..2])?, number(&digits[2..])?),
        [_, _, b':', _, _] => (number(&digits[..2])?, number(&digits[3..])?),
        _ => return None,
    };
    let seconds = hours * 3600 + minutes * 60;
    (minutes < 60 && seconds <= OFFSET_SECONDS_MAX).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Contract 1.4: the accepted forms.
    #[test]
    fn the_valid_forms_are_accepted() {
        for (text, utc) in [
            ("2026-11-23T07:56:24Z", "2026-11-23T07:56:24Z"),
            ("2026-11-23T07:56:24.123Z", "2026-11-23T07:56:24.123Z"),
            ("2026-11-23T07:56:24.123456789Z", "2026-11-23T07:56:24.123456789Z"),
            ("2026-11-23T07:56:24+01:00", "2026-11-23T06:56:24Z"),
            ("2026-11-23T07:56:24-0130", "2026-11-23T09:26:24Z"),
            ("2026-11-23T07:56:24.5+18:00", "2026-11-22T13:56:24.5Z"),
        ] {
            assert_eq!(parse(text), Some(utc.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn everything_else_is_rejected() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T07:56:24",
            "2026-11-23 07:56:24Z",
            "2026-11-23t07:56:24z",
            "2026-13-23T07:56:24Z",
            "2026-02-30T07:56:24Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T07:56:24.1234567890Z",
            "2026-11-23T07:56:24.Z",
            "2026-11-23T07:56:24+18:01",
            "2026-11-23T07:56:24Z ",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn times_of_the_clock_are_parsed(seconds in 0_i64..4_000_000_000, ms in 0_i32..1000) {
            let at = Timestamp::new(seconds, ms * 1_000_000).unwrap();
            prop_assert_eq!(parse(&crate::clock::format_ms(at)), Some(at));
        }
    }
}

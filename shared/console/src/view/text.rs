//! Formats numbers, times, and text for pages.

use jiff::{SignedDuration, Timestamp};

/// Number of minutes per hour and per day.
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
/// Replaces characters that are invisible, or change the direction or position of others.
const REPLACEMENT: char = '\u{fffd}';

/// Formats a count with commas.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats a count with its noun.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Formats a time as `27 Nov 15:09`, with the year if it is not the current one.
pub(crate) fn time(at: Timestamp, now: Timestamp) -> String {
    let year = |at: Timestamp| at.strftime("%Y").to_string();
    let form = if year(at) == year(now) { "%-d %b %H:%M" } else { "%-d %b %Y %H:%M" };
    at.strftime(form).to_string()
}

/// Formats the time of day as `17:00 UTC`, with the date if it is not today.
pub(crate) fn clock(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    if day(at) == day(now) { at.strftime("%H:%M UTC").to_string() } else { format!("{} UTC", time(at, now)) }
}

/// Formats how long ago a time was, or how long until it is.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    if seconds < -59 {
        return format!("in {}", span(-seconds / 60));
    }
    if seconds < 60 { "just now".to_owned() } else { format!("{} ago", span(seconds / 60)) }
}

/// Formats minutes: `42 min`, `9 h 18 min`, `61 days`.
fn span(minutes: i64) -> String {
    match minutes {
        ..HOUR => format!("{minutes} min"),
        HOUR..DAY if minutes % HOUR == 0 => format!("{} h", minutes / HOUR),
        HOUR..DAY => format!("{} h {} min", minutes / HOUR, minutes % HOUR),
        _ if minutes / DAY == 1 => "1 day".to_owned(),
        _ => format!("{} days", minutes / DAY),
    }
}

/// Formats a duration: `6.4 s`, `41 s`, `12 min`.
pub(crate) fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

/// Formats a share in percent.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0%".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of findings are far below 2^52")]
    let percent = 100.0 * part as f64 / whole as f64;
    if percent < 0.1 { "< 0.1%".to_owned() } else { format!("{percent:.1}%") }
}

/// Formats a size: `38.2 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let number = bytes as f64;
    match bytes {
        ..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} KB", number / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", number / 1e6),
        _ => format!("{:.1} GB", number / 1e9),
    }
}

/// The name of a principal: the part of its ARN after the first slash.
pub(crate) fn principal(arn: &str) -> &str {
    arn.strip_prefix("arn:").map_or(arn, |rest| rest.split_once('/').map_or(arn, |(_, name)| name))
}

/// Makes a text a sentence: a capital first letter, and a period at the end.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let end = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), letters.as_str())
}

/// Replaces control characters and bidirectional marks in untrusted text.
pub(crate) fn harmless(text: &str) -> String {
    let is_bad = |letter: char| {
        (letter.is_control() && !matches!(letter, '\n' | '\t'))
            || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|letter| if is_bad(letter) { REPLACEMENT } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_have_commas() {
        let shown: Vec<String> = [0, 999, 1_000, 24_816, 1_234_567].map(count).to_vec();
        assert_eq!(shown, ["0", "999", "1,000", "24,816", "1,234,567"]);
    }

    #[test]
    fn times_have_their_age() {
        let now = at("2026-11-27T17:42:08Z");
        assert_eq!(time(at("2026-11-27T03:11:40Z"), now), "27 Nov 03:11");
        assert_eq!(time(at("2025-11-27T03:11:40Z"), now), "27 Nov 2025 03:11");
        assert_eq!(clock(at("2026-11-27T17:00:00Z"), now), "17:00 UTC");
        assert_eq!(age(at("2026-11-27T17:00:00Z"), now), "42 min ago");
        assert_eq!(age(at("2026-11-28T03:00:08Z"), now), "in 9 h 18 min");
        assert_eq!(age(at("2026-09-27T17:00:00Z"), now), "61 days ago");
        assert_eq!(age(at("2026-11-27T17:42:00Z"), now), "just now");
    }

    #[test]
    fn shares_are_never_rounded_to_zero() {
        assert_eq!([share(0, 10), share(1, 1_000_000), share(96, 24_816)], ["0%", "< 0.1%", "0.4%"]);
    }

    #[test]
    fn invisible_and_bidirectional_characters_are_replaced() {
        assert_eq!(harmless("a\u{202e}b\u{0}c\u{200b}\u{1b}[1m"), "a\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}[1m");
        assert_eq!(harmless("two\nlines, ümlaut 漢字"), "two\nlines, ümlaut 漢字");
    }
}

//! When scans come: `rate(...)` and `cron(...)` in UTC, as EventBridge Scheduler writes them.

use jiff::{SignedDuration, Timestamp};

/// Fields of a cron expression: minutes, hours, day of month, month, day of week, year.
const CRON_FIELDS: usize = 6;
/// The longest rate that makes sense: a year. Also keeps the sum below within what a clock can say.
const RATE_DAYS_MAX: i64 = 366;

/// Checks a schedule.
///
/// # Errors
///
/// What it must be.
pub fn schedule(text: &str) -> Result<(), String> {
    if rate(text).is_some() {
        return Ok(());
    }
    let inside = text.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "*,-/?LW#".contains(letter);
    let in_form = inside.is_some_and(|inside| {
        let fields: Vec<&str> = inside.split(' ').collect();
        fields.len() == CRON_FIELDS
            && fields.iter().all(|field| !field.is_empty() && field.chars().all(allowed))
            // One of the two days is open, never both and never none.
            && (fields[2] == "?") != (fields[4] == "?")
    });
    if in_form {
        Ok(())
    } else {
        Err("must be like rate(1 day), rate(12 hours) or cron(0 3 * * ? *), in UTC".to_owned())
    }
}

/// When the next scan is due after one at `last`. Known for rates only.
pub fn next_scan(text: &str, last: Option<Timestamp>) -> Option<Timestamp> {
    last?.checked_add(rate(text)?).ok()
}

fn rate(text: &str) -> Option<SignedDuration> {
    let (count, unit) = text.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    if !count.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: i64 = count.parse().ok()?;
    let hours = match unit {
        "hour" | "hours" => count,
        "day" | "days" => count.checked_mul(24)?,
        "minute" | "minutes" => {
            let in_range = (1..=RATE_DAYS_MAX * 24 * 60).contains(&count);
            return (in_range && (count == 1) != unit.ends_with('s')).then(|| SignedDuration::from_mins(count));
        }
        _ => return None,
    };
    // One day, two days: as AWS wants it.
    let plural_fits = (count == 1) != unit.ends_with('s');
    (plural_fits && (1..=RATE_DAYS_MAX * 24).contains(&hours)).then(|| SignedDuration::from_hours(hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_written_as_aws_writes_them() {
        for right in
            ["rate(1 day)", "rate(12 hours)", "rate(30 minutes)", "cron(0 3 * * ? *)", "cron(0/15 8-17 ? * MON-FRI *)"]
        {
            assert_eq!(schedule(right), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "daily",
            "rate()",
            "rate(0 days)",
            "rate(1 days)",
            "rate(2 day)",
            "rate(+2 days)",
            "rate(1 week)",
            "rate(99999999999999999999 days)",
            "rate(9223372036854775807 days)",
            "cron(0 3 * * *)",
            "cron(0 3 * * * *)",
            "cron(0 3 ? * ? *)",
            "cron(0  3 * * ? *)",
            "cron(0 3 * * ? *) ",
        ] {
            assert!(schedule(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_next_scan_follows_the_last_one() {
        let last: Timestamp = "2026-11-23T03:00:00Z".parse().unwrap();
        assert_eq!(next_scan("rate(1 day)", Some(last)).unwrap().to_string(), "2026-11-24T03:00:00Z");
        assert_eq!(next_scan("rate(1 day)", None), None);
        assert_eq!(next_scan("cron(0 3 * * ? *)", Some(last)), None);
    }
}

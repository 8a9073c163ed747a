//! Validates scan schedules: `rate(...)` and `cron(...)` in UTC, in the syntax of EventBridge Scheduler.

use exporter::model::schedule::{InvalidSchedule, Schedule};
use jiff::{SignedDuration, Timestamp};

/// Validates a schedule.
///
/// # Errors
///
/// The reason why the schedule is invalid.
pub fn schedule(text: &str) -> Result<(), String> {
    let schedule: Schedule = text.parse().map_err(|error: InvalidSchedule| error.to_string())?;
    if schedule.is_due_after(Timestamp::now()) {
        return Ok(());
    }
    Err(format!("the schedule {text:?} has no future occurrence, so that a missing scan could not be detected"))
}

/// Due time of the scan that follows `last`. `None` unless the schedule is a rate.
pub fn next_scan(text: &str, last: Option<Timestamp>) -> Option<Timestamp> {
    last?.checked_add(rate(text)?).ok()
}

fn rate(text: &str) -> Option<SignedDuration> {
    schedule(text).ok()?;
    let (count, unit) = text.trim().strip_prefix("rate(")?.strip_suffix(')')?.trim().split_once(' ')?;
    let count: i64 = count.parse().ok()?;
    match unit.trim().trim_end_matches('s') {
        "minute" => Some(SignedDuration::from_mins(count)),
        "hour" => Some(SignedDuration::from_hours(count)),
        "day" => Some(SignedDuration::from_hours(count.checked_mul(24)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_scan_follows_the_last_one() {
        let last: Timestamp = "2026-11-23T03:00:00Z".parse().unwrap();
        assert_eq!(next_scan("rate(1 day)", Some(last)).unwrap().to_string(), "2026-11-24T03:00:00Z");
        assert_eq!(next_scan("rate(1 day)", None), None);
        assert_eq!(next_scan("cron(0 3 * * ? *)", Some(last)), None);
        assert!(schedule("daily").is_err());
    }

    #[test]
    fn a_schedule_without_a_future_occurrence_is_rejected() {
        for never in
            ["cron(0 3 30 2 ? *)", "cron(0 3 31 4,6,9,11 ? *)", "cron(0 3 * * ? 1970)", "cron(0 3 * * ? 2024-2025)"]
        {
            let message = schedule(never).unwrap_err();
            assert!(message.contains("has no future occurrence"), "{never}: {message}");
        }
        for comes in
            ["cron(0 3 29 2 ? *)", "cron(0 3 L * ? *)", "cron(0 3 * * ? 2199)", "cron(0 3 ? 2 2#5 *)", "rate(7 days)"]
        {
            assert_eq!(schedule(comes), Ok(()), "{comes}");
        }
    }
}

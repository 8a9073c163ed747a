//! When scans come: `rate(...)` and `cron(...)` in UTC, as EventBridge Scheduler writes them.

use exporter::schedule::Schedule;
use jiff::{SignedDuration, Timestamp};

/// Checks a schedule.
///
/// # Errors
///
/// What is wrong with it.
pub fn schedule(text: &str) -> Result<(), String> {
    text.parse::<Schedule>().map(drop).map_err(|error| error.to_string())
}

/// When the next scan is due after one at `last`. Known for rates only.
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
}

//! Validates scan schedules: `rate(...)` and `cron(...)` in UTC, in the syntax of EventBridge Scheduler.

use exporter::model::schedule::{InvalidSchedule, Schedule};
use jiff::Timestamp;

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

#[cfg(test)]
mod tests {
    use super::*;

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

use jiff::ToSpan as _;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap()
}

/// The last time before or at `end` at which a cron expression is due.
fn due(text: &str, end: &str) -> String {
    let Kind::Cron(cron) = schedule(text).kind else { panic!("{text}") };
    last_before(&cron, at(end)).unwrap().to_string()
}

#[test]
fn cron_expressions_have_the_meaning_of_aws() {
    // 23 November 2026 is a Monday.
    for (text, end, last) in [
        ("cron(0 3 * * ? *)", "2026-11-23T02:59:59Z", "2026-11-22T03:00:00Z"),
        ("cron(0 3 * * ? *)", "2026-11-23T03:00:00Z", "2026-11-23T03:00:00Z"),
        ("cron(0/15 * * * ? *)", "2026-11-23T03:44:00Z", "2026-11-23T03:30:00Z"),
        ("cron(30 8,20 * * ? *)", "2026-11-23T12:00:00Z", "2026-11-23T08:30:00Z"),
        // 1 is Sunday, not Monday as in cron.
        ("cron(0 3 ? * 1 *)", "2026-11-23T12:00:00Z", "2026-11-22T03:00:00Z"),
        ("cron(0 3 ? * SUN *)", "2026-11-23T12:00:00Z", "2026-11-22T03:00:00Z"),
        ("cron(0 3 ? * MON-FRI *)", "2026-11-22T12:00:00Z", "2026-11-20T03:00:00Z"),
        ("cron(0 3 ? * 2-6 *)", "2026-11-22T12:00:00Z", "2026-11-20T03:00:00Z"),
        // Saturday; the last Friday; the second Monday.
        ("cron(0 3 ? * L *)", "2026-11-23T12:00:00Z", "2026-11-21T03:00:00Z"),
        ("cron(0 3 ? * 6L *)", "2026-11-23T12:00:00Z", "2026-10-30T03:00:00Z"),
        ("cron(0 3 ? * 2#2 *)", "2026-11-23T12:00:00Z", "2026-11-09T03:00:00Z"),
        // The last day; the working day nearest to the 15th, a Sunday.
        ("cron(0 3 L * ? *)", "2026-11-23T12:00:00Z", "2026-10-31T03:00:00Z"),
        ("cron(0 3 15W * ? *)", "2026-11-23T12:00:00Z", "2026-11-16T03:00:00Z"),
        ("cron(0 3 1 JAN,JUL ? *)", "2026-11-23T12:00:00Z", "2026-07-01T03:00:00Z"),
        ("cron(0 3 29 2 ? *)", "2026-11-23T12:00:00Z", "2024-02-29T03:00:00Z"),
        ("cron(0 3 1 1 ? 2020-2022)", "2026-11-23T12:00:00Z", "2022-01-01T03:00:00Z"),
    ] {
        assert_eq!(due(text, end), last, "{text} at {end}");
    }
}

#[test]
fn an_invalid_schedule_has_a_clear_error() {
    for (text, expected) in [
        ("", "must be like rate(1 day) or cron(0 3 * * ? *)"),
        ("daily", "must be like rate"),
        ("at(2026-11-23T08:00:00)", "is for one time; use rate(1 day)"),
        ("rate(1)", "no number and unit"),
        ("rate(0 days)", "not a positive whole number"),
        ("rate(-1 days)", "not a positive whole number"),
        ("rate(1.5 days)", "not a positive whole number"),
        ("rate(1 week)", "use minutes, hours, or days"),
        ("rate(99999999999999999 days)", "longer than 3653 days"),
        ("cron(0 3 * * *)", "has 5 fields instead of 6"),
        ("cron(0 0 3 * * ? *)", "has 7 fields instead of 6"),
        ("cron(0 3 * * * *)", "one of them must be ?"),
        ("cron(0 3 1 * MON *)", "one of them must be ?"),
        ("cron(0 3 ? * ? *)", "one of them must be *"),
        ("cron(60 3 * * ? *)", "has \"60\" as minutes: 60 is not between 0 and 59"),
        ("cron(0 24 * * ? *)", "24 is not between 0 and 23"),
        ("cron(0 3 32 * ? *)", "32 is not between 1 and 31"),
        ("cron(0 3 ? * 0 *)", "0 is not between 1 and 7"),
        ("cron(0 3 ? * 2#6 *)", "6 is not between 1 and 5"),
        ("cron(0 3 * * ? 1969)", "1969 is not between 1970 and 2199"),
        ("cron(0/0 3 * * ? *)", "0 is not between 1 and 59"),
        ("cron(0, 3 * * ? *)", "an item of the list is empty"),
        ("cron(0 3 X * ? *)", "is invalid"),
        ("cron(@daily 3 * * ? *)", "is invalid"),
    ] {
        let error = text.parse::<Schedule>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.starts_with(&format!("the schedule {text:?} ")), "{error}");
    }
    let long = format!("rate({} days)", "1".repeat(LENGTH_MAX));
    assert!(long.parse::<Schedule>().unwrap_err().to_string().contains("longer than 256"));
}

#[test]
fn a_scan_is_missing_only_after_its_grace() {
    let daily = schedule("cron(0 3 * * ? *)");
    let long_ago = at("2026-01-01T00:00:00Z");
    let yesterdays = Some(at("2026-11-22T03:02:00Z"));
    assert_eq!(daily.missing(yesterdays, long_ago, at("2026-11-23T08:59:59Z")), None);
    let due = Some(at("2026-11-23T03:00:00Z"));
    assert_eq!(daily.missing(yesterdays, long_ago, at("2026-11-23T09:00:00Z")), due);
    // In order: begun slightly early; never arrived; due before scans were expected.
    assert_eq!(daily.missing(Some(at("2026-11-23T02:50:00Z")), long_ago, at("2026-11-23T12:00:00Z")), None);
    assert_eq!(daily.missing(None, long_ago, at("2026-11-23T12:00:00Z")), due);
    assert_eq!(daily.missing(None, at("2026-11-23T03:00:01Z"), at("2026-11-23T12:00:00Z")), None);
}

proptest! {
    #[test]
    fn a_rate_is_missed_exactly_after_its_period_and_grace(
        value in 1_i64..3_000, unit in prop::sample::select(vec![("minutes", 60), ("hours", 3_600), ("days", 86_400)]),
        waited in 0_i64..400_000_000,
    ) {
        let newest = at("2020-01-01T00:00:00Z");
        let now = newest + waited.seconds();
        let missing = schedule(&format!("rate({value} {})", unit.0)).missing(Some(newest), Timestamp::MIN, now);
        let due = newest + SignedDuration::from_secs(value * unit.1);
        prop_assert_eq!(missing, (waited > value * unit.1 + SCAN_GRACE.as_secs()).then_some(due));
    }

    #[test]
    fn a_scan_is_not_missing_after_it_arrived(
        minute in 0..60, hour in 0..24, day in 1..=7, now in 1_600_000_000_i64..2_000_000_000,
    ) {
        let now = Timestamp::from_second(now).unwrap();
        let weekly = schedule(&format!("cron({minute} {hour} ? * {day} *)"));
        let due = weekly.missing(None, Timestamp::MIN, now).unwrap();
        let civil = TimeZone::UTC.to_datetime(due);
        prop_assert_eq!((i32::from(civil.minute()), i32::from(civil.hour())), (minute, hour));
        prop_assert_eq!(i32::from(civil.weekday().to_sunday_one_offset()), day);
        let late = now.duration_since(due);
        prop_assert!(late >= SCAN_GRACE && late < SCAN_GRACE + SignedDuration::from_hours(7 * 24));
        prop_assert_eq!(weekly.missing(Some(due), Timestamp::MIN, now), None);
    }

    #[test]
    fn no_string_causes_a_panic(text in "(rate|cron|at)?\\(?[0-9A-Z*?/,#@+ -]{0,40}\\)?") {
        if let Ok(schedule) = text.parse::<Schedule>() {
            prop_assert_eq!(schedule.to_string(), text.trim());
            let _ = schedule.missing(None, Timestamp::MIN, at("2026-11-23T12:00:00Z"));
        }
    }
}

#[test]
fn the_next_scan_follows_the_newest_one() {
    let (rate, daily) = (schedule("rate(1 day)"), schedule("cron(0 3 * * ? *)"));
    let since = at("2026-11-20T12:00:00Z");
    let next = |schedule: &Schedule, newest: Option<&str>| schedule.next(newest.map(at), since);
    assert_eq!(next(&rate, Some("2026-11-23T02:50:00Z")), Some(at("2026-11-24T02:50:00Z")));
    assert_eq!(next(&rate, None), None);
    assert_eq!(
        next(&rate, Some("2026-11-10T02:50:00Z")),
        Some(at("2026-11-21T12:00:00Z")),
        "scans were not expected yet"
    );
    assert_eq!(next(&daily, Some("2026-11-23T04:10:00Z")), Some(at("2026-11-24T03:00:00Z")));
    assert_eq!(next(&daily, Some("2026-11-23T02:50:00Z")), Some(at("2026-11-24T03:00:00Z")), "a few minutes early");
    assert_eq!(
        next(&daily, Some("2026-11-10T02:50:00Z")),
        Some(at("2026-11-21T03:00:00Z")),
        "scans were not expected yet"
    );
    assert_eq!(next(&daily, None), Some(at("2026-11-21T03:00:00Z")), "the first one after the integration was created");
    assert_eq!(schedule("cron(0 3 1 1 ? 2026)").next(None, since), None, "it is never due again");
}

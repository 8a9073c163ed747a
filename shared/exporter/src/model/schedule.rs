//! When scans are due: `rate(1 day)` or `cron(0 3 * * ? *)`, in the syntax of EventBridge Scheduler, in UTC.
//!
//! Guarantees: EventBridge Scheduler accepts every expression that [`Schedule`] accepts, and the error for any other
//! expression names its problem. The crate `croner` computes the times; differences between AWS's syntax and cron's are
//! resolved here.

use std::fmt;
use std::str::FromStr;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{Cron, time};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Time after which a scan that was due is missing. Prowler needs hours for a large account, and uploads at the end.
pub const SCAN_GRACE: SignedDuration = SignedDuration::from_hours(6);
/// Time before the due time in which a scan already counts as the one that is due: clocks differ, and schedules have
/// flexible time windows.
const SCAN_EARLY: SignedDuration = SignedDuration::from_mins(15);
/// Maximum length of a schedule in bytes (EventBridge Scheduler API, `ScheduleExpression`).
const LENGTH_MAX: usize = 256;
/// Maximum period of a rate in days: ten years, so that no time overflows.
const RATE_DAYS_MAX: i64 = 3_653;
/// The fields of an AWS cron expression: their names and value ranges (EventBridge Scheduler User Guide, "Cron-based
/// schedules").
const FIELDS: [(&str, u32, u32); 6] = [
    ("minutes", 0, 59),
    ("hours", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 1, 7),
    ("year", 1970, 2199),
];
const DAY_OF_MONTH: usize = 2;
const DAY_OF_WEEK: usize = 4;

/// The schedule of scans.
#[derive(Clone, Debug)]
pub struct Schedule {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Rate(SignedDuration),
    Cron(Box<Cron>),
}

/// The error for an invalid schedule. It names the problem, with a valid example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule {text:?} {problem}")]
pub struct InvalidSchedule {
    text: String,
    problem: String,
}

impl Schedule {
    /// The schedule as the user entered it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether any scan is due after a time. For example, none is due on February 30.
    pub fn is_due_after(&self, time: Timestamp) -> bool {
        match &self.kind {
            Kind::Rate(_) => true,
            Kind::Cron(cron) => first_after(cron, time).is_some(),
        }
    }

    /// The scan that is due after the newest one and after `since`, the time from which on scans are expected. `None` if no scan
    /// is known and the schedule is a rate, or if no further scan is due.
    pub fn next(&self, newest: Option<Timestamp>, since: Timestamp) -> Option<Timestamp> {
        match &self.kind {
            Kind::Rate(period) => newest?.max(since).checked_add(*period).ok(),
            Kind::Cron(cron) => {
                let arrived = newest.and_then(|newest| newest.checked_add(SCAN_EARLY).ok());
                first_after(cron, since.max(arrived.unwrap_or(Timestamp::MIN)))
            }
        }
    }

    /// If a scan is missing at `now`, the time at which it was due. `None` if no scan is missing, or if it isn't late enough
    /// yet. `newest` is the time of the newest scan; `since` is the time from which on scans are expected.
    pub fn missing(&self, newest: Option<Timestamp>, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let newest = newest.unwrap_or(Timestamp::MIN);
        let late = now.checked_sub(SCAN_GRACE).ok()?;
        match &self.kind {
            Kind::Rate(period) => {
                let due = newest.max(since).checked_add(*period).ok()?;
                (due < late).then_some(due)
            }
            Kind::Cron(cron) => {
                let due = last_before(cron, late)?;
                let arrived = newest.checked_add(SCAN_EARLY).is_ok_and(|newest| newest >= due);
                (due > since && !arrived).then_some(due)
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let text = text.trim();
        let invalid = |problem: String| InvalidSchedule { text: text.chars().take(LENGTH_MAX).collect(), problem };
        if text.len() > LENGTH_MAX {
            return Err(invalid(format!("is longer than {LENGTH_MAX} characters")));
        }
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let kind = if let Some(rate) = inside("rate") {
            Kind::Rate(rate_of(rate).map_err(invalid)?)
        } else if let Some(cron) = inside("cron") {
            Kind::Cron(Box::new(cron_of(cron).map_err(invalid)?))
        } else if inside("at").is_some() {
            return Err(invalid("is for one time; use rate(1 day) or cron(0 3 * * ? *)".to_owned()));
        } else {
            return Err(invalid(
                "must be like rate(1 day) or cron(0 3 * * ? *), which is every day at 3:00 UTC".to_owned(),
            ));
        };
        Ok(Self { text: text.to_owned(), kind })
    }
}

/// Parses the inside of `rate(...)`: a number and a unit.
fn rate_of(inside: &str) -> Result<SignedDuration, String> {
    let words: Vec<&str> = inside.split_whitespace().collect();
    let [value, unit] = words[..] else { return Err("has no number and unit, such as rate(12 hours)".to_owned()) };
    let value: i64 = value
        .parse()
        .ok()
        .filter(|value| *value > 0 && !inside.contains('+'))
        .ok_or_else(|| format!("has the number {value:?}, which is not a positive whole number"))?;
    let hours = match unit {
        "minute" | "minutes" => return within(value, SignedDuration::from_mins(1)),
        "hour" | "hours" => 1,
        "day" | "days" => 24,
        _ => return Err(format!("has the unit {unit:?}; use minutes, hours, or days")),
    };
    within(value, SignedDuration::from_hours(hours))
}

fn within(value: i64, unit: SignedDuration) -> Result<SignedDuration, String> {
    let most = SignedDuration::from_hours(RATE_DAYS_MAX * 24);
    let period = unit.as_secs().checked_mul(value).map(SignedDuration::from_secs);
    period.filter(|period| *period <= most).ok_or_else(|| format!("is longer than {RATE_DAYS_MAX} days"))
}

/// Parses the inside of `cron(...)`: six fields.
fn cron_of(inside: &str) -> Result<Cron, String> {
    let upper = inside.to_ascii_uppercase();
    let mut fields: Vec<&str> = upper.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "has {} fields instead of 6: minutes, hours, day of month, month, day of week, year",
            fields.len()
        ));
    }
    for (field, (name, least, most)) in fields.iter().zip(FIELDS) {
        check_numbers(field, least, most).map_err(|problem| format!("has {field:?} as {name}: {problem}"))?;
    }
    match (fields[DAY_OF_MONTH], fields[DAY_OF_WEEK]) {
        ("?", "?") => return Err("has ? as day of month and as day of week; one of them must be *".to_owned()),
        ("?", _) | (_, "?") => {}
        _ => return Err("names a day of month and a day of week; one of them must be ?".to_owned()),
    }
    // AWS's week ends on Saturday, which `L` alone stands for.
    if fields[DAY_OF_WEEK] == "L" {
        fields[DAY_OF_WEEK] = "7";
    }
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required);
    let parser = parser.alternative_weekdays(true).sloppy_ranges(true).build();
    let cron = parser.parse(&format!("0 {}", fields.join(" "))).map_err(|error| format!("is invalid: {error}"))?;
    Ok(cron)
}

/// Checks that all numbers of a field are in its range. A number after `/` is a step, one after `#` the week of the month.
fn check_numbers(field: &str, least: u32, most: u32) -> Result<(), String> {
    const WEEKS_MAX: u32 = 5;
    let mut before = ' ';
    let mut rest = field;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        before = rest[..start].chars().next_back().unwrap_or(before);
        let digits = &rest[start..];
        let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
        let (least, most) = match before {
            '/' => (1, most),
            '#' => (1, WEEKS_MAX),
            _ => (least, most),
        };
        let in_range = digits[..end].parse::<u32>().is_ok_and(|number| (least..=most).contains(&number));
        if !in_range {
            return Err(format!("{} is not between {least} and {most}", &digits[..end]));
        }
        rest = &digits[end..];
        before = ' ';
    }
    // The parser skips an empty part of a list.
    if field.split(',').any(str::is_empty) {
        return Err("an item of the list is empty".to_owned());
    }
    Ok(())
}

/// The first time after `start` at which a cron expression is due. `None` if it is never due again.
fn first_after(cron: &Cron, start: Timestamp) -> Option<Timestamp> {
    let Civil(due) = cron.find_next_occurrence(&Civil(TimeZone::UTC.to_datetime(start)), false).ok()?;
    TimeZone::UTC.to_timestamp(due).ok()
}

/// The last time before or at `end` at which a cron expression is due. `None` if it was never due before.
fn last_before(cron: &Cron, end: Timestamp) -> Option<Timestamp> {
    let end = Civil(TimeZone::UTC.to_datetime(end));
    let Civil(due) = cron.find_previous_occurrence(&end, true).ok()?;
    TimeZone::UTC.to_timestamp(due).ok()
}

/// A date and time of jiff for croner. It is in UTC, which has no daylight saving time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Civil(DateTime);

impl time::CronDateTime for Civil {
    fn to_civil(&self) -> time::CivilDateTime {
        let at = self.0;
        let [month, day, hour, minute, second] =
            [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(|part| u32::try_from(part).unwrap_or(0));
        time::CivilDateTime::new(
            time::CivilDate::from_parts_unchecked(i32::from(at.year()), month, day),
            time::CivilTime::from_parts_unchecked(hour, minute, second),
        )
    }

    fn civil_weekday(&self) -> time::Weekday {
        let days = self.0.weekday().to_sunday_zero_offset();
        time::Weekday::from_days_from_sunday(u32::try_from(days).unwrap_or(0))
    }

    fn resolve_civil(&self, civil: time::CivilDateTime) -> Result<time::Resolution<Self>, CronError> {
        let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidDate);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let at = DateTime::new(
            year,
            part(civil.month())?,
            part(civil.day())?,
            part(civil.hour())?,
            part(civil.minute())?,
            part(civil.second())?,
            0,
        );
        Ok(time::Resolution::Single(Self(at.map_err(|_| CronError::InvalidDate)?)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests;

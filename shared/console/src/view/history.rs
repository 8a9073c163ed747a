//! What runs did day by day, as far as the newest runs tell: four charts on one time axis, each with its own scale.

use std::collections::BTreeMap;

use exporter::report::RunReport;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::run::errors;
use super::text::{count, counted};
use crate::chart::columns::{Columns, columns};

/// A chart.
pub(crate) struct Chart {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) total: String,
    pub(crate) label: String,
    pub(crate) shapes: Columns,
    pub(crate) titles: Vec<String>,
    pub(crate) first: String,
    pub(crate) last: String,
}

/// A day's row.
pub(crate) struct Day {
    pub(crate) day: String,
    pub(crate) cells: [String; 4],
}

/// The charts, and the same as a table.
pub(crate) struct History {
    pub(crate) title: String,
    pub(crate) charts: Vec<Chart>,
    pub(crate) days: Vec<Day>,
}

/// What each chart is of: name, CSS class.
const CHARTS: [(&str, &str); 4] =
    [("Sent", "sent"), ("Unchanged", "unchanged"), ("Archived", "archived"), ("Errors", "quarantined")];

fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// The history of the newest runs. With `is_cut`, older runs of the earliest day may be missing, so that it is left out.
pub(crate) fn history(runs: &[RunReport], is_cut: bool, days_max: usize, now: Timestamp) -> Option<History> {
    let mut sums: BTreeMap<Date, [u64; 4]> = BTreeMap::new();
    for run in runs {
        let counts = &run.counts;
        let values = [counts.sent, counts.unchanged, counts.archived, errors(counts)];
        let day = sums.entry(day_of(run.started_at)).or_default();
        day.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    let earliest = *sums.keys().next()?;
    let first = if is_cut { earliest.tomorrow().ok()? } else { earliest };
    let today = day_of(now);
    let mut days: Vec<Date> = first.series(jiff::Span::new().days(1)).take_while(|day| *day <= today).collect();
    days.drain(..days.len().saturating_sub(days_max));
    let (oldest, newest) = (*days.first()?, *days.last()?);
    let of = |day: &Date| sums.get(day).copied().unwrap_or_default();
    let charts = CHARTS.iter().enumerate().map(|(index, (name, class))| {
        let values: Vec<u64> = days.iter().map(|day| of(day)[index]).collect();
        chart(name, class, &values, &days)
    });
    let rows =
        days.iter().rev().map(|day| Day { day: day.strftime("%a %-d %b").to_string(), cells: of(day).map(count) });
    let title = match days.len() {
        1 => format!("Runs of {}", newest.strftime("%-d %b")),
        number => format!("Last {}, since {}", counted(number as u64, "day", "days"), oldest.strftime("%-d %b")),
    };
    Some(History { title, charts: charts.collect(), days: rows.collect() })
}

fn chart(name: &'static str, class: &'static str, values: &[u64], days: &[Date]) -> Chart {
    let short = |day: Option<&Date>| day.map(|day| day.strftime("%-d %b").to_string()).unwrap_or_default();
    let (first, last) = (short(days.first()), short(days.last()));
    let least = values.iter().min().copied().unwrap_or_default();
    let most = values.iter().max().copied().unwrap_or_default();
    let title = |(day, value): (&Date, &u64)| format!("{}: {}", day.strftime("%a %-d %b"), count(*value));
    Chart {
        name,
        class,
        total: count(values.iter().sum()),
        label: format!("{name} per day, {first} to {last}: {} to {}", count(least), count(most)),
        shapes: columns(values),
        titles: days.iter().zip(values).map(title).collect(),
        first,
        last,
    }
}

#[cfg(test)]
mod tests {
    use exporter::upload::UploadInfo;

    use super::*;

    fn run(at: &str, sent: u64) -> RunReport {
        let upload =
            UploadInfo { source: String::new(), etag: String::new(), bytes: 0, modified_at: None, requester: None };
        let mut run = RunReport::new(at.to_owned(), upload, at.parse().unwrap());
        run.counts.sent = sent;
        run
    }

    #[test]
    fn days_without_runs_are_0_and_a_day_that_may_be_incomplete_is_left_out() {
        let runs = [run("2026-11-27T03:00:00Z", 5), run("2026-11-25T04:00:00Z", 2), run("2026-11-25T03:00:00Z", 1)];
        let now = "2026-11-27T17:00:00Z".parse().unwrap();
        let all = history(&runs, false, 30, now).unwrap();
        let sent = |history: &History| history.days.iter().map(|day| day.cells[0].clone()).collect::<Vec<_>>();
        assert_eq!(
            (all.title.as_str(), sent(&all)),
            ("Last 3 days, since 25 Nov", vec!["5".into(), "0".into(), "3".into()])
        );
        assert_eq!(all.charts[0].label, "Sent per day, 25 Nov to 27 Nov: 0 to 5");
        assert_eq!(sent(&history(&runs, true, 30, now).unwrap()), ["5", "0"]);
        assert_eq!(sent(&history(&runs, false, 1, now).unwrap()), ["5"]);
        assert!(history(&[], false, 30, now).is_none());
    }
}

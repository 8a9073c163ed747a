//! The history of runs: four charts with a common time axis and their own
//! scales, the same data as a table, and tables by Region or account.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use exporter::report::history::{OTHER, Totals};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use management::wire::HistoryItem;

use super::text::{count, counted};
use crate::chart::columns::{Columns, columns};
use crate::chart::spark::spark;
use crate::form::encoded;
use crate::histories::Period;

/// Maximum number of accounts in the table, worst first.
const ACCOUNTS_MAX: usize = 100;

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

/// A cell of a table: a number as text, and whether it is an error count above 0.
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) is_bad: bool,
    pub(crate) is_zero: bool,
}

/// A row of a table: a day, a Region, or an account.
pub(crate) struct Row {
    pub(crate) name: String,
    /// Link to the runs of the day or the account. Empty for a Region.
    pub(crate) href: String,
    /// A sparkline of the findings sent, and its label. Empty except for a Region.
    pub(crate) spark: String,
    pub(crate) spark_label: String,
    pub(crate) cells: Vec<Cell>,
}

/// The charts, and their data as tables.
pub(crate) struct History {
    pub(crate) title: String,
    pub(crate) charts: Vec<Chart>,
    pub(crate) days: Vec<Row>,
    pub(crate) regions: Vec<Row>,
}

/// The sums by account.
pub(crate) struct Accounts {
    pub(crate) rows: Vec<Row>,
    pub(crate) summary: String,
}

/// Name and CSS class of each chart.
const CHARTS: [(&str, &str); 4] =
    [("Sent", "sent"), ("Unchanged", "unchanged"), ("Archived", "archived"), ("Errors", "quarantined")];

fn values(totals: &Totals) -> [u64; 4] {
    [totals.sent, totals.unchanged, totals.archived, totals.errors]
}

fn sum<'a>(all: impl IntoIterator<Item = &'a Totals>) -> Totals {
    let mut sum = Totals::default();
    all.into_iter().for_each(|totals| sum.add(totals));
    sum
}

/// The history of a period, of one account or of all. `None` if no run ended in the period.
pub(crate) fn history(period: &Period, account: &str) -> Option<History> {
    if period.days.is_empty() {
        return None;
    }
    let days: Vec<Date> = period.from.series(Span::new().days(1)).take_while(|day| *day <= period.to).collect();
    let sums: Vec<Totals> =
        days.iter().map(|day| sum(period.days.get(day).into_iter().flat_map(BTreeMap::values))).collect();
    let charts = CHARTS.iter().enumerate().map(|(index, (name, class))| {
        let values: Vec<u64> = sums.iter().map(|totals| values(totals)[index]).collect();
        chart(name, class, &values, &days)
    });
    let row = |(day, totals): (&Date, &Totals)| Row {
        name: day.strftime("%a %-d %b").to_string(),
        href: runs_of(*day, account),
        spark: String::new(),
        spark_label: String::new(),
        cells: cells(&values(totals), 3..4),
    };
    let older = if period.is_cut { "; there are too many runs to show earlier days" } else { "" };
    let since = period.from.strftime("%-d %b");
    Some(History {
        title: format!("Last {}, since {since}{older}", counted(days.len() as u64, "day", "days")),
        charts: charts.collect(),
        days: days.iter().zip(&sums).rev().map(row).collect(),
        regions: regions(period, &days),
    })
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

/// The cells of a row. The cells with an index in `bad` are errors.
fn cells(numbers: &[u64], bad: std::ops::Range<usize>) -> Vec<Cell> {
    let cell = |(index, number): (usize, &u64)| Cell {
        text: count(*number),
        is_bad: *number > 0 && bad.contains(&index),
        is_zero: *number == 0,
    };
    numbers.iter().enumerate().map(cell).collect()
}

/// Sort key, worst first: most errors and findings for unavailable Regions, then most throttled calls, then most findings sent.
fn badness(totals: &Totals) -> Reverse<(u64, u64, u64)> {
    Reverse((totals.errors.saturating_add(totals.unavailable), totals.throttled, totals.sent))
}

/// A row per Region, worst first. Findings that aren't counted by Region are the last row.
fn regions(period: &Period, days: &[Date]) -> Vec<Row> {
    let mut sums: BTreeMap<&str, Totals> = BTreeMap::new();
    for (region, totals) in period.days.values().flatten() {
        sums.entry(region).or_default().add(totals);
    }
    let mut sums: Vec<(&str, Totals)> = sums.into_iter().collect();
    sums.sort_by_key(|(region, totals)| (*region == OTHER, badness(totals)));
    let row = |(region, totals): (&str, Totals)| {
        let sent_on =
            |day: &Date| period.days.get(day).and_then(|regions| regions.get(region)).map_or(0, |one| one.sent);
        let sent: Vec<u64> = days.iter().map(sent_on).collect();
        let most = sent.iter().copied().max().unwrap_or_default();
        Row {
            name: if region == OTHER { "not by Region".to_owned() } else { region.to_owned() },
            href: String::new(),
            spark: spark(&sent),
            spark_label: format!("sent per day, maximum {}", count(most)),
            cells: all_cells(&totals),
        }
    };
    sums.into_iter().map(row).collect()
}

fn all_cells(totals: &Totals) -> Vec<Cell> {
    let Totals { sent, unchanged, archived, errors, unavailable, throttled } = *totals;
    cells(&[sent, unchanged, archived, unavailable, errors, throttled], 3..5)
}

/// A row per account, worst first. Findings that belong to no account are the last row.
pub(crate) fn accounts(items: &[HistoryItem], names: &BTreeMap<String, String>) -> Accounts {
    let mut sorted: Vec<&HistoryItem> = items.iter().collect();
    sorted.sort_by_key(|item| (item.account.as_deref() == Some(OTHER), badness(&item.totals())));
    let row = |item: &&HistoryItem| {
        let id = item.account.clone().unwrap_or_default();
        let is_other = id == OTHER;
        Row {
            href: if is_other { String::new() } else { format!("/runs?account={}", encoded(&id)) },
            name: if is_other { "no account".to_owned() } else { names.get(&id).cloned().unwrap_or(id) },
            spark: String::new(),
            spark_label: String::new(),
            cells: all_cells(&item.totals()),
        }
    };
    let shown = sorted.len().min(ACCOUNTS_MAX);
    let summary = match sorted.len() {
        all if all > shown => {
            format!("{} of {}, worst first", count(shown as u64), counted(all as u64, "account", "accounts"))
        }
        all => format!("{}, worst first", counted(all as u64, "account", "accounts")),
    };
    Accounts { rows: sorted.iter().take(shown).map(row).collect(), summary }
}

/// Link to the runs that began on a day. The list begins with the newest
/// of them, because run IDs (UUID version 7) are ordered by time.
fn runs_of(day: Date, account: &str) -> String {
    let end = TimeZone::UTC.to_timestamp(day.tomorrow().unwrap_or(day).at(0, 0, 0, 0));
    let milliseconds = end.map(Timestamp::as_millisecond).unwrap_or_default();
    let before = format!("{:08x}-{:04x}-7000-8000-000000000000", milliseconds >> 16, milliseconds & 0xffff);
    let account = if account.is_empty() { String::new() } else { format!("account={}&", encoded(account)) };
    format!("/runs?{account}since={day}&after={before}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(days: &[(&str, &str, Totals)]) -> Period {
        let mut period =
            Period { from: "2026-11-25".parse().unwrap(), to: "2026-11-27".parse().unwrap(), ..Period::default() };
        for (day, region, totals) in days {
            period.days.entry(day.parse().unwrap()).or_default().insert((*region).to_owned(), *totals);
        }
        period
    }

    fn sent(sent: u64) -> Totals {
        Totals { sent, ..Totals::default() }
    }

    #[test]
    fn days_without_runs_are_0() {
        let period = period(&[
            ("2026-11-27", "eu-west-1", sent(5)),
            ("2026-11-25", "eu-west-1", sent(2)),
            ("2026-11-25", "us-east-1", sent(1)),
        ]);
        let all = history(&period, "").unwrap();
        let column: Vec<&str> = all.days.iter().map(|row| row.cells[0].text.as_str()).collect();
        assert_eq!((all.title.as_str(), column), ("Last 3 days, since 25 Nov", vec!["5", "0", "3"]));
        assert_eq!(all.charts[0].label, "Sent per day, 25 Nov to 27 Nov: 0 to 5");
        assert!(history(&Period { days: BTreeMap::new(), ..period }, "").is_none());
    }

    #[test]
    fn regions_are_sorted_worst_first_and_other_findings_come_last() {
        let bad = Totals { unavailable: 4, ..sent(0) };
        let period = period(&[
            ("2026-11-26", "eu-west-1", sent(500)),
            ("2026-11-26", "sa-east-1", bad),
            ("2026-11-26", "other", Totals { errors: 900, ..sent(0) }),
            ("2026-11-27", "us-east-1", Totals { throttled: 1, ..sent(2) }),
        ]);
        let rows = history(&period, "").unwrap().regions;
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["sa-east-1", "us-east-1", "eu-west-1", "not by Region"]);
        assert!(rows[0].cells[3].is_bad && rows[0].spark.is_empty() && !rows[2].spark.is_empty());
        assert_eq!(rows[2].spark_label, "sent per day, maximum 500");
    }

    #[test]
    fn a_day_links_to_its_newest_run() {
        let day = "2026-11-27".parse().unwrap();
        // 2026-11-28T00:00:00Z is 1,795,824,000,000 ms after 1970, 0x1a21f739c00 in hexadecimal.
        assert_eq!(
            runs_of(day, "123456789012"),
            "/runs?account=123456789012&since=2026-11-27&after=01a21f73-9c00-7000-8000-000000000000"
        );
    }
}

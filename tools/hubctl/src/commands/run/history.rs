//! `hubctl run history`: sums of runs by day, Region, or account.

use std::sync::Arc;

use anyhow::Result;
use asff::AccountId;
use exporter::ports::settings_store::HistoryPage;
use exporter::report::HistoryEntry;
use exporter::report::history::{HistoryBy, Totals, day_of};
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use management::wire::HistoryList;

use super::RunSource;
use crate::client::{Management, read};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::render::{Column, Output, Table, TextStyle, text};
use crate::standalone::Standalone;

/// Maximum number of days: the retention of run records.
const DAYS_MAX: i64 = 90;
/// Maximum number of requests: one per day.
const REQUESTS_MAX: usize = 90;
/// Maximum number of reports to read with `--state`.
const REPORTS_MAX: usize = 10_000;
/// Length of the longest bar, in characters.
const BAR_CHARS: u64 = 6;

/// Sum runs by day, Region, or account
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Sums all finished runs of whole UTC days, today included; a run counts for the
day on which it began. Errors are quarantined, malformed, and undelivered
findings; those that name no Region are in the row other. The bar shows the
findings sent. Runs of a release without this command are not included.

Examples:
  hubctl run history
  hubctl run history --by region --days 7
  hubctl run history --account 123456789012 --days 90
  hubctl run history --by account --output json | jq '.items[].errors'

JSON: from, to (days), items with day, region, or account, and runs, sent,
unchanged, archived, errors, unavailable, throttled (calls); by Region also
these totals of each day (days), where they aren't 0. By Region or account,
active has the active findings and the run that determined them (findings,
run_id, at); by account, last_scan_at has the time of the newest scan.")]
pub(crate) struct Args {
    /// What to sum by
    #[arg(long, value_name = "WHAT", default_value = "day", value_parser = ["day", "region", "account"])]
    by: String,

    /// Number of UTC days, today included
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..=DAYS_MAX))]
    days: u8,

    /// Only what the runs did for this account
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
}

impl Args {
    fn by(&self) -> HistoryBy {
        match self.by.as_str() {
            "region" => HistoryBy::Region,
            "account" => HistoryBy::Account,
            _ => HistoryBy::Day,
        }
    }
}

pub(super) fn run(args: &Args, source: &RunSource, global: &Global, output: &mut Output) -> Result<Exit> {
    let history = block_on(async {
        if let Some(location) = &source.state.location {
            let runs = Standalone::open(location, global).await?.list_runs(REPORTS_MAX, args.account).await?;
            return Ok(of_reports(args, runs.iter().filter_map(HistoryEntry::of), day_of(Timestamp::now())));
        }
        let management = source.connection_args.connect(global).await?;
        let account = args.account.map(|account| format!("&account={account}")).unwrap_or_default();
        Ok(whole(&format!("/history?by={}&days={}{account}", args.by, args.days), &management).await?)
    })?;
    match output.format {
        Format::Json => output.json(&history)?,
        Format::Table => {
            if history.items.iter().all(|item| item.runs == 0) {
                output.note(format!("No finished runs from {} to {} (UTC).", history.from, history.to))?;
            } else {
                output.table(&table(args.by(), &history))?;
            }
        }
    }
    if let Some(next) = history.next {
        output.note(format!("Runs of {next} and before are not included: there are too many."))?;
    }
    Ok(Exit::Success)
}

/// The sums of the reports of a directory.
fn of_reports(args: &Args, entries: impl Iterator<Item = HistoryEntry>, today: Date) -> HistoryList {
    let from = today.saturating_sub(Span::new().days(i64::from(args.days) - 1));
    let mut entries: Vec<_> = entries.map(Arc::new).collect();
    // If the maximum number of reports was read, reports of the oldest day may be missing: that day is left out.
    let oldest = entries.iter().map(|entry| entry.day()).min();
    let next = oldest.filter(|oldest| entries.len() >= REPORTS_MAX && *oldest >= from);
    let first = next.and_then(|next| next.tomorrow().ok()).unwrap_or(from);
    entries.retain(|entry| (first..=today).contains(&entry.day()));
    HistoryList::of(&HistoryPage { entries, next }, args.by(), args.account, (from, today))
}

/// Reads all pages of a history and joins them.
async fn whole(address: &str, management: &Management) -> Result<HistoryList, Failure> {
    let mut history: HistoryList = read(&management.get(address).await?.body)?;
    for _ in 1..REQUESTS_MAX {
        let Some(next) = history.next else { break };
        let page: HistoryList = read(&management.get(format!("{address}&after={next}")).await?.body)?;
        history.append(page);
    }
    Ok(history)
}

/// A row per day, Region, or account, and their sum.
fn table(by: HistoryBy, history: &HistoryList) -> Table {
    let heading = match by {
        HistoryBy::Day => "Day (UTC)",
        HistoryBy::Region => "Region",
        HistoryBy::Account => "Account",
    };
    let mut table = Table::new([
        Column::Text(heading),
        Column::Number("Runs"),
        Column::Text(""),
        Column::Number("Sent"),
        Column::Number("Unchanged"),
        Column::Number("Archived"),
        Column::Number("Errors"),
        Column::Number("Unavailable"),
    ]);
    let most = history.items.iter().map(|item| item.sent).max().unwrap_or_default();
    let mut all = Totals::default();
    for item in &history.items {
        let totals = item.totals();
        all.add(&totals);
        let tone = if item.errors > 0 {
            TextStyle::Bad
        } else if item.unavailable > 0 {
            TextStyle::Warning
        } else {
            TextStyle::Plain
        };
        table.row(tone, cells(item.key(), text::count(item.runs), bar(item.sent, most), &totals));
    }
    table.row(TextStyle::Strong, cells("total".to_owned(), runs_in_total(by, history), String::new(), &all));
    table
}

/// The total number of runs. By Region or account it is empty: a run with several of them is counted in several rows.
fn runs_in_total(by: HistoryBy, history: &HistoryList) -> String {
    match by {
        HistoryBy::Day => text::count(history.items.iter().map(|item| item.runs).sum()),
        HistoryBy::Region | HistoryBy::Account => String::new(),
    }
}

fn cells(key: String, runs: String, bar: String, totals: &Totals) -> [String; 8] {
    let Totals { sent, unchanged, archived, errors, unavailable, .. } = *totals;
    let count = text::count;
    [key, runs, bar, count(sent), count(unchanged), count(archived), count(errors), count(unavailable)]
}

/// A bar whose length is proportional to a number. A number other than 0 has at least one character.
fn bar(number: u64, most: u64) -> String {
    let chars = u128::from(number) * u128::from(BAR_CHARS) / u128::from(most.max(1));
    let least = usize::from(number > 0);
    "#".repeat(usize::try_from(chars).unwrap_or_default().max(least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Style;

    fn args(by: &str, days: u8) -> Args {
        Args { by: by.to_owned(), days, account: None }
    }

    fn entry(id: usize, at: &str, sent: u64, errors: u64) -> HistoryEntry {
        let json = serde_json::json!({
            "run_id": format!("run-{id}"), "started_at": at, "kind": "export", "status": "succeeded",
            "accounts": {"123456789012": {
                "eu-west-1": {"sent": sent, "unchanged": 1_234_567, "archived": 9, "throttled": 1},
                "ap-southeast-2": {"sent": 1, "unavailable": 12_345},
                "other": {"errors": errors},
            }},
        });
        serde_json::from_value(json).unwrap()
    }

    fn history(by: &str) -> HistoryList {
        let entries = [
            entry(1, "2026-11-26T23:59:59Z", 120_000, 0),
            entry(2, "2026-11-28T00:00:00Z", 60, 3),
            entry(3, "2026-11-25T00:00:00Z", 1, 1),
        ];
        of_reports(&args(by, 3), entries.into_iter(), "2026-11-28".parse().unwrap())
    }

    #[test]
    fn sums_fit_80_columns() {
        for by in ["day", "region", "account"] {
            let text = table(args(by, 3).by(), &history(by)).render(Style { terminal: false, color: false, width: 80 });
            insta::assert_snapshot!(format!("history_by_{by}"), text);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }

    #[test]
    fn the_oldest_day_is_omitted_if_there_are_more_reports() {
        let day = |id: usize| format!("2026-11-{:02}T03:00:00Z", 28 - id / 4_000);
        let entries = (0..REPORTS_MAX).map(|id| entry(id, &day(id), 1, 0));
        let history = of_reports(&args("day", 30), entries, "2026-11-28".parse().unwrap());
        let runs: Vec<u64> = history.items.iter().map(|item| item.runs).collect();
        assert_eq!((runs, history.next.unwrap().to_string()), (vec![4_000, 4_000], "2026-11-26".to_owned()));
    }

    #[test]
    fn pages_are_joined() {
        for by in ["day", "region", "account"] {
            let entries = [entry(1, "2026-11-27T23:59:59Z", 5, 0), entry(2, "2026-11-28T00:00:00Z", 60, 3)];
            let of = |entries: Vec<HistoryEntry>, from: &str, to: &str, next: Option<&str>| {
                let entries = entries.into_iter().map(Arc::new).collect();
                let page = HistoryPage { entries, next: next.map(|day| day.parse().unwrap()) };
                HistoryList::of(&page, args(by, 2).by(), None, (from.parse().unwrap(), to.parse().unwrap()))
            };
            let all = of(entries.to_vec(), "2026-11-27", "2026-11-28", None);
            let mut parts = of(entries[1..].to_vec(), "2026-11-27", "2026-11-28", Some("2026-11-27"));
            parts.append(of(entries[..1].to_vec(), "2026-11-27", "2026-11-27", None));
            assert_eq!(parts, all);
        }
    }

    #[test]
    fn a_number_other_than_0_has_a_bar() {
        assert_eq!(
            [(0, 0), (0, 5), (1, 1_000_000), (5, 5), (u64::MAX, u64::MAX)].map(|(n, most)| bar(n, most).len()),
            [0, 0, 1, 6, 6]
        );
    }
}

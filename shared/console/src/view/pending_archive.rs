//! The pending archives of a run, by service and Region, and why they look unusual.

use exporter::report::{ArchiveSkipped, PendingRows, PendingSums, RunReport};
use jiff::Timestamp;

use super::parts::State;
use super::text::{count, counted, share, time};

/// Rows of a table. The others are added up.
const ROWS_MAX: usize = 12;

/// The pending archive of an account.
pub(crate) struct Pending {
    /// Position on the page, from 1.
    pub(crate) number: usize,
    pub(crate) account: String,
    pub(crate) title: String,
    pub(crate) share: State,
    pub(crate) count: String,
    /// Why it looks unusual, if it does: the services or Regions, and their earlier results.
    pub(crate) unusual: Option<[String; 2]>,
    /// How many findings the scope `partial` would archive, if it would archive fewer.
    pub(crate) alternative: Option<String>,
    /// Where the archive scope is set.
    pub(crate) config_href: String,
    pub(crate) services: Groups,
    pub(crate) regions: Groups,
    pub(crate) approve_class: &'static str,
}

/// Services or Regions as a table.
pub(crate) struct Groups {
    pub(crate) rows: Vec<GroupRow>,
    pub(crate) total: Vec<String>,
}

/// A service or Region.
pub(crate) struct GroupRow {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) cells: Vec<String>,
    pub(crate) results: String,
    pub(crate) is_unusual: bool,
}

/// The columns with numbers, before that of the scan's results.
pub(crate) const GROUP_COLUMNS: [&str; 6] =
    ["Active before", "Would be archived", "Absent, proven", "Absent in several scans", "Passed", "Muted"];

/// The pending archive of each account that has one.
pub(crate) fn pending(run: &RunReport, now: Timestamp) -> Vec<Pending> {
    let waiting = run.accounts.iter().filter_map(|(account, report)| match report.archive {
        Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active }) => Some((account, report, pending, active)),
        _ => None,
    });
    waiting
        .enumerate()
        .map(|(index, (account, report, pending, active))| {
            let archive = report.pending_archive.clone().unwrap_or_default();
            let unusual = archive.unusual.as_ref();
            let integration = report.integration.as_ref().map_or(account.to_string(), ToString::to_string);
            Pending {
                number: index + 1,
                account: account.to_string(),
                title: format!("{} of {} active findings", count(pending), count(active)),
                share: State::new("warn", format!("{}, more than the limit", share(pending, active))),
                count: count(pending),
                unusual: unusual.map(|unusual| unusual.explain(pending, count, |at| day(at, now))),
                alternative: archive
                    .with_partial_scope
                    .filter(|findings| *findings < pending)
                    .map(|findings| format!("{} would be archived then.", counted(findings, "finding", "findings"))),
                config_href: format!("/integrations/{integration}/config"),
                services: groups(&PendingRows::new(&archive.services, ROWS_MAX), now, |service| {
                    format!("/runs/{}/pending?service={}", run.run_id, crate::form::encoded(service))
                }),
                regions: groups(&PendingRows::new(&archive.regions, ROWS_MAX), now, |_| String::new()),
                approve_class: if unusual.is_some() { "btn" } else { "btn primary" },
            }
        })
        .collect()
}

fn groups(table: &PendingRows, now: Timestamp, href: impl Fn(&str) -> String) -> Groups {
    let mut rows: Vec<GroupRow> =
        table.rows.iter().map(|(name, sums)| row(name.clone(), href(name), sums, now)).collect();
    let (others, sums) = &table.others;
    if *others > 0 && !rows.is_empty() {
        rows.push(row(counted(*others, "other", "others"), String::new(), sums, now));
    }
    Groups { rows, total: cells(&table.total).into_iter().chain([count(table.total.results)]).collect() }
}

fn row(name: String, href: String, sums: &PendingSums, now: Timestamp) -> GroupRow {
    let results = match sums.earlier.filter(|_| sums.is_unusual()) {
        Some(earlier) => {
            format!("{}; {} on {}", count(sums.results), count(earlier.results), day(earlier.scanned_at, now))
        }
        None => count(sums.results),
    };
    GroupRow { name, href, cells: cells(sums), results, is_unusual: sums.is_unusual() }
}

fn cells(sums: &PendingSums) -> Vec<String> {
    let numbers = [sums.active, sums.pending(), sums.proven, sums.absent, sums.passed, sums.muted];
    numbers.into_iter().map(count).collect()
}

/// A day, with the time if it is today.
fn day(at: Timestamp, now: Timestamp) -> String {
    let date = |at: Timestamp| at.strftime("%-d %b").to_string();
    if now.duration_since(at).as_hours() < 24 { format!("{} UTC", time(at, now)) } else { date(at) }
}

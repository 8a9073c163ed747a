//! The panels of a run: unproven findings, fixes, facts, accounts, and Regions.

use asff::AccountId;
use exporter::report::{AccountReport, ReadStatus, RegionReport, RunReport};
use jiff::Timestamp;

use super::integration::Fact;
use super::parts::{Remediation, State};
use super::region::Fix;
use super::text::{bytes, count, counted, duration, sentence, time};

/// Unproven findings, by service and Region.
pub(crate) struct Unproven {
    pub(crate) count: String,
    pub(crate) rows: Vec<UnprovenRow>,
    pub(crate) partial: String,
}

pub(crate) struct UnprovenRow {
    pub(crate) account: String,
    pub(crate) service: String,
    pub(crate) region: String,
    pub(crate) reason: String,
    pub(crate) count: String,
    number: u64,
}

/// The Regions of an account.
pub(crate) struct Regions {
    pub(crate) account: String,
    pub(crate) rows: Vec<RegionRow>,
    pub(crate) totals: Vec<String>,
}

pub(crate) struct RegionRow {
    pub(crate) name: String,
    pub(crate) cells: Vec<Cell>,
}

pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) class: &'static str,
}

/// The columns of the Regions' table.
pub(crate) const COLUMNS: [&str; 11] = [
    "New",
    "Changed",
    "Reactivated",
    "Refresh due",
    "Sent",
    "Unchanged",
    "Filtered",
    "Unavailable",
    "Archived",
    "Active",
    "Calls",
];
/// Index of the column that is amber if its number isn't 0.
const UNAVAILABLE: usize = 7;

/// An account in the table of accounts.
pub(crate) struct AccountRow {
    pub(crate) id: String,
    pub(crate) href: String,
    pub(crate) cells: [String; 5],
    pub(crate) problem: String,
}

/// Unproven findings, the largest groups first.
pub(crate) fn unproven(run: &RunReport) -> Option<Unproven> {
    let mut rows = Vec::new();
    let mut partial = Vec::new();
    for (account, report) in &run.accounts {
        for (region, services) in &report.unproven {
            for (service, reasons) in services {
                rows.extend(reasons.iter().map(|(reason, number)| UnprovenRow {
                    account: account.to_string(),
                    service: service.clone(),
                    region: region.to_string(),
                    reason: sentence(exporter::report::reasons::unproven::explain(reason)),
                    count: count(*number),
                    number: *number,
                }));
            }
        }
        if let Some(scan) = &report.partial_scan {
            partial.push(format!(
                "The scan of {account} looks partial: it has {} results of {} checks; the last whole scan had {} of {}.",
                count(scan.verdicts),
                count(scan.checks),
                count(scan.last_verdicts),
                count(scan.last_checks)
            ));
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.number));
    let number: u64 = rows.iter().map(|row| row.number).sum();
    let number = number.max(run.counts.unproven);
    (number > 0 || !partial.is_empty()).then(|| Unproven { count: count(number), rows, partial: partial.join(" ") })
}

/// The fixes, one per problem.
pub(crate) fn fixes(run: &RunReport) -> Vec<Fix> {
    let mut fixes = Vec::new();
    for (account, report) in &run.accounts {
        if let Some(problem) = &report.problem {
            let (text, command) = split(problem);
            fixes.push(Fix { state: State::new("bad", format!("{account}:")), text, remediation: command });
        }
        for (region, part) in &report.regions {
            let Some(unavailable) = &part.unavailable else { continue };
            let missing = report.counts.region_unavailable.get(region.as_str());
            let missing: u64 = missing.into_iter().flat_map(|reasons| reasons.values()).sum();
            let text = format!("{} not accepted, {}", counted(missing, "finding", "findings"), unavailable.message);
            let remediation = unavailable.remediation.as_ref().map(Remediation::new);
            fixes.push(Fix { state: State::new("warn", format!("{region}:")), text: sentence(&text), remediation });
        }
    }
    fixes
}

/// Splits a message from the commands below it.
fn split(text: &str) -> (String, Option<Remediation>) {
    match text.split_once('\n') {
        Some((message, command)) => (sentence(message), Some(Remediation::new(command))),
        None => (sentence(text), None),
    }
}

/// The facts about a run.
pub(crate) fn facts(run: &RunReport, now: Timestamp) -> Vec<Fact> {
    let (calls, throttled) = all_regions(run)
        .fold((0, 0), |(calls, throttled), region| (calls + region.calls, throttled + region.throttled));
    let end = match &run.read_status {
        ReadStatus::Unread => "not read yet".to_owned(),
        ReadStatus::Complete => "read to the end".to_owned(),
        ReadStatus::Truncated { offset, reason } => format!("ends early at byte {}: {reason}", count(*offset)),
        ReadStatus::Stopped => "not read to the end, for lack of time".to_owned(),
        ReadStatus::Rejected { message } => message.clone(),
    };
    let format = run.format.map_or_else(String::new, |format| format!("{}, ", format.as_str().to_uppercase()));
    let took = run.finished_at.map(|end| duration(end.duration_since(run.started_at)));
    let mut facts = vec![
        Fact::new("Upload", &run.upload.source).class("mono break"),
        Fact::new("File", format!("{format}{}, {end}", bytes(run.upload.bytes))),
        Fact::new("Started, duration", format!("{} UTC", time(run.started_at, now)))
            .aside(took.unwrap_or_else(|| "running".to_owned())),
    ];
    if let Some(at) = run.scanned_at {
        facts.push(Fact::new("Scanned", format!("{} UTC", time(at, now))));
    }
    facts.push(Fact::new("Calls", count(calls)).aside(format!("{} of them throttled and retried", count(throttled))));
    if let Some(trigger) = run.trigger {
        facts.push(Fact::new("Started by", super::run::trigger(trigger)));
    }
    if let Some(of) = &run.source_run_id {
        facts.push(Fact::new("About run", of).link(format!("/runs/{of}")));
    }
    if let Some(job) = &run.job_id {
        facts.push(Fact::new("Job", job).link(format!("/jobs/{job}")));
    }
    facts
}

fn all_regions(run: &RunReport) -> impl Iterator<Item = &RegionReport> {
    run.accounts.values().flat_map(|report| report.regions.values())
}

/// The rows of accounts, those with problems first, and the number of accounts that are omitted.
pub(crate) fn accounts(run: &RunReport, max: usize) -> (Vec<AccountRow>, usize) {
    let mut all: Vec<(&AccountId, &AccountReport)> = run.accounts.iter().collect();
    all.sort_by_key(|(id, report)| (report.problem.is_none(), super::run::errors(&report.counts) == 0, **id));
    let hidden = all.len().saturating_sub(max);
    let rows = all.into_iter().take(max).map(|(id, report)| {
        let counts = &report.counts;
        let cells = [counts.read, counts.sent, counts.unchanged, counts.archived, super::run::errors(counts)];
        AccountRow {
            id: id.to_string(),
            href: format!("/runs/{}?account={id}#h-reg", run.run_id),
            cells: cells.map(count),
            problem: report.problem.as_ref().map(|problem| split(problem).0).unwrap_or_default(),
        }
    });
    (rows.collect(), hidden)
}

/// The Regions of an account, unavailable ones first.
pub(crate) fn regions(account: &AccountId, report: &AccountReport) -> Regions {
    let numbers = |name: &str, region: &RegionReport| {
        let changes = &region.changes;
        let missing = report.counts.region_unavailable.get(name);
        let missing: u64 = missing.into_iter().flat_map(|reasons| reasons.values()).sum();
        [
            Some(changes.new),
            Some(changes.changed),
            Some(changes.reactivated),
            Some(changes.refresh_due),
            Some(region.sent),
            Some(region.unchanged),
            Some(region.filtered),
            Some(missing),
            Some(region.archived),
            region.active,
            Some(region.calls),
        ]
    };
    let mut rows: Vec<_> =
        report.regions.iter().map(|(name, region)| (name.to_string(), numbers(name.as_str(), region))).collect();
    rows.sort_by_key(|(name, numbers)| (numbers[UNAVAILABLE] == Some(0), name.clone()));
    let total = |index: usize| rows.iter().filter_map(|(_, numbers)| numbers[index]).sum::<u64>();
    let totals = (0..COLUMNS.len()).map(|index| count(total(index))).collect();
    let cell = |(index, number): (usize, Option<u64>)| Cell {
        text: number.map_or_else(|| "unknown".to_owned(), count),
        class: match (number, index) {
            (None | Some(0), _) => "zero",
            (_, UNAVAILABLE) => "warn",
            _ => "",
        },
    };
    let rows = rows
        .into_iter()
        .map(|(name, numbers)| RegionRow { name, cells: numbers.into_iter().enumerate().map(cell).collect() });
    Regions { account: account.to_string(), rows: rows.collect(), totals }
}

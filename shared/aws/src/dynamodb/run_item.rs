//! A run as an item of the table: enough for lists, and never larger than the table takes. The whole report is in the
//! state bucket.

use asff::AccountId;
use aws_sdk_dynamodb::types::AttributeValue;
use exporter::report::{AccountReport, HistoryEntry, RunReport};
use jiff::{SignedDuration, Timestamp};

use crate::dynamodb::item::{Item, ItemError, get, number, text, to_attribute};

/// The partition of all runs.
pub(crate) const PARTITION: &str = "run";
/// How long a run stays in the table, as long as its report stays in the state bucket by default.
const RUN_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Reasons that the summary keeps.
const REASONS_MAX: usize = 20;
/// Characters of a reason or a problem that the summary keeps.
const REASON_CHARS_MAX: usize = 500;
/// Accounts whose counts the summary keeps, those that need attention first. With what counts may hold, some 40 KB of the table's 400.
const ACCOUNTS_MAX: usize = 20;
/// Accounts by which the run is found. 65 KB.
const ACCOUNT_NAMES_MAX: usize = 5_000;

/// The item of a run.
pub(crate) fn to_item(report: &RunReport) -> Result<Item, ItemError> {
    let accounts: Vec<&AccountId> = report.accounts.keys().take(ACCOUNT_NAMES_MAX).collect();
    Ok(Item::from([
        ("pk".to_owned(), text(PARTITION)),
        ("sk".to_owned(), text(&report.run_id)),
        ("status".to_owned(), text(report.status.as_str())),
        ("source".to_owned(), text(&report.upload.source)),
        ("started_at".to_owned(), text(report.started_at.to_string())),
        ("expires_at".to_owned(), number(forgotten_at(report.started_at))),
        ("accounts".to_owned(), to_attribute(&accounts)?),
        ("summary".to_owned(), to_attribute(&shorten(report))?),
    ]))
}

/// The partition of the history.
pub(crate) const HISTORY: &str = "history";

/// The item of a run in the history, by the day on which the run began: a range of days is a range of keys, and no item is in
/// another day than its entry, whatever the clock says that made the run's ID.
pub(crate) fn to_history_item(entry: &HistoryEntry) -> Result<Item, ItemError> {
    Ok(Item::from([
        ("pk".to_owned(), text(HISTORY)),
        ("sk".to_owned(), text(format!("{}#{}", entry.day(), entry.run_id))),
        ("expires_at".to_owned(), number(forgotten_at(entry.started_at))),
        ("entry".to_owned(), to_attribute(entry)?),
    ]))
}

/// The entry of an item of the history.
pub(crate) fn from_history_item(item: &Item) -> Result<HistoryEntry, ItemError> {
    get(item, "entry")
}

/// When the table forgets a run that began at a time, in seconds.
fn forgotten_at(begun: Timestamp) -> i64 {
    begun.saturating_add(RUN_KEPT).unwrap_or(Timestamp::MAX).as_second()
}

/// The run of an item, with what the summary kept of it.
pub(crate) fn from_item(item: &Item) -> Result<RunReport, ItemError> {
    get(item, "summary")
}

/// The attribute by which a list finds an account's runs.
pub(crate) fn account_attribute(account: &AccountId) -> AttributeValue {
    text(account.as_str())
}

fn shorten(report: &RunReport) -> RunReport {
    let mut reasons: Vec<String> = report.reasons.iter().take(REASONS_MAX).map(|reason| cut(reason)).collect();
    let left_out = report.reasons.len() - reasons.len();
    if left_out > 0 {
        reasons.push(format!("{left_out} more in the report"));
    }
    let mut accounts: Vec<_> = report.accounts.iter().collect();
    // Those that need attention first, so that lists show them.
    accounts.sort_by_key(|(_, part)| {
        part.problem.is_none() && part.archive.is_none() && !part.has_unproven() && part.counts.undelivered.is_empty()
    });
    let accounts = accounts.into_iter().take(ACCOUNTS_MAX).map(|(account, part)| {
        let problem = part.problem.as_deref().map(cut);
        (
            *account,
            AccountReport {
                counts: part.counts.clone(),
                problem,
                archive: part.archive.clone(),
                partial_scan: part.partial_scan,
                // By Region and service: the counts have the sum.
                ..AccountReport::default()
            },
        )
    });
    RunReport {
        run_id: report.run_id.clone(),
        kind: report.kind,
        source_run_id: report.source_run_id.clone(),
        job_id: report.job_id.clone(),
        status: report.status,
        reasons,
        upload: report.upload.clone(),
        format: report.format,
        read_status: report.read_status.clone(),
        started_at: report.started_at,
        finished_at: report.finished_at,
        scanned_at: report.scanned_at,
        counts: report.counts.clone(),
        accounts: accounts.collect(),
        quarantine: report.quarantine.clone(),
        pending: report.pending.clone(),
        quarantine_remaining: report.quarantine_remaining.clone(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}

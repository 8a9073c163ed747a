//! A run as a table item: a summary for lists, below the size limit of items. The full report is in the state bucket.

use std::collections::BTreeMap;

use asff::AccountId;
use aws_sdk_dynamodb::types::AttributeValue;
use exporter::model::provider::ProviderId;
use exporter::report::{AccountReport, HistoryEntry, IntegrationRun, RunReport};
use jiff::{SignedDuration, Timestamp};

use crate::dynamodb::item::{Item, ItemError, get, number, text, to_attribute};

/// Partition of all runs.
pub(crate) const PARTITION: &str = "run";
/// Retention of runs, the same as the default retention of reports.
const RUN_RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Maximum number of reasons in a summary.
const REASONS_MAX: usize = 20;
/// Maximum length of a reason or problem in a summary.
const REASON_CHARS_MAX: usize = 500;
/// Maximum number of accounts with counts in a summary: about 40 KB of the 400 KB of an item. Accounts that need attention come
/// first.
const ACCOUNTS_MAX: usize = 20;
/// Maximum number of accounts of a run that lists can filter by: 65 KB.
const ACCOUNT_NAMES_MAX: usize = 5_000;

/// Converts a run to an item.
pub(crate) fn to_item(report: &RunReport) -> Result<Item, ItemError> {
    let accounts: Vec<&AccountId> = report.accounts.keys().take(ACCOUNT_NAMES_MAX).collect();
    Ok(Item::from([
        ("pk".to_owned(), text(PARTITION)),
        ("sk".to_owned(), text(&report.run_id)),
        ("status".to_owned(), text(report.status.as_str())),
        ("source".to_owned(), text(&report.upload.source)),
        ("started_at".to_owned(), text(report.started_at.to_string())),
        ("expires_at".to_owned(), number(expires_at(report.started_at))),
        ("accounts".to_owned(), to_attribute(&accounts)?),
        ("summary".to_owned(), to_attribute(&shorten(report))?),
    ]))
}

/// Partition of the history.
pub(crate) const HISTORY: &str = "history";

/// Converts a history entry to an item. Its key begins with the day on which the run started, so that a range of days is a range
/// of keys. The run ID has a time, too, but from another clock.
pub(crate) fn to_history_item(entry: &HistoryEntry) -> Result<Item, ItemError> {
    Ok(Item::from([
        ("pk".to_owned(), text(HISTORY)),
        ("sk".to_owned(), text(format!("{}#{}", entry.day(), entry.run_id))),
        ("expires_at".to_owned(), number(expires_at(entry.started_at))),
        ("entry".to_owned(), to_attribute(entry)?),
    ]))
}

/// Converts an item to a history entry.
pub(crate) fn from_history_item(item: &Item) -> Result<HistoryEntry, ItemError> {
    get(item, "entry")
}

/// Partition of the exports of all integrations. The role of check-connections is denied to write it.
pub(crate) const INTEGRATION_RUNS: &str = "integration_run";

/// Prefix of the sort keys of an integration's exports.
pub(crate) fn integration_prefix(integration: &ProviderId) -> String {
    format!("{integration}#")
}

/// Converts an export to an item of its integration.
pub(crate) fn to_integration_item(integration: &ProviderId, entry: &IntegrationRun) -> Result<Item, ItemError> {
    Ok(Item::from([
        ("pk".to_owned(), text(INTEGRATION_RUNS)),
        ("sk".to_owned(), text(format!("{}{}", integration_prefix(integration), entry.run_id))),
        ("expires_at".to_owned(), number(expires_at(entry.started_at))),
        ("entry".to_owned(), to_attribute(entry)?),
    ]))
}

/// Converts an item of an integration to an export.
pub(crate) fn from_integration_item(item: &Item) -> Result<IntegrationRun, ItemError> {
    get(item, "entry")
}

/// Expiration time of the items of a run that started at a time, in seconds since the epoch.
fn expires_at(started_at: Timestamp) -> i64 {
    started_at.saturating_add(RUN_RETENTION).unwrap_or(Timestamp::MAX).as_second()
}

/// Converts an item to a run with the contents of the summary.
pub(crate) fn from_item(item: &Item) -> Result<RunReport, ItemError> {
    get(item, "summary")
}

/// The value of the attribute with which runs are filtered by account.
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
    // Accounts that need attention come first, so that lists show them.
    accounts.sort_by_key(|(_, part)| {
        part.problem.is_none() && part.archive.is_none() && !part.has_unproven() && part.counts.undelivered.is_empty()
    });
    let accounts = accounts.into_iter().take(ACCOUNTS_MAX).map(|(account, part)| {
        let problem = part.problem.as_deref().map(cut);
        (
            *account,
            AccountReport {
                integration: part.integration.clone(),
                counts: part.counts.clone(),
                problem,
                archive: part.archive.clone(),
                partial_scan: part.partial_scan,
                // Regions and services are omitted: the counts have the totals.
                ..AccountReport::default()
            },
        )
    });
    RunReport {
        run_id: report.run_id.clone(),
        kind: report.kind,
        source_run_id: report.source_run_id.clone(),
        job_id: report.job_id.clone(),
        trigger: report.trigger,
        status: report.status,
        reasons,
        upload: report.upload.clone(),
        format: report.format,
        read_status: report.read_status.clone(),
        started_at: report.started_at,
        finished_at: report.finished_at,
        scanned_at: report.scanned_at,
        counts: report.counts.clone(),
        errors: BTreeMap::new(),
        accounts: accounts.collect(),
        quarantine: report.quarantine.clone(),
        pending: report.pending.clone(),
        quarantine_remaining: report.quarantine_remaining.clone(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}

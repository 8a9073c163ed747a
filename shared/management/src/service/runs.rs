//! Reads runs, quarantines, pending findings, and the audit log.

use asff::AccountId;
use exporter::ports::settings_store::{AuditEntry, ListPage, Page};
use exporter::report::{PendingArchive, RegionReport, RunReport};
use serde_json::Value;

use super::Service;
use super::search::search;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::{List, QuarantinedRun, RunFilter};

/// Maximum length of a run ID: a UUID has 36 characters.
const RUN_ID_CHARS_MAX: usize = 64;
/// Maximum size of a report in a response, in bytes. The Lambda quota
/// is 6 MB for a JSON string, in which quotation marks are escaped.
pub(super) const REPORT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Maximum size of a page of the audit log in bytes (see [`REPORT_BYTES_MAX`]).
/// As an item of the table, an entry has at most 400 KB.
const AUDIT_LOG_BYTES_MAX: usize = 3 * 1024 * 1024;

impl<P: Ports> Service<P> {
    /// Runs of one account or all that match a filter, newest first. A page may be shorter than the limit, even empty, and
    /// still have a next one.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn runs(
        &self,
        account: Option<AccountId>,
        filter: &RunFilter,
        page: &Page,
    ) -> Result<List<RunReport>, ApiError> {
        let read = async |page: Page| Ok(self.ports.runs(account, &page).await?);
        let list_page = search(page, read, |run| filter.matches(&run).then_some(run)).await?;
        Ok(List::of(list_page, |run| run))
    }

    /// A run.
    ///
    /// # Errors
    ///
    /// If the run doesn't exist.
    pub async fn run(&self, run_id: &str) -> Result<RunReport, ApiError> {
        // The ID becomes a key of the state bucket, so that only valid IDs are looked up.
        let is_valid = (1..=RUN_ID_CHARS_MAX).contains(&run_id.len())
            && run_id.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
        let found = if is_valid { self.ports.run(run_id).await? } else { None };
        found.ok_or_else(|| ApiError::RunNotFound(run_id.chars().take(RUN_ID_CHARS_MAX).collect()))
    }

    /// A run's report, truncated to the maximum size of a response. If Regions and accounts without problems, and the sums of
    /// pending archives, are omitted, the report states that.
    ///
    /// # Errors
    ///
    /// If the run doesn't exist.
    pub async fn run_report(&self, run_id: &str) -> Result<RunReport, ApiError> {
        Ok(truncate_report(self.run(run_id).await?, REPORT_BYTES_MAX))
    }

    /// The findings that a run quarantined.
    ///
    /// # Errors
    ///
    /// If the run doesn't exist, or the cursor is not valid for this quarantine.
    pub async fn quarantine(&self, run_id: &str, page: &Page) -> Result<List<Value>, ApiError> {
        self.run(run_id).await?;
        let list_page = self.ports.quarantined(run_id, page).await?;
        Ok(List::of(list_page.ok_or_else(ApiError::invalid_cursor)?, |entry| entry))
    }

    /// The findings of a run that require approval to be archived.
    ///
    /// # Errors
    ///
    /// If the run doesn't exist, or the cursor is not valid for this list.
    pub async fn pending(&self, run_id: &str, page: &Page) -> Result<List<Value>, ApiError> {
        self.run(run_id).await?;
        let list_page = self.ports.pending(run_id, page).await?;
        Ok(List::of(list_page.ok_or_else(ApiError::invalid_cursor)?, |entry| entry))
    }

    /// Runs with quarantined findings, newest first. A page may be
    /// shorter than the limit, even empty, and still have a next one.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn quarantined_runs(&self, page: &Page) -> Result<List<QuarantinedRun>, ApiError> {
        let read = async |page: Page| Ok(self.ports.runs(None, &page).await?);
        let list_page = search(page, read, |run| QuarantinedRun::of(&run)).await?;
        Ok(List::of(list_page, |run| run))
    }

    /// The audit log, newest entry first.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn audit_log(&self, page: &Page) -> Result<List<AuditEntry>, ApiError> {
        Ok(List::of(truncate_page(self.ports.audit_log(page).await?, AUDIT_LOG_BYTES_MAX), |entry| entry))
    }
}

/// Truncates a page to a maximum size, but keeps at least one entry. The next page continues after the last entry.
fn truncate_page(mut list_page: ListPage<AuditEntry>, bytes_max: usize) -> ListPage<AuditEntry> {
    let mut remaining = bytes_max;
    let fit = list_page.entries.iter().take_while(|entry| {
        let rest = remaining.checked_sub(json_bytes(entry));
        remaining = rest.unwrap_or_default();
        rest.is_some()
    });
    let fit = fit.count().max(1);
    if fit < list_page.entries.len() {
        list_page.entries.truncate(fit);
        // The ID of an entry is its cursor.
        list_page.next = list_page.entries.last().map(|entry| entry.id.clone());
    }
    list_page
}

pub(super) fn truncate_report(mut run: RunReport, bytes_max: usize) -> RunReport {
    if json_bytes(&run) <= bytes_max {
        return run;
    }
    for account in run.accounts.values_mut() {
        account.regions.retain(|_, region| has_problem(region));
        account.pending_archive = account.pending_archive.take().map(PendingArchive::without_sums);
    }
    let mut remaining = bytes_max.saturating_sub(json_bytes(&RunReport { accounts: [].into(), ..run.clone() }));
    let all = run.accounts.len();
    // Add accounts with problems first, so that only accounts without problems are omitted.
    let mut accounts: Vec<_> = std::mem::take(&mut run.accounts).into_iter().collect();
    accounts.sort_by_key(|(_, account)| {
        account.problem.is_none() && account.archive.is_none() && !account.has_unproven() && account.regions.is_empty()
    });
    for (account, report) in accounts {
        let Some(rest) = remaining.checked_sub(json_bytes(&report) + ACCOUNT_KEY_BYTES) else { break };
        remaining = rest;
        run.accounts.insert(account, report);
    }
    run.reasons.push(format!(
        "truncated: Regions without problems, the sums of pending archives, and {} of {all} accounts are omitted; the full report is {} in the state bucket",
        all - run.accounts.len(),
        RunReport::key(&run.run_id),
    ));
    run
}

/// Bytes of an account ID as a JSON key, with its punctuation.
const ACCOUNT_KEY_BYTES: usize = 16;

/// Whether a Region has a problem.
fn has_problem(region: &RegionReport) -> bool {
    region.unavailable.is_some()
        || region.unfinished.is_some()
        || region.adoption_skipped.is_some()
        || region.hub_unverified.is_some()
        || region.drift.as_ref().is_some_and(|drift| drift.total() > 0 || drift.unread.is_some())
}

fn json_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use exporter::model::upload::UploadInfo;
    use exporter::report::AccountReport;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_large_report_omits_accounts_and_regions_without_problems() {
        let upload = UploadInfo {
            source: "s3://b/k".to_owned(),
            etag: String::new(),
            bytes: 0,
            modified_at: None,
            requester: None,
        };
        let mut run = RunReport::new("run-1".to_owned(), upload, Timestamp::UNIX_EPOCH);
        for number in 0..500_u64 {
            let mut account = AccountReport::default();
            for region in ["eu-west-1", "us-east-1", "sa-east-1"] {
                account
                    .regions
                    .insert(region.parse().unwrap(), RegionReport { sent: number, ..RegionReport::default() });
            }
            if number == 499 {
                account.problem = Some("the role does not trust the function".to_owned());
                let services = [("s3".to_owned(), exporter::report::PendingSums::default())].into();
                let archive = PendingArchive { services, with_partial_scope: Some(7), ..PendingArchive::default() };
                account.pending_archive = Some(archive);
                account.regions.values_mut().for_each(|region| region.unfinished = Some("throttled".to_owned()));
            }
            run.accounts.insert(format!("{number:012}").parse().unwrap(), account);
        }
        assert_eq!(truncate_report(run.clone(), json_bytes(&run)), run, "a report that fits is unchanged");
        for bytes_max in [200_000, 20_000] {
            let short = truncate_report(run.clone(), bytes_max);
            assert!(json_bytes(&short) <= bytes_max + 300, "{}", json_bytes(&short));
            let worst = &short.accounts[&"000000000499".parse().unwrap()];
            assert_eq!((worst.regions.len(), worst.problem.is_some()), (3, true));
            let archive = worst.pending_archive.as_ref().unwrap();
            assert_eq!((archive.services.len(), archive.with_partial_scope), (0, Some(7)));
            assert!(short.reasons[0].contains("runs/run-1/report.json"), "{:?}", short.reasons);
            assert!(short.accounts.len() > 10, "{}", short.accounts.len());
        }
    }
}

//! Runs and what they left in quarantine, and the audit log of changes: to be looked at.

use asff::AccountId;
use exporter::registry::{AuditEntry, ListPage, Page};
use exporter::report::{RegionReport, RunReport};
use serde_json::Value;

use super::Service;
use super::search::search;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::{List, QuarantinedRun, RunFilter};

/// Characters of a run's id at most: a UUID has 36.
const RUN_ID_CHARS_MAX: usize = 64;
/// Bytes of a report in an answer: a function's answer may have 6 MB (AWS Lambda quotas), as a text within JSON, where each
/// quotation mark takes one more.
pub(super) const REPORT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of one answer's entries of the audit log: see [`REPORT_BYTES_MAX`]; one entry has less than an item of the table, 400 KB.
const TRAIL_BYTES_MAX: usize = 3 * 1024 * 1024;

impl<P: Ports> Service<P> {
    /// Runs, newest first, of one account or of all, that match a filter. A page may be shorter than asked for, even empty, and
    /// still have a next one.
    ///
    /// # Errors
    ///
    /// When the table does not answer.
    pub async fn runs(
        &self,
        account: Option<AccountId>,
        filter: &RunFilter,
        page: &Page,
    ) -> Result<List<RunReport>, ApiError> {
        let read = async |page: Page| Ok(self.ports.runs(account, &page).await?);
        let part = search(page, read, |run| filter.matches(&run).then_some(run)).await?;
        Ok(List::of(part, |run| run))
    }

    /// A run.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn run(&self, run_id: &str) -> Result<RunReport, ApiError> {
        // Ids of ours only: this becomes a key of the state bucket.
        let ours = (1..=RUN_ID_CHARS_MAX).contains(&run_id.len())
            && run_id.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
        let found = if ours { self.ports.run(run_id).await? } else { None };
        found.ok_or_else(|| ApiError::RunNotFound(run_id.chars().take(RUN_ID_CHARS_MAX).collect()))
    }

    /// A run, in so many bytes as an answer may have: of a very large one Regions and accounts are left out in which all is
    /// well, and it says so.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn run_shown(&self, run_id: &str) -> Result<RunReport, ApiError> {
        Ok(shortened(self.run(run_id).await?, REPORT_BYTES_MAX))
    }

    /// What a run put into quarantine.
    ///
    /// # Errors
    ///
    /// When there is no such run, or the part before is not one of this quarantine.
    pub async fn quarantine(&self, run_id: &str, page: &Page) -> Result<List<Value>, ApiError> {
        self.run(run_id).await?;
        let part = self.ports.quarantined(run_id, page).await?;
        Ok(List::of(part.ok_or_else(ApiError::invalid_cursor)?, |entry| entry))
    }

    /// The findings of a run that are archived upon approval.
    ///
    /// # Errors
    ///
    /// When there is no such run, or the cursor is not one of this list.
    pub async fn pending(&self, run_id: &str, page: &Page) -> Result<List<Value>, ApiError> {
        self.run(run_id).await?;
        let part = self.ports.pending(run_id, page).await?;
        Ok(List::of(part.ok_or_else(ApiError::invalid_cursor)?, |entry| entry))
    }

    /// The runs of which something is in quarantine, newest first. A part may be shorter than asked for, even empty, and
    /// still have a next one.
    ///
    /// # Errors
    ///
    /// When the table does not answer.
    pub async fn quarantined_runs(&self, page: &Page) -> Result<List<QuarantinedRun>, ApiError> {
        let read = async |page: Page| Ok(self.ports.runs(None, &page).await?);
        let part = search(page, read, |run| QuarantinedRun::of(&run)).await?;
        Ok(List::of(part, |run| run))
    }

    /// The audit log of changes, newest first.
    ///
    /// # Errors
    ///
    /// When the table does not answer.
    pub async fn audit_log(&self, page: &Page) -> Result<List<AuditEntry>, ApiError> {
        Ok(List::of(cut(self.ports.audit_log(page).await?, TRAIL_BYTES_MAX), |entry| entry))
    }
}

/// As many entries as fit so many bytes, one at least; the next part goes on after them.
fn cut(mut part: ListPage<AuditEntry>, bytes_max: usize) -> ListPage<AuditEntry> {
    let mut left = bytes_max;
    let fit = part.entries.iter().take_while(|entry| {
        let rest = left.checked_sub(bytes(entry));
        left = rest.unwrap_or_default();
        rest.is_some()
    });
    let fit = fit.count().max(1);
    if fit < part.entries.len() {
        part.entries.truncate(fit);
        // Entries are kept under their ids.
        part.next = part.entries.last().map(|entry| entry.id.clone());
    }
    part
}

pub(super) fn shortened(mut run: RunReport, bytes_max: usize) -> RunReport {
    if bytes(&run) <= bytes_max {
        return run;
    }
    for account in run.accounts.values_mut() {
        account.regions.retain(|_, region| is_remarkable(region));
    }
    let mut left = bytes_max.saturating_sub(bytes(&RunReport { accounts: [].into(), ..run.clone() }));
    let all = run.accounts.len();
    // Those with a problem first, so that it is well-being that is left out.
    let mut accounts: Vec<_> = std::mem::take(&mut run.accounts).into_iter().collect();
    accounts.sort_by_key(|(_, account)| {
        account.problem.is_none() && account.archive.is_none() && !account.has_unproven() && account.regions.is_empty()
    });
    for (account, part) in accounts {
        let Some(rest) = left.checked_sub(bytes(&part) + ACCOUNT_KEY_BYTES) else { break };
        left = rest;
        run.accounts.insert(account, part);
    }
    run.reasons.push(format!(
        "truncated: Regions without problems are omitted, and {} of {all} accounts; the full report is {} in the state bucket",
        all - run.accounts.len(),
        RunReport::key(&run.run_id),
    ));
    run
}

/// Bytes of an account as a key, with what stands around it.
const ACCOUNT_KEY_BYTES: usize = 16;

/// Whether there is something to look at.
fn is_remarkable(region: &RegionReport) -> bool {
    region.unavailable.is_some()
        || region.unfinished.is_some()
        || region.adoption_skipped.is_some()
        || region.hub_unverified.is_some()
        || region.drift.as_ref().is_some_and(|drift| drift.total() > 0 || drift.unread.is_some())
}

fn bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use exporter::report::AccountReport;
    use exporter::upload::UploadInfo;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn of_a_report_that_is_too_large_what_is_well_is_left_out() {
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
                account.regions.values_mut().for_each(|region| region.unfinished = Some("throttled".to_owned()));
            }
            run.accounts.insert(format!("{number:012}").parse().unwrap(), account);
        }
        assert_eq!(shortened(run.clone(), bytes(&run)), run, "what fits is whole");
        for bytes_max in [200_000, 20_000] {
            let short = shortened(run.clone(), bytes_max);
            assert!(bytes(&short) <= bytes_max + 300, "{}", bytes(&short));
            let worst = &short.accounts[&"000000000499".parse().unwrap()];
            assert_eq!((worst.regions.len(), worst.problem.is_some()), (3, true));
            assert!(short.reasons[0].contains("runs/run-1/report.json"), "{:?}", short.reasons);
            assert!(short.accounts.len() > 10, "{}", short.accounts.len());
        }
    }
}

//! Enables and disables integrations. Uploads to a disabled integration are recorded as pending. Enabling the integration counts
//! them, and can replay them.

use std::collections::{HashMap, HashSet};

use asff::AccountId;
use exporter::jobs::Job;
use exporter::model::integration::Integration;
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::Stored;
use exporter::report::{Counts, RunReport, RunStatus, undelivered};

use super::credentials::ensure_not_deleting;
use super::resource::Change;
use super::{IfMatch, Service, first};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{IntegrationView, PendingUploads};

/// Runs per page in the search for pending uploads.
const RUNS_PER_PAGE: usize = 100;
/// Maximum number of pages: years of daily scans of one account, or three days of a thousand accounts.
const PAGES_MAX: usize = 30;

impl<P: Ports> Service<P> {
    /// Enables an integration, tests its connection, and counts its pending uploads. With `replay`, submits a job that exports
    /// them. If the deletion of the integration was requested, cancels the deletion. The reason is saved in the audit log, and in
    /// the replay job.
    ///
    /// # Errors
    ///
    /// If the integration doesn't exist, or has another version than `If-Match` states.
    pub async fn enable(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        replay: bool,
        reason: Option<String>,
    ) -> Result<IntegrationView, ApiError> {
        let stored = self.switch(caller, id, if_match, true, reason.as_deref()).await?;
        let view = self.tested(&stored).await?;
        let (pending_uploads, more) = self.pending_uploads(id).await?;
        let job = if replay { Job::replays(pending_uploads.iter().cloned()) } else { None };
        let job = match job {
            Some(job) => Some(self.submit(caller, "integration.replay", id.as_str(), job, reason).await?.id),
            None => None,
        };
        let runs = pending_uploads.len() as u64;
        let pending_uploads =
            PendingUploads { runs, replayed: if job.is_some() { runs } else { 0 }, more, job_id: job };
        Ok(IntegrationView { pending_uploads: Some(pending_uploads), ..view })
    }

    /// Disables an integration. From now on, its uploads are recorded as pending.
    ///
    /// # Errors
    ///
    /// As [`Service::enable`].
    pub async fn disable(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        reason: Option<&str>,
    ) -> Result<IntegrationView, ApiError> {
        self.view(&self.switch(caller, id, if_match, false, reason).await?).await
    }

    async fn switch(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        enabled: bool,
        reason: Option<&str>,
    ) -> Result<Stored<Integration>, ApiError> {
        // Enabling or disabling can't revert another change, so that `If-Match` is optional.
        let if_match = &if_match.or_any();
        let change = Change { id, caller, operation: if enabled { "enable" } else { "disable" }, if_match, reason };
        self.change(change, |stored: &Stored<Integration>| {
            if !enabled {
                ensure_not_deleting(&stored.value)?;
            }
            Ok(Integration { deletion_requested_at: None, ..stored.value.clone() }
                .with(|settings| settings.enabled = enabled))
        })
        .await
    }

    /// The runs with findings that are pending because the integration was disabled, and whether there may be more. The oldest
    /// scan comes first, because a newer scan of an account supersedes an older one. The newest run of an upload determines
    /// whether the upload is pending.
    async fn pending_uploads(&self, id: &ProviderId) -> Result<(Vec<String>, bool), ApiError> {
        let mut page = first(RUNS_PER_PAGE);
        let mut seen = HashSet::new();
        let mut with_own_integration = HashMap::new();
        let mut pending_uploads = Vec::new();
        let (mut pages, mut more) = (0, false);
        loop {
            let list_page = self.ports.runs(id.account(), &page).await?;
            for run in &list_page.entries {
                if matches!(run.status, RunStatus::Duplicate | RunStatus::Running | RunStatus::Ignored) {
                    continue;
                }
                if seen.insert(run.upload.identity())
                    && self.has_pending_findings(run, id, &mut with_own_integration).await?
                {
                    pending_uploads.push((run.scanned_at, run.started_at, run.run_id.clone()));
                }
            }
            match list_page.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
            pages += 1;
            if pages == PAGES_MAX {
                more = true;
                break;
            }
        }
        pending_uploads.sort_unstable();
        Ok((pending_uploads.into_iter().map(|(_, _, run_id)| run_id).collect(), more))
    }

    async fn has_pending_findings(
        &self,
        run: &RunReport,
        id: &ProviderId,
        with_own_integration: &mut HashMap<AccountId, bool>,
    ) -> Result<bool, ApiError> {
        if !has_disabled_reason(&run.counts) {
            return Ok(false);
        }
        // Reports in lists have only the first accounts, so that the full report is read.
        let full_report = self.ports.run(&run.run_id).await?;
        let accounts = &full_report.as_ref().unwrap_or(run).accounts;
        for (account, _) in accounts.iter().filter(|(_, report)| has_disabled_reason(&report.counts)) {
            let is_included = match id.account() {
                Some(included) => included == *account,
                // An account with its own integration doesn't use the organization's.
                None => !self.has_own_integration(*account, with_own_integration).await?,
            };
            if is_included {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn has_own_integration(
        &self,
        account: AccountId,
        known: &mut HashMap<AccountId, bool>,
    ) -> Result<bool, ApiError> {
        if let Some(has_own) = known.get(&account) {
            return Ok(*has_own);
        }
        let has_own = self.ports.stored_integration(&account.into()).await?.is_some();
        known.insert(account, has_own);
        Ok(has_own)
    }
}

fn has_disabled_reason(counts: &Counts) -> bool {
    counts.undelivered.contains_key(undelivered::INTEGRATION_DISABLED)
}

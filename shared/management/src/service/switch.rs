//! Enabling and disabling. Uploads that come while an integration is disabled are recorded, and wait: enabling says how
//! many do, and can replay them.

use std::collections::{HashMap, HashSet};

use asff::AccountId;
use exporter::integration::Integration;
use exporter::jobs::Job;
use exporter::provider::ProviderId;
use exporter::registry::Stored;
use exporter::report::{Counts, RunReport, RunStatus, undelivered};

use super::credentials::stays;
use super::resource::Change;
use super::{IfMatch, Service, first};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{IntegrationView, PendingUploads};

/// Runs that are read at once, when those are sought that wait.
const RUNS_A_PAGE: usize = 100;
/// Parts of the runs that are read at most: years of an account's daily scans, or three days of a thousand accounts.
const PAGES_MAX: usize = 30;

impl<P: Ports> Service<P> {
    /// Enables an integration, tests it, and says how many uploads wait; with `replay`, they are exported now. One that is
    /// being deleted stays. The reason is saved in the audit log, and with the job of a replay.
    ///
    /// # Errors
    ///
    /// When there is no such integration, or it is another version than the caller names, if one is named.
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

    /// Disables an integration. From then on uploads are recorded and wait.
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
        // It undoes nobody's change, so it need not name a version.
        let if_match = &if_match.or_any();
        let what = Change { id, caller, verb: if enabled { "enable" } else { "disable" }, if_match, reason };
        self.change(what, |stored: &Stored<Integration>| {
            if !enabled {
                stays(&stored.value)?;
            }
            Ok(Integration { enabled, deletion_requested_at: None, ..stored.value.clone() })
        })
        .await
    }

    /// The runs whose findings wait because the integration was disabled, the oldest scan first, since a newer one makes an
    /// older one of another part of the account void; and whether there may be more. Of each upload the newest run says
    /// whether it waits.
    async fn pending_uploads(&self, id: &ProviderId) -> Result<(Vec<String>, bool), ApiError> {
        let mut page = first(RUNS_A_PAGE);
        let mut seen = HashSet::new();
        let mut own = HashMap::new();
        let mut pending_uploads = Vec::new();
        let (mut pages, mut more) = (0, false);
        loop {
            let part = self.ports.runs(id.account(), &page).await?;
            for run in &part.entries {
                if matches!(run.status, RunStatus::Duplicate | RunStatus::Running | RunStatus::Ignored) {
                    continue;
                }
                if seen.insert(run.upload.identity()) && self.waits(run, id, &mut own).await? {
                    pending_uploads.push((run.scanned_at, run.started_at, run.run_id.clone()));
                }
            }
            match part.next {
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

    async fn waits(
        &self,
        run: &RunReport,
        id: &ProviderId,
        own: &mut HashMap<AccountId, bool>,
    ) -> Result<bool, ApiError> {
        if !is_disabled(&run.counts) {
            return Ok(false);
        }
        // The list's reports have the first accounts only.
        let whole = self.ports.run(&run.run_id).await?;
        let accounts = &whole.as_ref().unwrap_or(run).accounts;
        for (account, _) in accounts.iter().filter(|(_, part)| is_disabled(&part.counts)) {
            let is_ours = match id.account() {
                Some(ours) => ours == *account,
                // An account with an integration of its own does not go by its organization's.
                None => !self.has_own(*account, own).await?,
            };
            if is_ours {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn has_own(&self, account: AccountId, known: &mut HashMap<AccountId, bool>) -> Result<bool, ApiError> {
        if let Some(has) = known.get(&account) {
            return Ok(*has);
        }
        let has = self.ports.stored_integration(&account.into()).await?.is_some();
        known.insert(account, has);
        Ok(has)
    }
}

fn is_disabled(counts: &Counts) -> bool {
    counts.undelivered.contains_key(undelivered::INTEGRATION_DISABLED)
}

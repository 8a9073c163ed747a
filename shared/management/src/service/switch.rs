//! Enables and disables integrations. Uploads to a disabled integration are recorded as pending. Enabling the integration counts
//! them, and can replay them.

use exporter::jobs::Job;
use exporter::model::integration::Integration;
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::Stored;

use super::credentials::ensure_not_deleting;
use super::resource::Change;
use super::{IfMatch, Service};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{IntegrationView, PendingUploads};

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
        let (pending_runs, more) = self.runs_to_replay(id).await?;
        let runs = pending_runs.len() as u64;
        let job = if replay { Job::replays(pending_runs) } else { None };
        let job = match job {
            Some(job) => Some(self.submit(caller, "integration.replay", id.as_str(), job, reason).await?.id),
            None => None,
        };
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
}

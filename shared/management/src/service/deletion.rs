//! Deletes integrations, immediately or after their findings are archived.

use exporter::jobs::Job;
use exporter::model::integration::Integration;
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::{AuditEntry, CommitError, Stored, Write};
use jiff::Timestamp;
use serde_json::Value;

use super::resource::{Change, StoredResource as _, differences, entry};
use super::{IfMatch, Service, TRIES_MAX, first};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::IntegrationView;

/// Number of newest audit log entries that are searched for a recent change.
const NEWEST_ENTRIES: usize = 50;

impl<P: Ports> Service<P> {
    /// Deletes an integration and its stored access key. Its findings remain in Security Hub.
    ///
    /// # Errors
    ///
    /// If the integration doesn't exist, or has another version.
    pub async fn delete_integration(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        reason: Option<&str>,
    ) -> Result<(), ApiError> {
        for _ in 0..TRIES_MAX {
            let before = self.require::<Integration>(id).await?;
            if_match.check(id, before.revision())?;
            let now = self.ports.now();
            let changes = differences(&before.value, &Value::Null);
            let entry = entry(now, caller, "integration.delete".to_owned(), id.as_str(), changes);
            let entry = AuditEntry { reason: reason.map(str::to_owned), ..entry };
            let mut writes = vec![Write::DeleteIntegration(id.clone(), before.revision())];
            writes.extend(id.account().map(Write::DeleteConnection));
            match self.ports.commit(&writes, &entry).await {
                Ok(()) => {
                    self.delete_key_of(&before.value).await;
                    self.delete_connections_of(id).await;
                    return Ok(());
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Failed(error)) => {
                    if !matches!(self.ports.stored_integration(id).await, Ok(None)) {
                        return Err(error.into());
                    }
                    // The integration doesn't exist. Either this request deleted it and the response was lost, or another change
                    // moved it together with its key.
                    match self.is_in_audit_log(&entry).await {
                        Some(true) => {
                            self.delete_key_of(&before.value).await;
                            self.delete_connections_of(id).await;
                            return Ok(());
                        }
                        // The next attempt returns "not found".
                        Some(false) => {}
                        None => {
                            self.log_uncertain_keys::<Integration>(id, before.value.secret(), None);
                            return Err(error.into());
                        }
                    }
                }
            }
        }
        Err(ApiError::Conflict(id.clone()))
    }

    /// Whether a change was made. Its audit log entry is written in the same transaction. `None` if the log can't be read, or if
    /// the page doesn't reach back to the change.
    async fn is_in_audit_log(&self, entry: &AuditEntry) -> Option<bool> {
        let newest = self.ports.audit_log(&first(NEWEST_ENTRIES)).await.ok()?;
        let is_ours = newest.entries.iter().any(|newest| newest.id == entry.id);
        // If the page contains an earlier entry, it contains all later ones.
        let is_whole = newest.next.is_none() || newest.entries.iter().any(|newest| newest.id < entry.id);
        (is_ours || is_whole).then_some(is_ours)
    }

    /// Deletes the connections of the accounts of an organization whose integration was deleted. An account's connection is
    /// deleted in the same transaction as its integration.
    pub(super) async fn delete_connections_of(&self, id: &ProviderId) {
        if id.account().is_none()
            && let Err(error) = self.ports.delete_connections(id).await
        {
            tracing::warn!(provider.id = %id, %error, "connections not deleted: the next check of all connections deletes them");
        }
    }

    /// Submits a job that archives all findings of an integration. From now on, the integration exports nothing and rejects
    /// changes; it is deleted when the job succeeds. A repeated request submits the job again.
    ///
    /// # Errors
    ///
    /// If the integration doesn't exist or has another version, or if
    /// the job can't be submitted. In the last case, retry the request.
    pub async fn archive_integration_findings(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        reason: Option<String>,
    ) -> Result<IntegrationView, ApiError> {
        let now = self.ports.now();
        let is_repeated = self.require::<Integration>(id).await?.value.deletion_requested_at.is_some();
        let change = Change { id, caller, operation: "archive_all", if_match, reason: reason.as_deref() };
        let stored = self
            .change(change, |stored: &Stored<Integration>| {
                let deletion_requested_at = stored.value.deletion_requested_at.or(Some(now));
                Ok(Integration { deletion_requested_at, ..stored.value.clone() }
                    .with(|settings| settings.enabled = false))
            })
            .await?;
        let deletion_requested_at = stored.value.deletion_requested_at;
        if is_repeated {
            // The change above wrote nothing, so that the audit log has no entry of this request yet.
            let repeated = entry(now, caller, "integration.archive_all".to_owned(), id.as_str(), [].into());
            self.ports.append(&AuditEntry { reason: reason.clone(), ..repeated }).await?;
        }
        let job = self.enqueue(caller, Job::ArchiveAll { provider: id.clone(), deletion_requested_at }, reason).await?;
        Ok(IntegrationView { job_id: Some(job.id), ..self.view(&stored).await? })
    }

    /// Deletes an integration whose findings are archived, if its deletion was requested at this time. Returns whether the
    /// integration was deleted.
    ///
    /// # Errors
    ///
    /// If the settings store is unavailable.
    pub async fn delete_after_archive(
        &self,
        caller: &Caller,
        id: &ProviderId,
        deletion_requested_at: Timestamp,
    ) -> Result<bool, ApiError> {
        match self.ports.stored_integration(id).await? {
            Some(stored) if stored.value.deletion_requested_at == Some(deletion_requested_at) => {
                let this = IfMatch::exactly(stored.revision());
                self.delete_integration(caller, id, &this, None).await.map(|()| true)
            }
            _ => Ok(false),
        }
    }
}

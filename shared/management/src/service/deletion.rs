//! Removing an integration: at once, or after everything that it sent was archived.

use exporter::integration::Integration;
use exporter::jobs::Job;
use exporter::provider::ProviderId;
use exporter::registry::{AuditEntry, CommitError, Stored, Write};
use jiff::Timestamp;
use serde_json::Value;

use super::resource::{Change, StoredResource as _, differences, entry};
use super::{IfMatch, Service, TRIES_MAX, first};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::IntegrationView;

/// Entries of the audit log among which one is sought that was written a moment ago.
const NEWEST_ENTRIES: usize = 50;

impl<P: Ports> Service<P> {
    /// Deletes an integration and the access key that was kept for it. What it sent stays in Security Hub.
    ///
    /// # Errors
    ///
    /// When there is none, or it is another version.
    pub async fn delete_integration(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        reason: Option<&str>,
    ) -> Result<(), ApiError> {
        for _ in 0..TRIES_MAX {
            let before = self.found::<Integration>(id).await?;
            if_match.check(id, before.revision())?;
            let now = self.ports.now();
            let changes = differences(&before.value, &Value::Null);
            let entry = entry(now, caller, "integration.delete".to_owned(), id.as_str(), changes);
            let entry = AuditEntry { reason: reason.map(str::to_owned), ..entry };
            let mut writes = vec![Write::DeleteIntegration(id.clone(), before.revision())];
            writes.extend(id.account().map(Write::DeleteConnection));
            match self.ports.commit(&writes, &entry).await {
                Ok(()) => {
                    self.forget_key_of(&before.value).await;
                    self.forget_accounts_of(id).await;
                    return Ok(());
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Failed(error)) => {
                    if !matches!(self.ports.stored_integration(id).await, Ok(None)) {
                        return Err(error.into());
                    }
                    // Gone: by us, and the answer was lost; or it was moved by another change, and its key with it.
                    match self.is_in_audit_log(&entry).await {
                        Some(true) => {
                            self.forget_key_of(&before.value).await;
                            self.forget_accounts_of(id).await;
                            return Ok(());
                        }
                        // The next look finds nothing, and says so.
                        Some(false) => {}
                        None => {
                            self.tell_doubt::<Integration>(id, before.value.secret(), None);
                            return Err(error.into());
                        }
                    }
                }
            }
        }
        Err(ApiError::Conflict(id.clone()))
    }

    /// Whether a change was made, which its entry tells: both are one step. None, where that can't be read, or is too far back.
    async fn is_in_audit_log(&self, entry: &AuditEntry) -> Option<bool> {
        let newest = self.ports.audit_log(&first(NEWEST_ENTRIES)).await.ok()?;
        let is_ours = newest.entries.iter().any(|newest| newest.id == entry.id);
        // All that came after it is on the page if something is that came before.
        let is_whole = newest.next.is_none() || newest.entries.iter().any(|newest| newest.id < entry.id);
        (is_ours || is_whole).then_some(is_ours)
    }

    /// Forgets what checks found in the accounts of an organization, whose integration is gone. That of an account is forgotten
    /// with its integration.
    pub(super) async fn forget_accounts_of(&self, id: &ProviderId) {
        if id.account().is_none()
            && let Err(error) = self.ports.delete_connections(id).await
        {
            tracing::warn!(provider.id = %id, %error, "connections not deleted: the next check of all connections deletes them");
        }
    }

    /// Has everything archived that an integration sent. It exports nothing from now on, takes no change, and is deleted
    /// when that is done. Asked again, it is submitted again.
    ///
    /// # Errors
    ///
    /// When there is none, it is another version, or the job could not be placed: then ask again.
    pub async fn archive_integration_findings(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        reason: Option<String>,
    ) -> Result<IntegrationView, ApiError> {
        let now = self.ports.now();
        let is_again = self.found::<Integration>(id).await?.value.deletion_requested_at.is_some();
        let what = Change { id, caller, verb: "archive_all", if_match, reason: reason.as_deref() };
        let stored = self
            .change(what, |stored: &Stored<Integration>| {
                let deletion_requested_at = stored.value.deletion_requested_at.or(Some(now));
                Ok(Integration { deletion_requested_at, enabled: false, ..stored.value.clone() })
            })
            .await?;
        let deletion_requested_at = stored.value.deletion_requested_at;
        if is_again {
            // Nothing was changed, so that nothing was written.
            let again = entry(now, caller, "integration.archive_all".to_owned(), id.as_str(), [].into());
            self.ports.append(&AuditEntry { reason: reason.clone(), ..again }).await?;
        }
        let job = self.enqueue(caller, Job::ArchiveAll { provider: id.clone(), deletion_requested_at }, reason).await?;
        Ok(IntegrationView { job_id: Some(job.id), ..self.view(&stored).await? })
    }

    /// Deletes an integration that is being deleted since then, now that its findings are all archived. Any other stays;
    /// whether it was deleted.
    ///
    /// # Errors
    ///
    /// When the registry does not answer.
    pub async fn archived(
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

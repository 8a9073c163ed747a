//! Removing an integration: at once, or after everything that it sent was archived.

use exporter::integration::Integration;
use exporter::order::Order;
use exporter::provider::ProviderId;
use exporter::registry::{CommitError, Stored, Write};
use jiff::Timestamp;
use serde_json::Value;

use super::kept::{Change, differences, entry};
use super::{IfMatch, Service, TRIES_MAX};
use crate::ports::{Caller, Ports};
use crate::problem::Refusal;
use crate::wire::IntegrationView;

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
    ) -> Result<(), Refusal> {
        for _ in 0..TRIES_MAX {
            let before = self.found::<Integration>(id).await?;
            if_match.check(id, before.revision())?;
            let now = self.ports.now();
            let changes = differences(&before.value, &Value::Null);
            let entry = entry(now, caller, "integration.delete".to_owned(), id.as_str(), changes);
            let mut writes = vec![Write::DeleteIntegration(id.clone(), before.revision())];
            writes.extend(id.account().map(Write::ForgetConnection));
            match self.ports.commit(&writes, &entry).await {
                Ok(()) => {
                    self.forget_key_of(&before.value).await;
                    self.forget_accounts_of(id).await;
                    return Ok(());
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Failed(error)) => {
                    let gone = matches!(self.ports.integration_of(id).await, Ok(None));
                    if !gone {
                        return Err(error.into());
                    }
                    // It was deleted; the answer was lost.
                    self.forget_key_of(&before.value).await;
                    return Ok(());
                }
            }
        }
        Err(Refusal::Busy(id.clone()))
    }

    /// Forgets what checks found in the accounts of an organization, whose integration is gone. That of an account is forgotten
    /// with its integration.
    pub(super) async fn forget_accounts_of(&self, id: &ProviderId) {
        if id.account().is_none()
            && let Err(error) = self.ports.forget_connections(id).await
        {
            tracing::warn!(provider.id = %id, %error, "connections not forgotten: the next check of all connections does");
        }
    }

    /// Has everything archived that an integration sent. It exports nothing from now on, takes no change, and is deleted
    /// when that is done. Asked again, it is ordered again.
    ///
    /// # Errors
    ///
    /// When there is none, it is another version, or the order could not be placed: then ask again.
    pub async fn withdraw_integration(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
    ) -> Result<IntegrationView, Refusal> {
        let now = self.ports.now();
        let what = Change { id, caller, verb: "withdraw", if_match };
        let stored = self
            .change(what, |stored: &Stored<Integration>| {
                let removing_since = stored.value.removing_since.or(Some(now));
                Ok(Integration { removing_since, enabled: false, ..stored.value.clone() })
            })
            .await?;
        let removing_since = stored.value.removing_since;
        let order = self.place(caller, Order::Withdraw { provider: id.clone(), removing_since }).await?;
        Ok(IntegrationView { order: Some(order.id), ..self.view(&stored).await? })
    }

    /// Deletes an integration that is being removed since then, now that its findings are all archived. Any other stays;
    /// whether it was deleted.
    ///
    /// # Errors
    ///
    /// When the registry does not answer.
    pub async fn withdrawn(
        &self,
        caller: &Caller,
        id: &ProviderId,
        removing_since: Timestamp,
    ) -> Result<bool, Refusal> {
        match self.ports.integration_of(id).await? {
            Some(stored) if stored.value.removing_since == Some(removing_since) => {
                let this = IfMatch::exactly(stored.revision());
                self.delete_integration(caller, id, &this).await.map(|()| true)
            }
            _ => Ok(false),
        }
    }
}

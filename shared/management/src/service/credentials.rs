//! Changes credentials. A change that is rejected, interrupted, or superseded has no effect on the stored credentials.

use exporter::model::integration::{Credentials, Integration};
use exporter::model::provider::{Provider, ProviderId};
use exporter::ports::settings_store::Stored;

use super::resource::{Change, StoredResource};
use super::{IfMatch, Service, TRIES_MAX};
use crate::check::{self, Key};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{CredentialsBody, IntegrationView, ProviderView};

impl<P: Ports> Service<P> {
    /// Replaces a provider's credentials. Tests the integration if it uses them.
    ///
    /// # Errors
    ///
    /// If a field is invalid, or the provider has another version.
    pub async fn set_provider_credentials(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        body: &CredentialsBody,
    ) -> Result<ProviderView, ApiError> {
        let deployment = &self.settings;
        let validate = |before: &Provider| {
            let (credentials, key) = check::of_provider(id, body, Some(&before.credentials), deployment)?;
            Ok((Some(credentials), key))
        };
        let after = self.replace_credentials(caller, id, if_match, validate).await?;
        let integration = self.ports.stored_integration(id).await?;
        let test = match integration.filter(|stored| stored.value.credentials.is_none()) {
            Some(inherits) => Some(self.run_test(&inherits.value).await),
            None => None,
        };
        Ok(ProviderView { test, ..ProviderView::of(&after) })
    }

    /// Replaces an integration's credentials with its own or the provider's, and tests the connection. The credentials can be
    /// changed even while the integration is being deleted, since archiving its findings may require other credentials.
    ///
    /// # Errors
    ///
    /// If a field is invalid, or the integration has another version.
    pub async fn set_credentials(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        body: &CredentialsBody,
    ) -> Result<IntegrationView, ApiError> {
        let deployment = &self.settings;
        let validate =
            |before: &Integration| Ok(check::of_integration(id, body, before.credentials.as_ref(), deployment)?.own());
        let after = self.replace_credentials(caller, id, if_match, validate).await?;
        self.tested(&after).await
    }

    /// Replaces the credentials with those that `validate` derives from the current value.
    async fn replace_credentials<T: StoredResource>(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        validate: impl Fn(&T) -> Result<(Option<Credentials>, Key), ApiError> + Send + Sync,
    ) -> Result<Stored<T>, ApiError> {
        for _ in 0..TRIES_MAX {
            let before = self.require::<T>(id).await?;
            if_match.check(id, before.revision())?;
            let (credentials, key) = validate(&before.value)?;
            let secret = self.store_access_key::<T>(id, key).await?;
            let value = before.value.clone().with_credentials(credentials).with_secret(secret.as_deref());
            let exactly = &IfMatch::exactly(before.revision());
            let change = Change { id, caller, operation: "credentials", if_match: exactly, reason: None };
            let changed = self.change(change, |_: &Stored<T>| Ok(value.clone())).await;
            match self.complete_change(id, Some(&before), secret, changed).await {
                // A concurrent writer changed the resource: derive the credentials from its new version.
                Err(ApiError::PreconditionFailed { .. }) if *if_match == IfMatch::Any => {}
                result => return result,
            }
        }
        Err(ApiError::Conflict(id.clone()))
    }
}

/// Rejects changes of the settings of an integration that is being deleted.
pub(super) fn ensure_not_deleting(integration: &Integration) -> Result<(), ApiError> {
    match integration.deletion_requested_at {
        Some(_) => Err(ApiError::DeletionInProgress(integration.provider.clone())),
        None => Ok(()),
    }
}

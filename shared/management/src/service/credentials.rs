//! Credentials: a change that is refused harms nobody, and neither does one that breaks off or is overtaken.

use exporter::integration::{Credentials, Integration};
use exporter::provider::{Provider, ProviderId};
use exporter::registry::Stored;

use super::resource::{Change, StoredResource};
use super::{IfMatch, Service, TRIES_MAX};
use crate::check::{self, Key};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{CredentialsBody, IntegrationView, ProviderView};

impl<P: Ports> Service<P> {
    /// Gives a provider other credentials. Its integration is tested with them, if it uses them.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or that the provider is another version.
    pub async fn set_provider_credentials(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        body: &CredentialsBody,
    ) -> Result<ProviderView, ApiError> {
        let deployment = &self.settings;
        let checked = |before: &Provider| {
            let (credentials, key) = check::of_provider(id, body, Some(&before.credentials), deployment)?;
            Ok((Some(credentials), key))
        };
        let after = self.give(caller, id, if_match, checked).await?;
        let integration = self.ports.stored_integration(id).await?;
        let test = match integration.filter(|stored| stored.value.credentials.is_none()) {
            Some(uses_them) => Some(self.run_test(&uses_them.value).await),
            None => None,
        };
        Ok(ProviderView { test, ..ProviderView::of(&after) })
    }

    /// Gives an integration credentials of its own, or the provider's, and tests it; also one that is being deleted, which
    /// may need them for that.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or that the integration is another version.
    pub async fn set_credentials(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        body: &CredentialsBody,
    ) -> Result<IntegrationView, ApiError> {
        let deployment = &self.settings;
        let checked =
            |before: &Integration| Ok(check::of_integration(id, body, before.credentials.as_ref(), deployment)?.own());
        let after = self.give(caller, id, if_match, checked).await?;
        self.tested(&after).await
    }

    /// Gives something the credentials that `checked` works out from what it has.
    async fn give<T: StoredResource>(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        checked: impl Fn(&T) -> Result<(Option<Credentials>, Key), ApiError> + Send + Sync,
    ) -> Result<Stored<T>, ApiError> {
        for _ in 0..TRIES_MAX {
            let before = self.found::<T>(id).await?;
            if_match.check(id, before.revision())?;
            let (credentials, key) = checked(&before.value)?;
            let kept = self.keep::<T>(id, key).await?;
            let value = before.value.clone().with_credentials(credentials).with_secret(kept.as_deref());
            let exactly = &IfMatch::exactly(before.revision());
            let what = Change { id, caller, verb: "credentials", if_match: exactly, reason: None };
            let changed = self.change(what, |_: &Stored<T>| Ok(value.clone())).await;
            match self.settle(id, Some(&before), kept, changed).await {
                // Another was faster. What was worked out from the version before would undo that.
                Err(ApiError::PreconditionFailed { .. }) if *if_match == IfMatch::Any => {}
                given => return given,
            }
        }
        Err(ApiError::Conflict(id.clone()))
    }
}

/// An integration that is being deleted takes no more changes of its settings.
pub(super) fn stays(integration: &Integration) -> Result<(), ApiError> {
    match integration.deletion_requested_at {
        Some(_) => Err(ApiError::DeletionInProgress(integration.provider.clone())),
        None => Ok(()),
    }
}

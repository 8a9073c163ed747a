//! Creates, reads, changes, and deletes providers.

use exporter::model::integration::Credentials;
use exporter::model::provider::{Provider, ProviderId};
use exporter::ports::settings_store::{CommitError, Page, Stored, Write};

use super::resource::{Change, differences, entry};
use super::{Created, IdempotencyKey, IfMatch, Service, TRIES_MAX, unexpected_conflict};
use crate::check::{self, Errors};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{List, ProviderBody, ProviderPatch, ProviderView};

impl<P: Ports> Service<P> {
    /// Providers, by ID.
    ///
    /// # Errors
    ///
    /// If the settings store is unavailable.
    pub async fn providers(&self, page: &Page) -> Result<List<ProviderView>, ApiError> {
        let list_page = self.ports.providers(page).await?;
        Ok(List::of(list_page, |stored| ProviderView::of(&stored)))
    }

    /// A provider.
    ///
    /// # Errors
    ///
    /// If the provider doesn't exist, or the settings store is unavailable.
    pub async fn provider(&self, id: &ProviderId) -> Result<Stored<Provider>, ApiError> {
        self.require(id).await
    }

    /// Creates a provider, idempotently if `idempotency_key` is set.
    ///
    /// # Errors
    ///
    /// If a field is invalid, or the provider already exists.
    pub async fn create_provider(
        &self,
        caller: &Caller,
        body: &ProviderBody,
        idempotency_key: Option<&IdempotencyKey>,
    ) -> Result<Created<Stored<Provider>>, ApiError> {
        if let Some(view) = self.find_earlier(idempotency_key, caller).await? {
            return Ok(Created { view, replayed: true });
        }
        let id = check::provider_id("id", &body.id)?;
        let settings = ProviderPatch { alias: body.alias.clone(), scan_schedule: body.scan_schedule.clone() };
        let settings = check::provider(Provider::new(id.clone()), &settings);
        let credentials = match &body.credentials {
            Some(credentials) => check::of_provider(&id, credentials, None, &self.settings),
            None => check::for_provider(&id, &Credentials::default(), &self.settings)
                .map(|()| (Credentials::default(), check::Key::Unchanged)),
        };
        let (provider, (credentials, key)) = Errors::both(settings, credentials)?;
        self.create(caller, Provider { credentials, ..provider }, key, idempotency_key).await
    }

    /// Changes a provider's alias and schedule.
    ///
    /// # Errors
    ///
    /// If a field is invalid, or the provider has another version.
    pub async fn update_provider(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        settings: impl Fn(&Provider) -> Result<ProviderPatch, ApiError> + Send + Sync,
    ) -> Result<Stored<Provider>, ApiError> {
        let change = Change { id, caller, operation: "update", if_match, reason: None };
        self.change(change, |before: &Stored<Provider>| {
            check::provider(before.value.clone(), &settings(&before.value)?)
        })
        .await
    }

    /// Deletes a provider that has no integration, and its stored access key.
    ///
    /// # Errors
    ///
    /// If the provider has an integration, or another version.
    pub async fn delete_provider(&self, caller: &Caller, id: &ProviderId, if_match: &IfMatch) -> Result<(), ApiError> {
        for _ in 0..TRIES_MAX {
            let before = self.require::<Provider>(id).await?;
            if_match.check(id, before.revision())?;
            let now = self.ports.now();
            let changes = differences(&before.value, &serde_json::Value::Null);
            let entry = entry(now, caller, "provider.delete".to_owned(), id.as_str(), changes);
            let writes =
                [Write::RequireNoIntegration(id.clone()), Write::DeleteProvider(id.clone(), before.revision())];
            match self.ports.commit(&writes, &entry).await {
                Ok(()) => {
                    self.delete_key_of(&before.value).await;
                    return Ok(());
                }
                Err(CommitError::Conflict { step: 0 }) => return Err(ApiError::InUse(id.clone())),
                Err(CommitError::Conflict { step: 1 }) => {}
                Err(CommitError::Conflict { step }) => return Err(unexpected_conflict(step)),
                Err(CommitError::Failed(error)) => {
                    let is_deleted = matches!(self.ports.provider(id).await, Ok(None));
                    if !is_deleted {
                        return Err(error.into());
                    }
                    // This request deleted the provider, and its response was lost.
                    self.delete_key_of(&before.value).await;
                    return Ok(());
                }
            }
        }
        Err(ApiError::Conflict(id.clone()))
    }
}

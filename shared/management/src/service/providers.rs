//! Providers: created, shown, changed, deleted.

use exporter::integration::Credentials;
use exporter::provider::{Provider, ProviderId};
use exporter::registry::{CommitError, Page, Stored, Write};

use super::resource::{Change, differences, entry};
use super::{Created, IdempotencyKey, IfMatch, Service, TRIES_MAX, impossible};
use crate::check::{self, Errors};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{List, ProviderBody, ProviderPatch, ProviderView};

impl<P: Ports> Service<P> {
    /// Providers, by id.
    ///
    /// # Errors
    ///
    /// When the registry does not answer.
    pub async fn providers(&self, page: &Page) -> Result<List<ProviderView>, ApiError> {
        let part = self.ports.providers(page).await?;
        Ok(List::of(part, |stored| ProviderView::of(&stored)))
    }

    /// A provider.
    ///
    /// # Errors
    ///
    /// When there is none, or the registry does not answer.
    pub async fn provider(&self, id: &ProviderId) -> Result<Stored<Provider>, ApiError> {
        self.found(id).await
    }

    /// Creates a provider. With `once`, however often the request comes.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or that there is one already.
    pub async fn create_provider(
        &self,
        caller: &Caller,
        body: &ProviderBody,
        once: Option<&IdempotencyKey>,
    ) -> Result<Created<Stored<Provider>>, ApiError> {
        if let Some(view) = self.earlier(once, caller).await? {
            return Ok(Created { view, replayed: true });
        }
        let id = check::provider_id("id", &body.id)?;
        let settings = ProviderPatch { alias: body.alias.clone(), scan_schedule: body.scan_schedule.clone() };
        let settings = check::provider(Provider::new(id.clone()), &settings);
        let credentials = match &body.credentials {
            Some(credentials) => check::of_provider(&id, credentials, None, &self.settings),
            None => check::for_provider(&id, &Credentials::default(), &self.settings)
                .map(|()| (Credentials::default(), check::Key::Kept)),
        };
        let (provider, (credentials, key)) = Errors::both(settings, credentials)?;
        self.create(caller, Provider { credentials, ..provider }, key, once).await
    }

    /// Changes a provider's alias and schedule.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or that it is another version.
    pub async fn update_provider(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        settings: impl Fn(&Provider) -> Result<ProviderPatch, ApiError> + Send + Sync,
    ) -> Result<Stored<Provider>, ApiError> {
        let what = Change { id, caller, verb: "update", if_match, reason: None };
        self.change(what, |before: &Stored<Provider>| check::provider(before.value.clone(), &settings(&before.value)?))
            .await
    }

    /// Deletes a provider that has no integration, and the access key that was kept for it.
    ///
    /// # Errors
    ///
    /// When it has one, or it is another version.
    pub async fn delete_provider(&self, caller: &Caller, id: &ProviderId, if_match: &IfMatch) -> Result<(), ApiError> {
        for _ in 0..TRIES_MAX {
            let before = self.found::<Provider>(id).await?;
            if_match.check(id, before.revision())?;
            let now = self.ports.now();
            let changes = differences(&before.value, &serde_json::Value::Null);
            let entry = entry(now, caller, "provider.delete".to_owned(), id.as_str(), changes);
            let writes =
                [Write::RequireNoIntegration(id.clone()), Write::DeleteProvider(id.clone(), before.revision())];
            match self.ports.commit(&writes, &entry).await {
                Ok(()) => {
                    self.forget_key_of(&before.value).await;
                    return Ok(());
                }
                Err(CommitError::Conflict { step: 0 }) => return Err(ApiError::InUse(id.clone())),
                Err(CommitError::Conflict { step: 1 }) => {}
                Err(CommitError::Conflict { step }) => return Err(impossible(step)),
                Err(CommitError::Failed(error)) => {
                    let gone = matches!(self.ports.provider(id).await, Ok(None));
                    if !gone {
                        return Err(error.into());
                    }
                    // It was deleted; the answer was lost.
                    self.forget_key_of(&before.value).await;
                    return Ok(());
                }
            }
        }
        Err(ApiError::Conflict(id.clone()))
    }
}

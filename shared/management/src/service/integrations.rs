//! Integrations: created, shown, changed, moved to another provider.

use exporter::integration::{Credentials, Integration};
use exporter::provider::ProviderId;
use exporter::registry::{CommitError, Page, Seen, Stored, Write};
use serde_json::Value;

use super::credentials::stays;
use super::kept::{Change, differences, entry};
use super::{Created, IfMatch, Once, Service, TRIES_MAX};
use crate::check::{self, Checked, Errors};
use crate::ports::{Caller, Ports};
use crate::problem::{Noun, Refusal};
use crate::wire::{IntegrationBody, IntegrationView, List};

impl<P: Ports> Service<P> {
    /// Integrations, by id.
    ///
    /// # Errors
    ///
    /// When the registry does not answer.
    pub async fn integrations(&self, page: &Page) -> Result<List<IntegrationView>, Refusal> {
        let part = self.ports.integrations(page).await?;
        Ok(List { items: self.views(&part.entries).await?, next: part.next })
    }

    /// An integration.
    ///
    /// # Errors
    ///
    /// When there is none, or the registry does not answer.
    pub async fn integration(&self, id: &ProviderId) -> Result<IntegrationView, Refusal> {
        self.view(&self.found(id).await?).await
    }

    /// Creates an integration and tests it. It is created even where the test fails.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or that the provider has one already.
    pub async fn create_integration(
        &self,
        caller: &Caller,
        body: &IntegrationBody,
        once: Option<&Once>,
    ) -> Result<Created<IntegrationView>, Refusal> {
        if let Some(earlier) = self.earlier(once, caller).await? {
            return Ok(Created { view: self.integration(&earlier.made).await?, replayed: true });
        }
        let settings = check::integration(body);
        let id = check::provider_id("provider", &body.provider);
        let prefix = &self.settings.secret_prefix;
        let credentials = match (&id, &body.credentials) {
            (Ok(id), Some(credentials)) => check::of_integration(id, credentials, None, prefix),
            _ => Ok(Checked::AsProvider),
        };
        let (integration, credentials) = Errors::both(settings, credentials)?;
        let id = integration.provider.clone();
        if self.ports.integration_of(&id).await?.is_some() {
            return Err(Refusal::Exists { noun: Noun::Integration, id });
        }
        let (credentials, kept) = match credentials {
            Checked::AsProvider => (None, None),
            Checked::Own(credentials, key) => {
                let (credentials, kept) = self.keep("integration", &id, credentials, key).await?;
                (Some(credentials), kept)
            }
        };
        let made = self.put_integration(caller, Integration { credentials, ..integration }, once).await;
        if made.as_ref().map_or(true, |made| made.replayed)
            && let Some(secret) = kept
        {
            self.forget_secret(&secret).await;
        }
        let Created { view, replayed } = made?;
        let view = if replayed { self.view(&view).await? } else { self.tested(&view).await? };
        Ok(Created { view, replayed })
    }

    async fn put_integration(
        &self,
        caller: &Caller,
        integration: Integration,
        once: Option<&Once>,
    ) -> Result<Created<Stored<Integration>>, Refusal> {
        let now = self.ports.now();
        let id = integration.provider.clone();
        let stored = Stored::new(integration, now, &caller.0);
        let changes = differences(&Value::Null, &stored.value);
        let entry = entry(now, caller, "integration.create".to_owned(), id.as_str(), changes);
        let mut writes = vec![Write::NeedProvider(id.clone()), Write::PutIntegration(stored.clone(), Seen::Nothing)];
        writes.extend(once.map(|once| Write::Remember(once.remember(caller, &id, now))));
        match self.ports.commit(&writes, &entry).await {
            Ok(()) => Ok(Created { view: stored, replayed: false }),
            Err(CommitError::Conflict { step: 0 }) => Err(Refusal::no_provider(&id)),
            // The same request came twice at once, or another one was faster.
            Err(CommitError::Conflict { .. }) => match self.earlier(once, caller).await? {
                Some(earlier) => Ok(Created { view: self.found(&earlier.made).await?, replayed: true }),
                None => Err(Refusal::Exists { noun: Noun::Integration, id }),
            },
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }

    /// Changes an integration's settings, its credentials aside. Another provider moves it to that one's id. Moved or
    /// enabled by this, it is tested.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or that it is another version.
    pub async fn update_integration(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        settings: impl Fn(&Integration) -> Result<IntegrationBody, Refusal> + Send + Sync,
    ) -> Result<IntegrationView, Refusal> {
        for _ in 0..TRIES_MAX {
            let before = self.found::<Integration>(id).await?;
            if_match.check(id, before.revision())?;
            stays(&before.value)?;
            let value = updated(&before.value, &settings(&before.value)?)?;
            if value.provider != *id {
                match self.moved(caller, &before, value).await? {
                    Some(after) => return self.tested(&after).await,
                    None => continue,
                }
            }
            let what = Change { id, caller, verb: "update", if_match };
            let after = self
                .change(what, |stored: &Stored<Integration>| {
                    stays(&stored.value)?;
                    updated(&stored.value, &settings(&stored.value)?)
                })
                .await?;
            let enabled = after.value.enabled && !before.value.enabled;
            return if enabled { self.tested(&after).await } else { self.view(&after).await };
        }
        Err(Refusal::Busy(id.clone()))
    }

    /// Moves an integration to another provider. None where it was changed meanwhile.
    async fn moved(
        &self,
        caller: &Caller,
        before: &Stored<Integration>,
        value: Integration,
    ) -> Result<Option<Stored<Integration>>, Refusal> {
        let (from, to) = (&before.value.provider, value.provider.clone());
        if let Some(credentials) = &value.credentials {
            check::for_provider(&to, credentials)?;
        }
        let now = self.ports.now();
        // A stack that made it knows it under the id before, so it is whoever's who moved it.
        let after = Stored { declared: None, ..before.changed(value, now, &caller.0) };
        let changes = differences(&before.value, &after.value);
        let entry = entry(now, caller, "integration.update".to_owned(), from.as_str(), changes);
        let mut writes = vec![
            Write::DeleteIntegration(from.clone(), before.revision()),
            Write::PutIntegration(after.clone(), Seen::Nothing),
            Write::NeedProvider(to.clone()),
        ];
        writes.extend(from.account().map(Write::ForgetConnection));
        match self.ports.commit(&writes, &entry).await {
            Ok(()) => Ok(Some(after)),
            Err(CommitError::Conflict { step: 0 }) => Ok(None),
            Err(CommitError::Conflict { step: 1 }) => Err(Refusal::Exists { noun: Noun::Integration, id: to }),
            Err(CommitError::Conflict { .. }) => Err(Refusal::no_provider(&to)),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}

/// The settings of a body, with what a patch leaves alone.
fn updated(before: &Integration, body: &IntegrationBody) -> Result<Integration, Refusal> {
    let credentials: Option<Credentials> = before.credentials.clone();
    Ok(Integration { credentials, removing_since: before.removing_since, ..check::integration(body)? })
}

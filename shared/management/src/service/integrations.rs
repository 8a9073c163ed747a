//! Integrations: created, shown, changed, moved to another provider.

use exporter::integration::{Credentials, Integration};
use exporter::provider::ProviderId;
use exporter::registry::{CommitError, ExpectedVersion, ListPage, Page, Stored, Write};

use super::credentials::stays;
use super::resource::{Change, differences, entry};
use super::search::search;
use super::{Created, IdempotencyKey, IfMatch, Service, TRIES_MAX};
use crate::check::{self, Checked, Errors, Settings};
use crate::ports::{Caller, Ports};
use crate::problem::{ApiError, ResourceKind};
use crate::wire::{IntegrationBody, IntegrationFilter, IntegrationView, List, OrphanedFindings};

impl<P: Ports> Service<P> {
    /// Integrations, by id.
    ///
    /// # Errors
    ///
    /// When the registry does not answer.
    pub async fn integrations(
        &self,
        filter: &IntegrationFilter,
        page: &Page,
    ) -> Result<List<IntegrationView>, ApiError> {
        let read = async |page: Page| {
            let part = self.ports.integrations(&page).await?;
            Ok(ListPage { entries: self.views(&part.entries).await?, next: part.next })
        };
        let part = search(page, read, |view| filter.matches(&view).then_some(view)).await?;
        Ok(List::of(part, |view| view))
    }

    /// An integration.
    ///
    /// # Errors
    ///
    /// When there is none, or the registry does not answer.
    pub async fn integration(&self, id: &ProviderId) -> Result<IntegrationView, ApiError> {
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
        once: Option<&IdempotencyKey>,
    ) -> Result<Created<IntegrationView>, ApiError> {
        if let Some(earlier) = self.earlier(once, caller).await? {
            return Ok(Created { view: self.view(&earlier).await?, replayed: true });
        }
        let deployment = &self.settings;
        let settings = check::integration(body, deployment);
        let id = check::provider_id("provider", &body.provider);
        let credentials = match (&id, &body.credentials) {
            (Ok(id), Some(credentials)) => check::of_integration(id, credentials, None, deployment),
            _ => Ok(Checked::AsProvider),
        };
        let (integration, credentials) = Errors::both(settings, credentials)?;
        let (credentials, key) = credentials.own();
        let Created { view, replayed } =
            self.create(caller, Integration { credentials, ..integration }, key, once).await?;
        let view = if replayed { self.view(&view).await? } else { self.tested(&view).await? };
        Ok(Created { view, replayed })
    }

    /// Changes an integration's settings, its credentials aside. Another provider moves it to that one's id; the answer
    /// says what stays behind. Moved or enabled by this, it is tested.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or that it is another version.
    pub async fn update_integration(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        settings: impl Fn(&Integration) -> Result<IntegrationBody, ApiError> + Send + Sync,
    ) -> Result<IntegrationView, ApiError> {
        for _ in 0..TRIES_MAX {
            let before = self.found::<Integration>(id).await?;
            if_match.check(id, before.revision())?;
            stays(&before.value)?;
            let value = updated(&before.value, &settings(&before.value)?, &self.settings)?;
            if value.provider != *id {
                match self.moved(caller, &before, value).await? {
                    Some(after) => {
                        let orphaned_findings = self.orphaned_findings(id).await;
                        return Ok(IntegrationView { orphaned_findings, ..self.tested(&after).await? });
                    }
                    None => continue,
                }
            }
            let what = Change { id, caller, verb: "update", if_match, reason: None };
            let after = self
                .change(what, |stored: &Stored<Integration>| {
                    stays(&stored.value)?;
                    updated(&stored.value, &settings(&stored.value)?, &self.settings)
                })
                .await?;
            let enabled = after.value.enabled && !before.value.enabled;
            return if enabled { self.tested(&after).await } else { self.view(&after).await };
        }
        Err(ApiError::Conflict(id.clone()))
    }

    /// What stays in Security Hub of a provider that an integration moved away from; none of an account that nothing was ever
    /// exported of.
    async fn orphaned_findings(&self, from: &ProviderId) -> Option<OrphanedFindings> {
        let is_untouched = match from.account() {
            Some(account) => matches!(self.ports.lock_status(account).await, Ok(None)),
            None => false,
        };
        (!is_untouched).then(|| OrphanedFindings::of(from))
    }

    /// Moves an integration to another provider. None where it was changed meanwhile.
    async fn moved(
        &self,
        caller: &Caller,
        before: &Stored<Integration>,
        value: Integration,
    ) -> Result<Option<Stored<Integration>>, ApiError> {
        let (from, to) = (&before.value.provider, value.provider.clone());
        if let Some(credentials) = &value.credentials {
            check::for_provider(&to, credentials, &self.settings)?;
        }
        let now = self.ports.now();
        // A stack that made it knows it under the id before, so it is whoever's who moved it.
        let value = value.put(Some(&before.value), now);
        let after = Stored { declared: None, ..before.changed(value, now, &caller.0) };
        let changes = differences(&before.value, &after.value);
        let entry = entry(now, caller, "integration.update".to_owned(), from.as_str(), changes);
        let mut writes = vec![
            Write::DeleteIntegration(from.clone(), before.revision()),
            Write::PutIntegration(after.clone(), ExpectedVersion::Nothing),
            Write::RequireProvider(to.clone()),
        ];
        writes.extend(from.account().map(Write::DeleteConnection));
        match self.ports.commit(&writes, &entry).await {
            Ok(()) => {
                self.forget_accounts_of(from).await;
                Ok(Some(after))
            }
            Err(CommitError::Conflict { step: 0 }) => Ok(None),
            Err(CommitError::Conflict { step: 1 }) => {
                Err(ApiError::AlreadyExists { noun: ResourceKind::Integration, id: to })
            }
            Err(CommitError::Conflict { .. }) => Err(ApiError::provider_not_found(&to)),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}

/// The settings of a body, with what a patch leaves alone.
fn updated(before: &Integration, body: &IntegrationBody, deployment: &Settings) -> Result<Integration, ApiError> {
    let credentials: Option<Credentials> = before.credentials.clone();
    Ok(Integration {
        credentials,
        deletion_requested_at: before.deletion_requested_at,
        ..check::integration(body, deployment)?
    })
}

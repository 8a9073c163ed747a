//! Creates, reads, changes, and moves integrations.

use exporter::model::integration::{Credentials, Integration};
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::{CommitError, ExpectedVersion, ListPage, Page, Stored, Write};

use super::credentials::ensure_not_deleting;
use super::resource::{Change, differences, entry};
use super::search::search;
use super::{Created, IdempotencyKey, IfMatch, Service, TRIES_MAX};
use crate::check::{self, Errors, Settings, ValidCredentials};
use crate::ports::{Caller, Ports};
use crate::problem::{ApiError, ResourceKind};
use crate::wire::{IntegrationBody, IntegrationFilter, IntegrationView, List, OrphanedFindings};

impl<P: Ports> Service<P> {
    /// Integrations, by ID.
    ///
    /// # Errors
    ///
    /// If the settings store is unavailable.
    pub async fn integrations(
        &self,
        filter: &IntegrationFilter,
        page: &Page,
    ) -> Result<List<IntegrationView>, ApiError> {
        let read = async |page: Page| {
            let list_page = self.ports.integrations(&page).await?;
            Ok(ListPage { entries: self.views(&list_page.entries).await?, next: list_page.next })
        };
        let list_page = search(page, read, |view| filter.matches(&view).then_some(view)).await?;
        Ok(List::of(list_page, |view| view))
    }

    /// An integration.
    ///
    /// # Errors
    ///
    /// If the integration doesn't exist, or the settings store is unavailable.
    pub async fn integration(&self, id: &ProviderId) -> Result<IntegrationView, ApiError> {
        self.view(&self.require(id).await?).await
    }

    /// Creates an integration and tests its connection. The integration is created even if the test fails.
    ///
    /// # Errors
    ///
    /// If a field is invalid, or the provider already has an integration.
    pub async fn create_integration(
        &self,
        caller: &Caller,
        body: &IntegrationBody,
        idempotency_key: Option<&IdempotencyKey>,
    ) -> Result<Created<IntegrationView>, ApiError> {
        if let Some(earlier) = self.find_earlier(idempotency_key, caller).await? {
            return Ok(Created { view: self.view(&earlier).await?, replayed: true });
        }
        let deployment = &self.settings;
        let settings = check::integration(body, deployment);
        let id = check::provider_id("provider", &body.provider);
        let credentials = match (&id, &body.credentials) {
            (Ok(id), Some(credentials)) => check::of_integration(id, credentials, None, deployment),
            _ => Ok(ValidCredentials::Inherited),
        };
        let (integration, credentials) = Errors::both(settings, credentials)?;
        let (credentials, key) = credentials.own();
        let Created { view, replayed } =
            self.create(caller, Integration { credentials, ..integration }, key, idempotency_key).await?;
        let view = if replayed { self.view(&view).await? } else { self.tested(&view).await? };
        Ok(Created { view, replayed })
    }

    /// Changes an integration's settings, except for its credentials. If `provider` changes, the integration moves to the new
    /// provider's ID, and the response describes the orphaned findings. Tests the connection of an integration that is moved or
    /// becomes enabled.
    ///
    /// # Errors
    ///
    /// If a field is invalid, or the integration has another version.
    pub async fn update_integration(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        settings: impl Fn(&Integration) -> Result<IntegrationBody, ApiError> + Send + Sync,
    ) -> Result<IntegrationView, ApiError> {
        for _ in 0..TRIES_MAX {
            let before = self.require::<Integration>(id).await?;
            if_match.check(id, before.revision())?;
            ensure_not_deleting(&before.value)?;
            let value = with_settings(&before.value, &settings(&before.value)?, &self.settings)?;
            if value.provider != *id {
                match self.move_to_provider(caller, &before, value).await? {
                    Some(after) => {
                        let orphaned_findings = self.orphaned_findings(id).await;
                        return Ok(IntegrationView { orphaned_findings, ..self.tested(&after).await? });
                    }
                    None => continue,
                }
            }
            let change = Change { id, caller, operation: "update", if_match, reason: None };
            let after = self
                .change(change, |stored: &Stored<Integration>| {
                    ensure_not_deleting(&stored.value)?;
                    with_settings(&stored.value, &settings(&stored.value)?, &self.settings)
                })
                .await?;
            let enabled = after.value.enabled && !before.value.enabled;
            return if enabled { self.tested(&after).await } else { self.view(&after).await };
        }
        Err(ApiError::Conflict(id.clone()))
    }

    /// Describes the findings that remain in Security Hub for a provider that the integration was moved away from. `None` if no
    /// finding of the account was ever exported.
    async fn orphaned_findings(&self, from: &ProviderId) -> Option<OrphanedFindings> {
        let is_never_exported = match from.account() {
            Some(account) => matches!(self.ports.lock_status(account).await, Ok(None)),
            None => false,
        };
        (!is_never_exported).then(|| OrphanedFindings::of(from))
    }

    /// Moves an integration to another provider. Returns `None` if a concurrent writer changed the integration.
    async fn move_to_provider(
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
        // The stack that manages the integration has its old ID, so that the stack doesn't manage the moved integration.
        let value = value.put(Some(&before.value), now);
        let after = Stored { last_applied: None, ..before.changed(value, now, &caller.0) };
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
                self.delete_connections_of(from).await;
                Ok(Some(after))
            }
            Err(CommitError::Conflict { step: 0 }) => Ok(None),
            Err(CommitError::Conflict { step: 1 }) => {
                Err(ApiError::AlreadyExists { kind: ResourceKind::Integration, id: to })
            }
            Err(CommitError::Conflict { .. }) => Err(ApiError::provider_not_found(&to)),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}

/// An integration with the settings of a body, and with the fields of `before` that a patch can't change.
fn with_settings(before: &Integration, body: &IntegrationBody, deployment: &Settings) -> Result<Integration, ApiError> {
    let credentials: Option<Credentials> = before.credentials.clone();
    Ok(Integration {
        credentials,
        deletion_requested_at: before.deletion_requested_at,
        ..check::integration(body, deployment)?
    })
}

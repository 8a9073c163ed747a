//! The settings store: providers and integrations with their versions, the audit log of changes, and access keys.
//!
//! Guarantees: a change and its entry in the audit log are written atomically; a change that is based on an outdated version
//! is rejected; access keys can be stored but not read.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use asff::AccountId;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::model::integration::Integration;
use crate::model::provider::{Provider, ProviderId};
use crate::ports::PortError;
use crate::report::{HistoryEntry, IntegrationRun, RunReport};

/// A provider or an integration as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    /// The provider or the integration.
    pub value: T,
    /// The number of its changes, 1 for a new one.
    pub version: u64,
    /// When the resource was created.
    pub created_at: Timestamp,
    /// When the resource was last changed.
    pub updated_at: Timestamp,
    /// The caller identity of the last change. Empty if it is unknown.
    pub updated_by: String,
    /// The properties that a CloudFormation stack applied last, even if users changed the resource since. `None` if a
    /// user created it.
    pub last_applied: Option<LastApplied>,
}

/// The logical resource of a CloudFormation stack that manages a provider or an integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedBy {
    /// The ARN of the stack. A later stack of the same name has a different ARN.
    pub stack: String,
    /// The resource's logical ID in the template.
    pub resource: String,
}

/// The properties that a CloudFormation stack applied to a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastApplied {
    /// The resource of the stack.
    pub managed_by: ManagedBy,
    /// The properties in the template when they were last applied. They contain no secrets.
    pub properties: serde_json::Value,
}

impl<T> Stored<T> {
    /// A new resource.
    pub fn new(value: T, now: Timestamp, by: &str) -> Self {
        Self { value, version: 1, created_at: now, updated_at: now, updated_by: by.to_owned(), last_applied: None }
    }

    /// Whether this stack resource created it.
    pub fn is_managed_by(&self, owner: &ManagedBy) -> bool {
        self.last_applied.as_ref().is_some_and(|last_applied| last_applied.managed_by == *owner)
    }

    /// A copy with a new value and the next version.
    #[must_use]
    pub fn changed(&self, value: T, now: Timestamp, by: &str) -> Self {
        Self {
            value,
            version: self.version + 1,
            created_at: self.created_at,
            updated_at: now,
            updated_by: by.to_owned(),
            last_applied: self.last_applied.clone(),
        }
    }

    /// The version and the generation: a resource that was deleted and created again has another generation.
    pub fn revision(&self) -> Revision {
        Revision { version: self.version, created_at: self.created_at }
    }
}

/// A version of a resource that may have been deleted and created again in the meantime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The version.
    pub version: u64,
    /// When the resource was created, which identifies its generation.
    pub created_at: Timestamp,
}

/// The version on which a change is based.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// The ID doesn't exist.
    Nothing,
    /// This version exists.
    This(Revision),
}

/// One step of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Writes a provider.
    PutProvider(Stored<Provider>, ExpectedVersion),
    /// Deletes a provider.
    DeleteProvider(ProviderId, Revision),
    /// Writes an integration.
    PutIntegration(Stored<Integration>, ExpectedVersion),
    /// Deletes an integration.
    DeleteIntegration(ProviderId, Revision),
    /// Writes nothing; the provider must exist.
    RequireProvider(ProviderId),
    /// Writes nothing; the integration must not exist.
    RequireNoIntegration(ProviderId),
    /// Deletes the connection of an account.
    DeleteConnection(AccountId),
    /// Records the result of a request. Its key must not exist.
    SaveIdempotencyRecord(IdempotencyRecord),
}

/// The result of a request with an idempotency key, so that the request can be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The key that the client chose.
    pub key: String,
    /// A hash of the request.
    pub fingerprint: String,
    /// The ID of the resource that the request created.
    pub made: ProviderId,
    /// When the record expires.
    pub until: Timestamp,
}

/// Why a change failed. Nothing of the change was written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// A step found another version than expected.
    #[error("step {step} found another version than the caller read")]
    Conflict {
        /// The index of the first such step.
        step: usize,
    },
    /// Any other failure.
    #[error(transparent)]
    Failed(#[from] PortError),
}

/// A request for a page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The maximum number of entries.
    pub limit: usize,
    /// The cursor after the previous page. `None` for the first page.
    pub after: Option<String>,
}

/// A page of a list, and the cursor of the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// The [`Page::after`] of the next page. `None` if this is the last one.
    pub next: Option<String>,
}

/// Stores providers and integrations. Every read is consistent.
pub trait SettingsStore {
    /// A provider. `None` if it doesn't exist.
    fn provider(&self, id: &ProviderId) -> impl Future<Output = Result<Option<Stored<Provider>>, PortError>> + Send;

    /// Providers, ordered by ID.
    fn providers(&self, page: &Page) -> impl Future<Output = Result<ListPage<Stored<Provider>>, PortError>> + Send;

    /// A provider's integration. `None` if it doesn't exist.
    fn stored_integration(
        &self,
        id: &ProviderId,
    ) -> impl Future<Output = Result<Option<Stored<Integration>>, PortError>> + Send;

    /// Integrations, ordered by ID.
    fn integrations(
        &self,
        page: &Page,
    ) -> impl Future<Output = Result<ListPage<Stored<Integration>>, PortError>> + Send;

    /// Makes a change and its entry in the audit log in one atomic step.
    fn commit(&self, writes: &[Write], entry: &AuditEntry) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// The result of a request with this idempotency key. `None` if it doesn't exist or has expired at `now`.
    fn idempotency_record(
        &self,
        key: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<IdempotencyRecord>, PortError>> + Send;
}

/// A change in the audit log. It contains no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// The ID. IDs are unique and ordered by time.
    pub id: String,
    /// When the change was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The caller's ARN, if it is known. Behind a function URL, AWS verified it; if the function was invoked directly, the
    /// client stated it.
    pub by: String,
    /// The action, such as `integration.update`.
    pub action: String,
    /// The ID of the provider or the run that was changed.
    pub target: String,
    /// The reason that the caller gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The changed fields, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<String, FieldChange>,
}

/// A field before and after the change. Absent: not set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// The value before the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<serde_json::Value>,
    /// The value after the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<serde_json::Value>,
}

/// The audit log of changes.
pub trait Audit {
    /// Adds an entry that doesn't belong to a change of the settings store.
    fn append(&self, entry: &AuditEntry) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The entries, newest first.
    fn audit_log(&self, page: &Page) -> impl Future<Output = Result<ListPage<AuditEntry>, PortError>> + Send;
}

/// An access key that is about to be stored. It deliberately implements neither `Debug` nor `Serialize`.
pub struct AccessKey {
    /// The access key ID.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The session token of a temporary key.
    pub session_token: Option<String>,
}

/// Follows the deployment's prefix in the names of the secrets that [`Secrets::store_key`] creates, and of no other secrets.
pub const MANAGED: &str = "managed/";

/// Stores access keys. They can't be read through this trait.
pub trait Secrets {
    /// Stores a key in a new secret. The secret's name shows that the exporter created it, and for which resource. Returns
    /// the name.
    fn store_key(&self, of: &str, key: &AccessKey) -> impl Future<Output = Result<String, PortError>> + Send;

    /// Deletes a secret that [`Secrets::store_key`] created, without a recovery window. Does nothing if the secret is
    /// another one or doesn't exist.
    fn delete_key(&self, secret: &str) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The results of connection checks.
pub trait CheckLog {
    /// The connections of the accounts that the provider's integration reaches, ordered by account.
    fn connections(
        &self,
        provider: &ProviderId,
        page: &Page,
    ) -> impl Future<Output = Result<ListPage<Connection>, PortError>> + Send;

    /// Deletes all of these connections.
    fn delete_connections(&self, provider: &ProviderId) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Entries of the history for whole UTC days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// The entries, in any order. A store in memory shares them.
    pub entries: Vec<Arc<HistoryEntry>>,
    /// The newest of the requested days that were not read. `None` if all were read.
    pub next: Option<Date>,
}

/// The records of runs.
pub trait RunLog {
    /// The finished runs of the UTC days `from` to `to`. Reads at least the newest day with a run. A day is read completely
    /// or not at all.
    fn history(&self, from: Date, to: Date) -> impl Future<Output = Result<HistoryPage, PortError>> + Send;

    /// Runs of one account or of all, the newest first. The reports are shortened: Regions and most accounts are left out.
    fn runs(
        &self,
        account: Option<AccountId>,
        page: &Page,
    ) -> impl Future<Output = Result<ListPage<RunReport>, PortError>> + Send;

    /// The exports of an integration that have ended, newest first.
    fn integration_runs(
        &self,
        integration: &ProviderId,
        page: &Page,
    ) -> impl Future<Output = Result<ListPage<IntegrationRun>, PortError>> + Send;

    /// A run's complete report.
    fn run(&self, run_id: &str) -> impl Future<Output = Result<Option<RunReport>, PortError>> + Send;

    /// The quarantine of a run, each entry as JSON, in the order of the file. Empty if the run has no quarantine. `None` if
    /// [`Page::after`] is not a cursor of that file, so the position is unknown.
    fn quarantined(
        &self,
        run_id: &str,
        page: &Page,
    ) -> impl Future<Output = Result<Option<ListPage<serde_json::Value>>, PortError>> + Send;

    /// The findings of a run that require approval to be archived, each as JSON, in the order in which the run wrote them.
    /// Empty if the run has none. `None` if [`Page::after`] is not a cursor of that list.
    fn pending(
        &self,
        run_id: &str,
        page: &Page,
    ) -> impl Future<Output = Result<Option<ListPage<serde_json::Value>>, PortError>> + Send;
}

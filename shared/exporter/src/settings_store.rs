//! What operators keep: providers and integrations with their versions, the audit log of changes, and access keys.
//!
//! Promises: a change is all or nothing, together with its entry in the audit log; a change that was made to another version
//! than its author saw is rejected; an access key goes in and never comes out.

use std::collections::BTreeMap;
use std::future::Future;

use asff::AccountId;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::integration::Integration;
use crate::ports::PortError;
use crate::provider::{Provider, ProviderId};
use crate::report::{HistoryEntry, RunReport};

/// A setting as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    /// What was set.
    pub value: T,
    /// Counts its changes; 1 when it is new.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Who changed it last. Empty if it is unknown.
    pub updated_by: String,
    /// The properties that a CloudFormation stack applied last, even if users changed the resource since. `None` if a user created it.
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
    /// Something new.
    pub fn new(value: T, now: Timestamp, by: &str) -> Self {
        Self { value, version: 1, created_at: now, updated_at: now, updated_by: by.to_owned(), last_applied: None }
    }

    /// Whether this resource made it.
    pub fn is_managed_by(&self, owner: &ManagedBy) -> bool {
        self.last_applied.as_ref().is_some_and(|last_applied| last_applied.managed_by == *owner)
    }

    /// The same, changed.
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

    /// Which version of which incarnation this is: what was deleted and made again is another.
    pub fn revision(&self) -> Revision {
        Revision { version: self.version, created_at: self.created_at }
    }
}

/// A version of something that may have been deleted and made again meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its version.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What the author of a change saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Nothing under this id.
    Nothing,
    /// This.
    This(Revision),
}

/// One step of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Writes a provider.
    PutProvider(Stored<Provider>, ExpectedVersion),
    /// Removes a provider.
    DeleteProvider(ProviderId, Revision),
    /// Writes an integration.
    PutIntegration(Stored<Integration>, ExpectedVersion),
    /// Removes an integration.
    DeleteIntegration(ProviderId, Revision),
    /// Writes nothing; the provider must be there.
    RequireProvider(ProviderId),
    /// Writes nothing; there must be no integration.
    RequireNoIntegration(ProviderId),
    /// Forgets what the newest check of an account found.
    DeleteConnection(AccountId),
    /// Remembers what a request came to. There must be nothing under its key.
    SaveIdempotencyRecord(IdempotencyRecord),
}

/// What a request with an idempotency key came to, so that it can be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The key that the client chose.
    pub key: String,
    /// A hash of what was asked.
    pub fingerprint: String,
    /// What it made.
    pub made: ProviderId,
    /// Until when it is remembered.
    pub until: Timestamp,
}

/// Why a change was not made. Nothing of it was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// A step found something else than its author saw.
    #[error("step {step} found another version than its author saw")]
    Conflict {
        /// The first such step, by its place in the change.
        step: usize,
    },
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] PortError),
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Entries at most.
    pub limit: usize,
    /// Where the part before ended. None: from the beginning.
    pub after: Option<String>,
}

/// The entries of a part, and where it ended if there are more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// The [`Page::after`] of the next part.
    pub next: Option<String>,
}

/// Keeps providers and integrations. Every read is consistent.
pub trait SettingsStore {
    /// A provider.
    fn provider(&self, id: &ProviderId) -> impl Future<Output = Result<Option<Stored<Provider>>, PortError>> + Send;

    /// Providers, by id.
    fn providers(&self, page: &Page) -> impl Future<Output = Result<ListPage<Stored<Provider>>, PortError>> + Send;

    /// A provider's integration.
    fn stored_integration(
        &self,
        id: &ProviderId,
    ) -> impl Future<Output = Result<Option<Stored<Integration>>, PortError>> + Send;

    /// Integrations, by id.
    fn integrations(
        &self,
        page: &Page,
    ) -> impl Future<Output = Result<ListPage<Stored<Integration>>, PortError>> + Send;

    /// Makes a change and its entry in the audit log, in one atomic step, or neither.
    fn commit(&self, writes: &[Write], entry: &AuditEntry) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// What a request with this idempotency key came to, if it is still remembered at `now`.
    fn idempotency_record(
        &self,
        key: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<IdempotencyRecord>, PortError>> + Send;
}

/// A change, as the audit log keeps it. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Time-ordered, unique.
    pub id: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who made it: the caller's ARN, as far as it is known. Made sure of by AWS behind a Function URL; what the client said,
    /// where the function was invoked directly.
    pub by: String,
    /// What was done, such as `integration.update`.
    pub action: String,
    /// To what: an id of a provider, or of a run.
    pub target: String,
    /// Why, if that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is different now, by the setting's path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<String, FieldChange>,
}

/// A setting before and after. None: not set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// Before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<serde_json::Value>,
    /// After.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<serde_json::Value>,
}

/// The audit log of changes.
pub trait Audit {
    /// Adds an entry that belongs to no change of the settings store.
    fn append(&self, entry: &AuditEntry) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The entries, newest first.
    fn audit_log(&self, page: &Page) -> impl Future<Output = Result<ListPage<AuditEntry>, PortError>> + Send;
}

/// An access key on its way into its secret. It has no debug text and can't be serialised, on purpose.
pub struct AccessKey {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// Of a temporary key.
    pub session_token: Option<String>,
}

/// Comes after the deployment's prefix in the names of the secrets that [`Secrets::store_key`] makes, and in no other.
pub const MANAGED: &str = "managed/";

/// Where access keys are kept. Nothing here reads one.
pub trait Secrets {
    /// Keeps a key in a secret of its own, whose name tells that we made it and for whom; the secret's name.
    fn store_key(&self, of: &str, key: &AccessKey) -> impl Future<Output = Result<String, PortError>> + Send;

    /// Removes a secret that [`Secrets::store_key`] made, for good. Any other, and one that is gone, is left as it is.
    fn delete_key(&self, secret: &str) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// What checks found.
pub trait CheckLog {
    /// What the newest check of each account found that is reached by the provider's integration, by account.
    fn connections(
        &self,
        provider: &ProviderId,
        page: &Page,
    ) -> impl Future<Output = Result<ListPage<Connection>, PortError>> + Send;

    /// Forgets all of these.
    fn delete_connections(&self, provider: &ProviderId) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Entries of the history, of whole UTC days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// The entries, in any order.
    pub entries: Vec<HistoryEntry>,
    /// The newest of the days that were asked for and not read. None: all were read.
    pub next: Option<Date>,
}

/// What runs left behind.
pub trait RunLog {
    /// The finished runs of the UTC days `from` to `to`. At least the newest day with a run is read; a day is read whole or not at
    /// all.
    fn history(&self, from: Date, to: Date) -> impl Future<Output = Result<HistoryPage, PortError>> + Send;

    /// Runs, newest first, of one account or of all. They are shortened: Regions and most accounts are left out.
    fn runs(
        &self,
        account: Option<AccountId>,
        page: &Page,
    ) -> impl Future<Output = Result<ListPage<RunReport>, PortError>> + Send;

    /// A run's whole report.
    fn run(&self, run_id: &str) -> impl Future<Output = Result<Option<RunReport>, PortError>> + Send;

    /// What a run put into quarantine, each entry as JSON, in the order of the file. Empty, where there is nothing. None, where
    /// [`Page::after`] is no mark of that file: then nobody knows where to continue.
    fn quarantined(
        &self,
        run_id: &str,
        page: &Page,
    ) -> impl Future<Output = Result<Option<ListPage<serde_json::Value>>, PortError>> + Send;

    /// The findings of a run that are archived upon approval, each as JSON, in the order in which the run wrote them. Empty if
    /// there are none. None if [`Page::after`] is no cursor of that list.
    fn pending(
        &self,
        run_id: &str,
        page: &Page,
    ) -> impl Future<Output = Result<Option<ListPage<serde_json::Value>>, PortError>> + Send;
}

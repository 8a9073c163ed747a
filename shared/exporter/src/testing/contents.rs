//! The contents of the services.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use asff::AccountId;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::faults::Faults;
use super::recorded_runs::RecordedRuns;
use super::stored::{AccountLock, StoredUpload, UploadLock};
use crate::connection::Connection;
use crate::jobs::{Job, JobMessage, JobProgress, JobRecord, JobReport, Round};
use crate::model::integration::Integration;
use crate::model::provider::{Provider, ProviderId};
use crate::model::upload::Upload;
use crate::notifications::{Event, Notified};
use crate::ports::settings_store::{AuditEntry, IdempotencyRecord, Stored};
use crate::report::RunReport;

/// The contents of the table, the buckets, the queue, the event bus, and Secrets Manager. Tests can read and change
/// everything.
#[derive(Default)]
pub struct Contents {
    /// The time.
    pub clock: TestClock,
    /// The faults of calls.
    pub faults: Faults<Self>,
    /// Providers by ID.
    pub providers: BTreeMap<String, Stored<Provider>>,
    /// Integrations by the ID of their provider.
    pub integrations: BTreeMap<String, Stored<Integration>>,
    /// The accounts of organizations.
    pub members: BTreeMap<ProviderId, Vec<AccountId>>,
    /// The accounts that left their organization.
    pub former_members: BTreeMap<ProviderId, BTreeSet<AccountId>>,
    /// Providers whose integration is deleted during their check.
    pub orphaned: BTreeSet<ProviderId>,
    /// The audit log, oldest first.
    pub audit_log: Vec<AuditEntry>,
    /// Requests by their idempotency keys.
    pub idempotency_records: BTreeMap<String, IdempotencyRecord>,
    /// Access keys by the names of their secrets, as Secrets Manager stores them.
    pub secrets: BTreeMap<String, String>,
    /// Number of secrets that were created.
    pub secrets_created: u64,
    /// The result of the newest check of each account.
    pub connections: BTreeMap<AccountId, Connection>,
    /// The result of the next connection test, by provider; a provider without an entry can't be tested.
    pub connection_tests: BTreeMap<String, TestedConnections>,
    /// The locks of uploads, by identity.
    pub upload_locks: BTreeMap<String, UploadLock>,
    /// The locks of accounts.
    pub account_locks: BTreeMap<AccountId, AccountLock>,
    /// The objects of the state bucket by key, each with its `ETag`.
    pub objects: BTreeMap<String, (u64, Bytes)>,
    /// Number of objects that were put.
    pub objects_put: u64,
    /// Uploads by key.
    pub uploads: BTreeMap<String, StoredUpload>,
    /// The keys of uploads in the order in which they were opened, including failed attempts.
    pub opened: Vec<String>,
    /// Runs in the order in which they were first recorded.
    pub runs: RecordedRuns,
    /// Maximum number of days with runs in a page of the history. `None`: unlimited.
    pub history_days_max: Option<usize>,
    /// The entries of a run's quarantine that management reads. An export writes an object instead.
    pub quarantine: BTreeMap<String, Vec<serde_json::Value>>,
    /// The findings of a run's pending list that management reads. An export writes an object instead.
    pub pending: BTreeMap<String, Vec<serde_json::Value>>,
    /// Jobs in the order in which they were last written.
    pub jobs: Vec<JobRecord>,
    /// The progress of jobs as it was written, oldest first.
    pub progress: Vec<JobProgress>,
    /// The messages that were sent to the queue. Tests remove them.
    pub queue: SentMessages,
    /// The notification state of each account, and the number of its writes.
    pub notified: BTreeMap<AccountId, (Notified, u64)>,
    /// The events that the bus accepted.
    pub events: Vec<Event>,
    /// Number of events per request that the bus accepts. `None`: all.
    pub events_accepted_max: Option<usize>,
}

/// The messages on the queue.
#[derive(Debug, Default)]
pub struct SentMessages {
    /// Whether uploads have no queue, as in an export by hubctl itself.
    pub rejects_uploads: bool,
    /// Uploads that continue in another invocation.
    pub uploads: Vec<(Upload, Round)>,
    /// Jobs, each with its delay.
    pub jobs: Vec<(JobMessage, Duration)>,
}

/// The result of a connection test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestedConnections {
    /// The accounts that were checked.
    pub connections: Vec<Connection>,
    /// The accounts that were not checked.
    pub unchecked: Vec<AccountId>,
    /// Other problems.
    pub problems: Vec<String>,
}

impl From<Vec<Connection>> for TestedConnections {
    fn from(connections: Vec<Connection>) -> Self {
        Self { connections, ..Self::default() }
    }
}

/// The clock.
#[derive(Clone, Copy, Debug, Default)]
pub enum TestClock {
    /// The wall clock.
    #[default]
    Wall,
    /// A clock that doesn't advance.
    Fixed(Timestamp),
    /// A clock that advances with tokio's, which a test can pause.
    Tokio {
        /// The time at `since`.
        start: Timestamp,
        /// The instant of tokio's clock.
        since: tokio::time::Instant,
    },
}

impl TestClock {
    /// A clock that advances with tokio's, beginning at `start`.
    pub fn tokio(start: Timestamp) -> Self {
        Self::Tokio { start, since: tokio::time::Instant::now() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Wall => Timestamp::now(),
            Self::Fixed(at) => *at,
            Self::Tokio { start, since } => {
                *start + SignedDuration::try_from(since.elapsed()).unwrap_or(SignedDuration::MAX)
            }
        }
    }
}

impl Contents {
    /// Creates or replaces an integration, as if a user had.
    pub fn put_integration(&mut self, integration: Integration) {
        let id = integration.provider.to_string();
        let stored = Stored::new(integration, self.clock.now(), "a test");
        self.integrations.insert(id, stored);
    }

    /// Creates or replaces a provider, as if a user had.
    pub fn put_provider(&mut self, provider: Provider) {
        let id = provider.id.to_string();
        let stored = Stored::new(provider, self.clock.now(), "a test");
        self.providers.insert(id, stored);
    }

    /// The integration of an account: its own, or else that of its organization, or else that of the only organization.
    pub fn integration_of(&self, account: AccountId) -> Option<&Integration> {
        let stored = |id: &str| self.integrations.get(id).map(|stored| &stored.value);
        let member_of = || self.members.iter().find(|(_, members)| members.contains(&account));
        let only = || {
            let all = self.integrations.values().filter(|stored| stored.value.provider.account().is_none());
            let all: Vec<_> = all.collect();
            (all.len() == 1).then(|| &all[0].value)
        };
        stored(account.as_str()).or_else(|| match member_of() {
            Some((organization, _)) => stored(organization.as_str()),
            None => only(),
        })
    }

    /// A run by its ID.
    pub fn run(&self, run_id: &str) -> Option<&RunReport> {
        self.runs.iter().find(|run| run.run_id == run_id)
    }

    /// A job by its ID.
    pub fn job(&self, id: &str) -> Option<&JobRecord> {
        self.jobs.iter().find(|record| record.id == id)
    }

    /// Prepares the result of the next connection tests of a provider.
    pub fn put_connection_test(&mut self, provider: &str, tested: impl Into<TestedConnections>) {
        self.connection_tests.insert(provider.to_owned(), tested.into());
    }

    /// The jobs in their order, without their records.
    pub fn submitted_jobs(&self) -> Vec<Job> {
        self.jobs.iter().map(|record| record.job.clone()).collect()
    }

    /// Puts the report of a job into the state bucket, at the key to which the job writes it.
    pub fn put_job_report(&mut self, id: &str, report: &JobReport) {
        self.put_object(JobReport::key(id), serde_json::json!(report).to_string());
    }

    /// Puts an object into the state bucket and replaces an existing one.
    pub fn put_object(&mut self, key: impl Into<String>, bytes: impl Into<Bytes>) {
        self.objects_put += 1;
        self.objects.insert(key.into(), (self.objects_put, bytes.into()));
    }

    /// Records that a scan of this time is the account's newest one, with the account not locked.
    pub fn put_newest_scan(&mut self, account: AccountId, scanned_at: Timestamp) {
        self.account_locks.insert(account, AccountLock::new(scanned_at.into()));
    }
}

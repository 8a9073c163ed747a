//! In-memory implementation of the ports, with the conditions of the settings store: for tests, and to use the API without AWS.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use asff::AccountId;
use exporter::connection::Connection;
use exporter::integration::Integration;
use exporter::jobs::{Job, JobProgress, JobRecord, JobReport, JobState, JobStore};
use exporter::ports::{AccountLocks, Acquired, Clock, InDoubt, Newest, PortError};
use exporter::provider::{Provider, ProviderId};
use exporter::report::history::day_of;
use exporter::report::{HistoryEntry, RunReport};
use exporter::settings_store::{
    AccessKey, Audit, AuditEntry, CheckLog, CommitError, ExpectedVersion, HistoryPage, IdempotencyRecord, ListPage,
    Page, RunLog, Secrets, SettingsStore, Stored, Write,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::ports::{ConnectionTestResult, ConnectionTester, JobSubmitter};

/// Runs right before the next change, to simulate a concurrent writer.
type ConcurrentWriter = Box<dyn FnOnce(&Memory) + Send>;

/// In-memory table, bucket, queue, and Secrets Manager.
#[derive(Default)]
pub struct Memory {
    contents: Mutex<MemoryContents>,
    concurrent_writers: Mutex<VecDeque<ConcurrentWriter>>,
}

/// The contents of [`Memory`].
#[derive(Default)]
pub struct MemoryContents {
    /// Providers by id.
    pub providers: BTreeMap<String, Stored<Provider>>,
    /// Integrations by id.
    pub integrations: BTreeMap<String, Stored<Integration>>,
    /// The audit log, oldest first.
    pub audit_log: Vec<AuditEntry>,
    /// Idempotency records by key.
    pub idempotency_records: BTreeMap<String, IdempotencyRecord>,
    /// Secret values by name.
    pub secrets: BTreeMap<String, String>,
    /// Connections by account.
    pub connections: BTreeMap<AccountId, Connection>,
    /// Results of the next tests by provider; a test without one fails.
    pub test_results: BTreeMap<String, Vec<Connection>>,
    /// Accounts that the next tests don't check, and other problems, by provider.
    pub unchecked: BTreeMap<String, (Vec<AccountId>, Vec<String>)>,
    /// Whether tests never complete.
    pub tests_hang: bool,
    /// Runs, oldest first.
    pub runs: Vec<RunReport>,
    /// Maximum number of days with a run that one read of the history returns. None: no limit. Not 0.
    pub history_days_max: Option<usize>,
    /// Quarantined findings by run.
    pub quarantine: BTreeMap<String, Vec<Value>>,
    /// Pending findings by run.
    pub pending: BTreeMap<String, Vec<Value>>,
    /// Submitted jobs, oldest first.
    pub jobs: Vec<JobRecord>,
    /// Reports of jobs by job ID.
    pub job_reports: BTreeMap<String, JobReport>,
    /// The newest scan by account.
    pub latest_scans: BTreeMap<AccountId, Timestamp>,
    /// The current time. None: the system time.
    pub now: Option<Timestamp>,
    /// Error of every port while it is unavailable.
    pub outage: Option<String>,
    /// Makes the next change, but loses the response.
    pub loses_next_response: bool,
    /// Loses the request for the next change.
    pub fails_next_change: bool,
    secrets_made: u64,
}

impl Memory {
    /// The contents, to read or modify.
    pub fn contents(&self) -> MutexGuard<'_, MemoryContents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Submitted jobs, oldest first.
    pub fn submitted_jobs(&self) -> Vec<Job> {
        self.contents().jobs.iter().map(|record| record.job.clone()).collect()
    }

    /// Runs a concurrent writer right before the next change.
    pub fn before_next_commit(&self, concurrent_writer: impl FnOnce(&Self) + Send + 'static) {
        self.concurrent_writers.lock().unwrap_or_else(PoisonError::into_inner).push_back(Box::new(concurrent_writer));
    }

    /// The contents, unless the ports are unavailable.
    fn available(&self, action: &str) -> Result<MutexGuard<'_, MemoryContents>, PortError> {
        let contents = self.contents();
        match &contents.outage {
            Some(message) => Err(PortError { action: action.to_owned(), message: message.clone() }),
            None => Ok(contents),
        }
    }
}

/// A page of a list in ascending order, after the cursor, which is a key.
fn page_forward<'a, T: Clone + 'a>(sorted: impl Iterator<Item = (String, &'a T)>, page: &Page) -> ListPage<T> {
    let rest = sorted.skip_while(|(key, _)| page.after.as_ref().is_some_and(|after| key <= after));
    take_page(rest, page.limit)
}

/// A page of a list in descending order.
fn page_backward<'a, T: Clone + 'a>(sorted: impl Iterator<Item = (String, &'a T)>, page: &Page) -> ListPage<T> {
    let rest = sorted.skip_while(|(key, _)| page.after.as_ref().is_some_and(|after| key >= after));
    take_page(rest, page.limit)
}

fn take_page<'a, T: Clone + 'a>(mut rest: impl Iterator<Item = (String, &'a T)>, limit: usize) -> ListPage<T> {
    let mut entries = Vec::new();
    let mut last = None;
    for (key, entry) in rest.by_ref().take(limit) {
        entries.push(entry.clone());
        last = Some(key);
    }
    ListPage { entries, next: if rest.next().is_some() { last } else { None } }
}

fn matches_version<T>(current: Option<&Stored<T>>, expected: &ExpectedVersion) -> bool {
    match expected {
        ExpectedVersion::Nothing => current.is_none(),
        ExpectedVersion::This(revision) => current.is_some_and(|stored| stored.revision() == *revision),
    }
}

impl MemoryContents {
    fn meets_condition(&self, write: &Write) -> bool {
        let provider = |id: &ProviderId| self.providers.get(id.as_str());
        let integration = |id: &ProviderId| self.integrations.get(id.as_str());
        match write {
            Write::PutProvider(stored, expected) => matches_version(provider(&stored.value.id), expected),
            Write::DeleteProvider(id, revision) => matches_version(provider(id), &ExpectedVersion::This(*revision)),
            Write::PutIntegration(stored, expected) => matches_version(integration(&stored.value.provider), expected),
            Write::DeleteIntegration(id, revision) => {
                matches_version(integration(id), &ExpectedVersion::This(*revision))
            }
            Write::RequireProvider(id) => provider(id).is_some(),
            Write::RequireNoIntegration(id) => integration(id).is_none(),
            Write::DeleteConnection(_) => true,
            Write::SaveIdempotencyRecord(idempotency_record) => {
                !self.idempotency_records.contains_key(&idempotency_record.key)
            }
        }
    }

    fn write(&mut self, write: &Write) {
        match write.clone() {
            Write::PutProvider(stored, _) => drop(self.providers.insert(stored.value.id.to_string(), stored)),
            Write::DeleteProvider(id, _) => drop(self.providers.remove(id.as_str())),
            Write::PutIntegration(stored, _) => {
                drop(self.integrations.insert(stored.value.provider.to_string(), stored));
            }
            Write::DeleteIntegration(id, _) => drop(self.integrations.remove(id.as_str())),
            Write::RequireProvider(_) | Write::RequireNoIntegration(_) => {}
            Write::DeleteConnection(account) => drop(self.connections.remove(&account)),
            Write::SaveIdempotencyRecord(idempotency_record) => {
                drop(self.idempotency_records.insert(idempotency_record.key.clone(), idempotency_record));
            }
        }
    }
}

impl SettingsStore for Memory {
    async fn provider(&self, id: &ProviderId) -> Result<Option<Stored<Provider>>, PortError> {
        Ok(self.available("read a provider")?.providers.get(id.as_str()).cloned())
    }

    async fn providers(&self, page: &Page) -> Result<ListPage<Stored<Provider>>, PortError> {
        let contents = self.available("list the providers")?;
        Ok(page_forward(contents.providers.iter().map(|(key, entry)| (key.clone(), entry)), page))
    }

    async fn stored_integration(&self, id: &ProviderId) -> Result<Option<Stored<Integration>>, PortError> {
        Ok(self.available("read an integration")?.integrations.get(id.as_str()).cloned())
    }

    async fn integrations(&self, page: &Page) -> Result<ListPage<Stored<Integration>>, PortError> {
        let contents = self.available("list the integrations")?;
        Ok(page_forward(contents.integrations.iter().map(|(key, entry)| (key.clone(), entry)), page))
    }

    async fn commit(&self, writes: &[Write], entry: &AuditEntry) -> Result<(), CommitError> {
        let concurrent_writer = self.concurrent_writers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(concurrent_writer) = concurrent_writer {
            concurrent_writer(self);
        }
        let mut contents = self.available("write a change")?;
        let lost = || PortError { action: "write a change".to_owned(), message: "no response".to_owned() };
        if std::mem::take(&mut contents.fails_next_change) {
            return Err(lost().into());
        }
        if let Some(step) = writes.iter().position(|write| !contents.meets_condition(write)) {
            return Err(CommitError::Conflict { step });
        }
        writes.iter().for_each(|write| contents.write(write));
        contents.audit_log.push(entry.clone());
        if std::mem::take(&mut contents.loses_next_response) {
            return Err(lost().into());
        }
        Ok(())
    }

    async fn idempotency_record(&self, key: &str, now: Timestamp) -> Result<Option<IdempotencyRecord>, PortError> {
        let found = self.available("read an idempotency record")?.idempotency_records.get(key).cloned();
        Ok(found.filter(|idempotency_record| idempotency_record.until > now))
    }
}

impl Audit for Memory {
    async fn append(&self, entry: &AuditEntry) -> Result<(), PortError> {
        self.available("write the audit log")?.audit_log.push(entry.clone());
        Ok(())
    }

    async fn audit_log(&self, page: &Page) -> Result<ListPage<AuditEntry>, PortError> {
        let contents = self.available("read the audit log")?;
        Ok(page_backward(contents.audit_log.iter().rev().map(|entry| (entry.id.clone(), entry)), page))
    }
}

impl Secrets for Memory {
    async fn store_key(&self, owner: &str, key: &AccessKey) -> Result<String, PortError> {
        let mut contents = self.available("store an access key")?;
        contents.secrets_made += 1;
        let name = format!("securityhub-exporter/managed/{owner}/{}", contents.secrets_made);
        let AccessKey { access_key_id, secret_access_key, session_token } = key;
        let value = json!({ "access_key_id": access_key_id, "secret_access_key": secret_access_key, "session_token": session_token });
        contents.secrets.insert(name.clone(), value.to_string());
        Ok(name)
    }

    async fn delete_key(&self, secret: &str) -> Result<(), PortError> {
        self.available("delete a secret")?.secrets.remove(secret);
        Ok(())
    }
}

impl CheckLog for Memory {
    async fn connections(&self, provider: &ProviderId, page: &Page) -> Result<ListPage<Connection>, PortError> {
        let contents = self.available("read the connections")?;
        let connections = contents.connections.values().filter(|connection| connection.provider == *provider);
        Ok(page_forward(connections.map(|connection| (connection.account.to_string(), connection)), page))
    }

    async fn delete_connections(&self, provider: &ProviderId) -> Result<(), PortError> {
        self.available("delete the connections")?.connections.retain(|_, connection| connection.provider != *provider);
        Ok(())
    }
}

impl RunLog for Memory {
    async fn history(&self, from: Date, to: Date) -> Result<HistoryPage, PortError> {
        let contents = self.available("read the history")?;
        let runs = contents.runs.iter().filter(|run| (from..=to).contains(&day_of(run.started_at)));
        let mut entries: Vec<_> = runs.filter_map(HistoryEntry::of).collect();
        let Some(days_max) = contents.history_days_max else { return Ok(HistoryPage { entries, next: None }) };
        let days: BTreeSet<Date> = entries.iter().map(HistoryEntry::day).collect();
        let next = days.into_iter().nth_back(days_max);
        entries.retain(|entry| next.is_none_or(|next| entry.day() > next));
        Ok(HistoryPage { entries, next })
    }

    async fn runs(&self, account: Option<AccountId>, page: &Page) -> Result<ListPage<RunReport>, PortError> {
        let contents = self.available("list the runs")?;
        let is_of_account = |run: &&RunReport| account.is_none_or(|account| run.accounts.contains_key(&account));
        Ok(page_backward(contents.runs.iter().rev().filter(is_of_account).map(|run| (run.run_id.clone(), run)), page))
    }

    async fn run(&self, run_id: &str) -> Result<Option<RunReport>, PortError> {
        Ok(self.available("read a run")?.runs.iter().find(|run| run.run_id == run_id).cloned())
    }

    async fn quarantined(&self, run_id: &str, page: &Page) -> Result<Option<ListPage<Value>>, PortError> {
        Ok(page_of_run(&self.available("read a quarantine")?.quarantine, run_id, page))
    }

    async fn pending(&self, run_id: &str, page: &Page) -> Result<Option<ListPage<Value>>, PortError> {
        Ok(page_of_run(&self.available("read pending findings")?.pending, run_id, page))
    }
}

/// A page of the entries of a run.
fn page_of_run(entries_by_run: &BTreeMap<String, Vec<Value>>, run_id: &str, page: &Page) -> Option<ListPage<Value>> {
    let entries = entries_by_run.get(run_id).into_iter().flatten().enumerate();
    let numbered: Vec<_> = entries.map(|(number, entry)| (format!("{number:08}"), entry)).collect();
    let is_cursor = page.after.as_ref().is_none_or(|after| numbered.iter().any(|(number, _)| number == after));
    is_cursor.then(|| page_forward(numbered.into_iter(), page))
}

impl AccountLocks for Memory {
    async fn acquire(
        &self,
        _: AccountId,
        _: &str,
        _: &str,
        _: Timestamp,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Acquired, PortError> {
        Ok(Acquired::Granted { in_doubt: InDoubt::default() })
    }

    async fn locked_by(&self, _: AccountId, _: Timestamp) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    async fn lock_status(&self, account: AccountId) -> Result<Option<(Newest, InDoubt)>, PortError> {
        let contents = self.available("read the lock status of an account")?;
        Ok(contents.latest_scans.get(&account).map(|newest| ((*newest).into(), InDoubt::default())))
    }

    async fn renew(&self, _: AccountId, _: &str, _: Timestamp) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn release(&self, _: AccountId, _: &str, _: InDoubt, _: Option<Timestamp>) -> Result<(), PortError> {
        Ok(())
    }
}

impl Clock for Memory {
    fn now(&self) -> Timestamp {
        self.contents().now.unwrap_or_else(Timestamp::now)
    }
}

impl ConnectionTester for Memory {
    async fn test(&self, provider: &ProviderId) -> Result<ConnectionTestResult, PortError> {
        let hangs = self.contents().tests_hang;
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut contents = self.available("test a connection")?;
        let found = contents.test_results.get(provider.as_str()).cloned();
        let not_configured = || PortError {
            action: format!("test {provider}"),
            message: "connection tests are not available".to_owned(),
        };
        let found = found.ok_or_else(not_configured)?;
        contents.connections.extend(found.iter().map(|connection| (connection.account, connection.clone())));
        let (unchecked, problems) = contents.unchecked.get(provider.as_str()).cloned().unwrap_or_default();
        Ok(ConnectionTestResult { connections: found, unchecked, problems })
    }
}

impl JobSubmitter for Memory {
    async fn submit(&self, record: &JobRecord) -> Result<(), PortError> {
        self.available("submit a job")?.jobs.push(record.clone());
        Ok(())
    }

    async fn retry(&self, record: &JobRecord) -> Result<Option<JobRecord>, PortError> {
        let Some(pending) = record.retried(self.now()) else { return Ok(None) };
        Ok(self.record_job(&pending).await?.then_some(pending))
    }

    async fn job_report(&self, id: &str) -> Result<Option<JobReport>, PortError> {
        Ok(self.available("read the report of a job")?.job_reports.get(id).cloned())
    }

    async fn jobs(&self, page: &Page) -> Result<ListPage<JobRecord>, PortError> {
        let contents = self.available("list the jobs")?;
        Ok(page_backward(contents.jobs.iter().rev().map(|record| (record.id.clone(), record)), page))
    }
}

impl JobStore for Memory {
    async fn job_record(&self, id: &str) -> Result<Option<JobRecord>, PortError> {
        Ok(self.available("read a job")?.jobs.iter().find(|record| record.id == id).cloned())
    }

    async fn record_job(&self, record: &JobRecord) -> Result<bool, PortError> {
        let mut contents = self.available("record a job")?;
        if contents.jobs.iter().any(|known| known.id == record.id && known.state.is_final()) {
            return Ok(false);
        }
        contents.jobs.retain(|known| known.id != record.id);
        contents.jobs.push(JobRecord { progress: None, ..record.clone() });
        Ok(true)
    }

    async fn record_progress(&self, id: &str, progress: &JobProgress) -> Result<bool, PortError> {
        let mut contents = self.available("record the progress of a job")?;
        let known = contents.jobs.iter_mut().find(|known| known.id == id && known.state == JobState::Pending);
        Ok(known.map(|known| known.progress = Some(progress.clone())).is_some())
    }

    async fn cancel_job(&self, record: &JobRecord) -> Result<(), PortError> {
        let mut contents = self.available("cancel a job")?;
        contents.jobs.retain(|known| known.id != record.id);
        contents.jobs.push(record.clone());
        Ok(())
    }
}

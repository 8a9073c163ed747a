//! The ports in memory, with the registry's conditions: for tests, and to try the API without AWS.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use asff::AccountId;
use exporter::connection::Connection;
use exporter::integration::Integration;
use exporter::jobs::{Job, JobProgress, JobRecord, JobReport, JobState, JobStore};
use exporter::ports::{AccountLocks, Acquired, Clock, InDoubt, Newest, PortError};
use exporter::provider::{Provider, ProviderId};
use exporter::registry::{
    AccessKey, Audit, AuditEntry, CheckLog, CommitError, ExpectedVersion, HistoryPage, IdempotencyRecord, ListPage,
    Page, Registry, RunLog, Secrets, Stored, Write,
};
use exporter::report::history::day_of;
use exporter::report::{HistoryEntry, RunReport};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::ports::{JobSubmitter, Tested, Tests};

/// Done right before the next change is made, as if somebody else were faster.
type Faster = Box<dyn FnOnce(&Memory) + Send>;

/// What would be in the table, the bucket, the queue and Secrets Manager.
#[derive(Default)]
pub struct Memory {
    kept: Mutex<MemoryContents>,
    faster: Mutex<VecDeque<Faster>>,
}

/// All of it.
#[derive(Default)]
pub struct MemoryContents {
    /// Providers by id.
    pub providers: BTreeMap<String, Stored<Provider>>,
    /// Integrations by id.
    pub integrations: BTreeMap<String, Stored<Integration>>,
    /// The audit log, oldest first.
    pub trail: Vec<AuditEntry>,
    /// Requests by their keys.
    pub idempotency_records: BTreeMap<String, IdempotencyRecord>,
    /// Access keys by the names of their secrets, as they stand in Secrets Manager.
    pub secrets: BTreeMap<String, String>,
    /// What checks found, by account.
    pub connections: BTreeMap<AccountId, Connection>,
    /// What the next tests find; an error where there is nothing.
    pub found: BTreeMap<String, Vec<Connection>>,
    /// What the next tests miss: accounts, and what went wrong beside.
    pub missed: BTreeMap<String, (Vec<AccountId>, Vec<String>)>,
    /// Whether tests never end.
    pub tests_hang: bool,
    /// Runs, oldest first.
    pub runs: Vec<RunReport>,
    /// Days with a run that are read of the history at once, where it takes several reads. Not 0.
    pub history_days_max: Option<usize>,
    /// What runs put into quarantine.
    pub quarantine: BTreeMap<String, Vec<Value>>,
    /// The findings of runs that are archived upon approval.
    pub pending: BTreeMap<String, Vec<Value>>,
    /// What was submitted, oldest first.
    pub jobs: Vec<JobRecord>,
    /// The reports of jobs that report, by their IDs.
    pub job_reports: BTreeMap<String, JobReport>,
    /// The newest scan of each account.
    pub scanned: BTreeMap<AccountId, Timestamp>,
    /// The time, where it is not the wall clock's.
    pub now: Option<Timestamp>,
    /// What every port answers from now on, where it is down.
    pub down: Option<String>,
    /// Makes the next change, and loses the answer that says so.
    pub loses_next_answer: bool,
    /// Does not make the next change, and does not say so.
    pub fails_next_change: bool,
    secrets_made: u64,
}

impl Memory {
    /// All of it, to look at or to change.
    pub fn kept(&self) -> MutexGuard<'_, MemoryContents> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was submitted, oldest first.
    pub fn ordered(&self) -> Vec<Job> {
        self.kept().jobs.iter().map(|record| record.job.clone()).collect()
    }

    /// Does something right before the next change is made.
    pub fn before_next_commit(&self, faster: impl FnOnce(&Self) + Send + 'static) {
        self.faster.lock().unwrap_or_else(PoisonError::into_inner).push_back(Box::new(faster));
    }

    /// All of it, if the ports are up.
    fn up(&self, action: &str) -> Result<MutexGuard<'_, MemoryContents>, PortError> {
        let kept = self.kept();
        match &kept.down {
            Some(message) => Err(PortError { action: action.to_owned(), message: message.clone() }),
            None => Ok(kept),
        }
    }
}

/// The entries of a list after a mark, which is the key of the last one.
fn part<'a, T: Clone + 'a>(sorted: impl Iterator<Item = (String, &'a T)>, page: &Page) -> ListPage<T> {
    let rest = sorted.skip_while(|(key, _)| page.after.as_ref().is_some_and(|after| key <= after));
    cut(rest, page.limit)
}

/// The same, backwards.
fn part_back<'a, T: Clone + 'a>(sorted: impl Iterator<Item = (String, &'a T)>, page: &Page) -> ListPage<T> {
    let rest = sorted.skip_while(|(key, _)| page.after.as_ref().is_some_and(|after| key >= after));
    cut(rest, page.limit)
}

fn cut<'a, T: Clone + 'a>(mut rest: impl Iterator<Item = (String, &'a T)>, limit: usize) -> ListPage<T> {
    let mut entries = Vec::new();
    let mut last = None;
    for (key, entry) in rest.by_ref().take(limit) {
        entries.push(entry.clone());
        last = Some(key);
    }
    ListPage { entries, next: if rest.next().is_some() { last } else { None } }
}

fn holds<T>(there: Option<&Stored<T>>, seen: &ExpectedVersion) -> bool {
    match seen {
        ExpectedVersion::Nothing => there.is_none(),
        ExpectedVersion::This(revision) => there.is_some_and(|stored| stored.revision() == *revision),
    }
}

impl MemoryContents {
    fn allows(&self, write: &Write) -> bool {
        let provider = |id: &ProviderId| self.providers.get(id.as_str());
        let integration = |id: &ProviderId| self.integrations.get(id.as_str());
        match write {
            Write::PutProvider(stored, seen) => holds(provider(&stored.value.id), seen),
            Write::DeleteProvider(id, revision) => holds(provider(id), &ExpectedVersion::This(*revision)),
            Write::PutIntegration(stored, seen) => holds(integration(&stored.value.provider), seen),
            Write::DeleteIntegration(id, revision) => holds(integration(id), &ExpectedVersion::This(*revision)),
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

impl Registry for Memory {
    async fn provider(&self, id: &ProviderId) -> Result<Option<Stored<Provider>>, PortError> {
        Ok(self.up("read a provider")?.providers.get(id.as_str()).cloned())
    }

    async fn providers(&self, page: &Page) -> Result<ListPage<Stored<Provider>>, PortError> {
        let kept = self.up("list the providers")?;
        Ok(part(kept.providers.iter().map(|(key, entry)| (key.clone(), entry)), page))
    }

    async fn stored_integration(&self, id: &ProviderId) -> Result<Option<Stored<Integration>>, PortError> {
        Ok(self.up("read an integration")?.integrations.get(id.as_str()).cloned())
    }

    async fn integrations(&self, page: &Page) -> Result<ListPage<Stored<Integration>>, PortError> {
        let kept = self.up("list the integrations")?;
        Ok(part(kept.integrations.iter().map(|(key, entry)| (key.clone(), entry)), page))
    }

    async fn commit(&self, writes: &[Write], entry: &AuditEntry) -> Result<(), CommitError> {
        let faster = self.faster.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(faster) = faster {
            faster(self);
        }
        let mut kept = self.up("write a change")?;
        let lost = || PortError { action: "write a change".to_owned(), message: "there was no answer".to_owned() };
        if std::mem::take(&mut kept.fails_next_change) {
            return Err(lost().into());
        }
        if let Some(step) = writes.iter().position(|write| !kept.allows(write)) {
            return Err(CommitError::Conflict { step });
        }
        writes.iter().for_each(|write| kept.write(write));
        kept.trail.push(entry.clone());
        if std::mem::take(&mut kept.loses_next_answer) {
            return Err(lost().into());
        }
        Ok(())
    }

    async fn idempotency_record(&self, key: &str, now: Timestamp) -> Result<Option<IdempotencyRecord>, PortError> {
        let found = self.up("read a request")?.idempotency_records.get(key).cloned();
        Ok(found.filter(|idempotency_record| idempotency_record.until > now))
    }
}

impl Audit for Memory {
    async fn append(&self, entry: &AuditEntry) -> Result<(), PortError> {
        self.up("write the audit log")?.trail.push(entry.clone());
        Ok(())
    }

    async fn audit_log(&self, page: &Page) -> Result<ListPage<AuditEntry>, PortError> {
        let kept = self.up("read the audit log")?;
        Ok(part_back(kept.trail.iter().rev().map(|entry| (entry.id.clone(), entry)), page))
    }
}

impl Secrets for Memory {
    async fn store_key(&self, of: &str, key: &AccessKey) -> Result<String, PortError> {
        let mut kept = self.up("keep an access key")?;
        kept.secrets_made += 1;
        let name = format!("securityhub-exporter/managed/{of}/{}", kept.secrets_made);
        let AccessKey { access_key_id, secret_access_key, session_token } = key;
        let value = json!({ "access_key_id": access_key_id, "secret_access_key": secret_access_key, "session_token": session_token });
        kept.secrets.insert(name.clone(), value.to_string());
        Ok(name)
    }

    async fn delete_key(&self, secret: &str) -> Result<(), PortError> {
        self.up("remove a secret")?.secrets.remove(secret);
        Ok(())
    }
}

impl CheckLog for Memory {
    async fn connections(&self, provider: &ProviderId, page: &Page) -> Result<ListPage<Connection>, PortError> {
        let kept = self.up("read the connections")?;
        let ours = kept.connections.values().filter(|connection| connection.provider == *provider);
        Ok(part(ours.map(|connection| (connection.account.to_string(), connection)), page))
    }

    async fn delete_connections(&self, provider: &ProviderId) -> Result<(), PortError> {
        self.up("forget the connections")?.connections.retain(|_, connection| connection.provider != *provider);
        Ok(())
    }
}

impl RunLog for Memory {
    async fn history(&self, from: Date, to: Date) -> Result<HistoryPage, PortError> {
        let kept = self.up("read the history")?;
        let runs = kept.runs.iter().filter(|run| (from..=to).contains(&day_of(run.started_at)));
        let mut entries: Vec<_> = runs.filter_map(HistoryEntry::of).collect();
        let Some(days_max) = kept.history_days_max else { return Ok(HistoryPage { entries, next: None }) };
        let days: BTreeSet<Date> = entries.iter().map(HistoryEntry::day).collect();
        let next = days.into_iter().nth_back(days_max);
        entries.retain(|entry| next.is_none_or(|next| entry.day() > next));
        Ok(HistoryPage { entries, next })
    }

    async fn runs(&self, account: Option<AccountId>, page: &Page) -> Result<ListPage<RunReport>, PortError> {
        let kept = self.up("list the runs")?;
        let of = |run: &&RunReport| account.is_none_or(|account| run.accounts.contains_key(&account));
        Ok(part_back(kept.runs.iter().rev().filter(of).map(|run| (run.run_id.clone(), run)), page))
    }

    async fn run(&self, run_id: &str) -> Result<Option<RunReport>, PortError> {
        Ok(self.up("read a run")?.runs.iter().find(|run| run.run_id == run_id).cloned())
    }

    async fn quarantined(&self, run_id: &str, page: &Page) -> Result<Option<ListPage<Value>>, PortError> {
        Ok(lines(&self.up("read a quarantine")?.quarantine, run_id, page))
    }

    async fn pending(&self, run_id: &str, page: &Page) -> Result<Option<ListPage<Value>>, PortError> {
        Ok(lines(&self.up("read pending findings")?.pending, run_id, page))
    }
}

/// A page of what a run left.
fn lines(of_runs: &BTreeMap<String, Vec<Value>>, run_id: &str, page: &Page) -> Option<ListPage<Value>> {
    let entries = of_runs.get(run_id).into_iter().flatten().enumerate();
    let marked: Vec<_> = entries.map(|(number, entry)| (format!("{number:08}"), entry)).collect();
    let is_ours = page.after.as_ref().is_none_or(|after| marked.iter().any(|(mark, _)| mark == after));
    is_ours.then(|| part(marked.into_iter(), page))
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
        let kept = self.up("read how an account stands")?;
        Ok(kept.scanned.get(&account).map(|newest| ((*newest).into(), InDoubt::default())))
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
        self.kept().now.unwrap_or_else(Timestamp::now)
    }
}

impl Tests for Memory {
    async fn test(&self, provider: &ProviderId) -> Result<Tested, PortError> {
        let hangs = self.kept().tests_hang;
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut kept = self.up("test a connection")?;
        let found = kept.found.get(provider.as_str()).cloned();
        let nobody = || PortError { action: format!("test {provider}"), message: "nobody checks here".to_owned() };
        let found = found.ok_or_else(nobody)?;
        kept.connections.extend(found.iter().map(|connection| (connection.account, connection.clone())));
        let (unchecked, problems) = kept.missed.get(provider.as_str()).cloned().unwrap_or_default();
        Ok(Tested { connections: found, unchecked, problems })
    }
}

impl JobSubmitter for Memory {
    async fn submit(&self, record: &JobRecord) -> Result<(), PortError> {
        self.up("place a job")?.jobs.push(record.clone());
        Ok(())
    }

    async fn retry(&self, record: &JobRecord) -> Result<Option<JobRecord>, PortError> {
        let Some(pending) = record.retried(self.now()) else { return Ok(None) };
        Ok(self.record_job(&pending).await?.then_some(pending))
    }

    async fn job_report(&self, id: &str) -> Result<Option<JobReport>, PortError> {
        Ok(self.up("read the report of a job")?.job_reports.get(id).cloned())
    }

    async fn jobs(&self, page: &Page) -> Result<ListPage<JobRecord>, PortError> {
        let kept = self.up("list the jobs")?;
        Ok(part_back(kept.jobs.iter().rev().map(|record| (record.id.clone(), record)), page))
    }
}

impl JobStore for Memory {
    async fn job_record(&self, id: &str) -> Result<Option<JobRecord>, PortError> {
        Ok(self.up("read a job")?.jobs.iter().find(|record| record.id == id).cloned())
    }

    async fn record_job(&self, record: &JobRecord) -> Result<bool, PortError> {
        let mut kept = self.up("record a job")?;
        if kept.jobs.iter().any(|known| known.id == record.id && known.state.is_final()) {
            return Ok(false);
        }
        kept.jobs.retain(|known| known.id != record.id);
        kept.jobs.push(JobRecord { progress: None, ..record.clone() });
        Ok(true)
    }

    async fn record_progress(&self, id: &str, progress: &JobProgress) -> Result<bool, PortError> {
        let mut kept = self.up("record the progress of a job")?;
        let known = kept.jobs.iter_mut().find(|known| known.id == id && known.state == JobState::Pending);
        Ok(known.map(|known| known.progress = Some(progress.clone())).is_some())
    }

    async fn cancel_job(&self, record: &JobRecord) -> Result<(), PortError> {
        let mut kept = self.up("cancel a job")?;
        kept.jobs.retain(|known| known.id != record.id);
        kept.jobs.push(record.clone());
        Ok(())
    }
}

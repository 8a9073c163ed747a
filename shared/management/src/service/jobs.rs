//! What a user decides about earlier runs: it is in the audit log before it is submitted, and can be looked up afterwards.

use std::collections::BTreeMap;

use asff::{AccountId, RegionName};
use exporter::approval::Approval;
use exporter::integration::ArchiveScope;
use exporter::jobs::{Job, JobRecord, JobState, newer_run};
use exporter::registry::Page;
use exporter::report::{RunReport, RunStatus};
use uuid::Uuid;

use super::Service;
use super::kept::entry;
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{JobView, List};

/// Bytes of a job's id at most: a UUID, and what a part of the job is about.
const ID_BYTES_MAX: usize = 128;
/// Runs of an account that are searched for one of a newer scan.
const NEWER_RUNS_MAX: usize = 100;
/// What the audit log names as the target of a job that is about everything.
const EVERYTHING: &str = "all";

impl<P: Ports> Service<P> {
    /// Jobs the upload of a run to be exported again.
    ///
    /// # Errors
    ///
    /// When there is no such run, or it exported no object of S3.
    pub async fn replay(&self, caller: &Caller, run_id: &str) -> Result<JobView, ApiError> {
        let run = self.run(run_id).await?;
        replayable(&run)?;
        self.ordered(caller, "run.replay", Job::Replay { run_id: run_id.to_owned(), next_run_ids: Vec::new() }).await
    }

    /// Jobs the same, and that what is approved is archived.
    ///
    /// # Errors
    ///
    /// When there is no such run, nothing in it waits for this approval, or its scan is no longer the newest.
    pub async fn approve(&self, caller: &Caller, run_id: &str, approval: Approval) -> Result<JobView, ApiError> {
        let run = self.run(run_id).await?;
        if let Some(why) = approval.reason_without_effect(&run) {
            return Err(ApiError::RunState(why));
        }
        self.is_newest(&run, approval).await?;
        replayable(&run)?;
        // As it travels when nothing is named: only what is pending.
        let pending = approval.pending && approval.unproven;
        let job = Job::Approve { run_id: run_id.to_owned(), pending, unproven: approval.unproven };
        self.ordered(caller, "run.approve", job).await
    }

    /// Rejects the approval of a run whose scan is not the newest of any account that waits for it. The exporter makes sure of
    /// that again; here the newer run is known.
    async fn is_newest(&self, run: &RunReport, approval: Approval) -> Result<(), ApiError> {
        let mut outdated = None;
        for (account, _) in run.accounts_to_approve(approval) {
            let integration = self.ports.stored_integration(&account.into()).await?;
            if integration.is_none_or(|stored| stored.value.archive_scope != ArchiveScope::Full) {
                return Ok(());
            }
            let page = Page { limit: NEWER_RUNS_MAX, after: None };
            let runs = self.ports.runs(Some(account), &page).await?.entries;
            let Some(newer) = newer_run(run, account, &runs) else { return Ok(()) };
            let waits = newer.accounts.get(&account).is_some_and(|report| report.is_affected_by(approval));
            let look = format!("hubctl run show {}", newer.run_id);
            let command = if waits { newer.approve_command(approval) } else { look };
            let message = format!(
                "run {} can't be approved: its scan is no longer the newest of account {account}; that of run {} is",
                run.run_id, newer.run_id
            );
            outdated = Some(ApiError::RunOutdated { message, command });
        }
        outdated.map_or(Ok(()), Err)
    }

    /// jobs that what a run archived is made active again.
    ///
    /// # Errors
    ///
    /// When there is no such run, or it archived nothing.
    pub async fn undo_archive(&self, caller: &Caller, run_id: &str) -> Result<JobView, ApiError> {
        let run = self.run(run_id).await?;
        if run.counts.archived == 0 {
            return Err(ApiError::RunState(format!("run {run_id} ({}) archived nothing", run.status.as_str())));
        }
        self.ordered(caller, "run.undo_archive", Job::UndoArchive { run_id: run_id.to_owned() }).await
    }

    /// jobs that what is in quarantine is resent: what a run left there, or all.
    ///
    /// # Errors
    ///
    /// When there is no such run, or nothing of it lies there.
    pub async fn redrive(
        &self,
        caller: &Caller,
        run_id: Option<&str>,
        code: Option<String>,
    ) -> Result<JobView, ApiError> {
        if let Some(run_id) = run_id {
            let run = self.run(run_id).await?;
            if run.in_quarantine().is_empty() {
                let message = format!("of run {run_id} ({}) nothing is in quarantine", run.status.as_str());
                return Err(ApiError::RunState(message));
            }
        }
        self.ordered(caller, "run.redrive", Job::Redrive { run_id: run_id.map(str::to_owned), code }).await
    }

    /// jobs that what Security Hub holds is compared with what it was sent, and the difference fixed.
    ///
    /// # Errors
    ///
    /// When the job can't be placed.
    pub async fn reconcile(
        &self,
        caller: &Caller,
        account: Option<AccountId>,
        regions: Vec<RegionName>,
        dry_run: bool,
    ) -> Result<JobView, ApiError> {
        let provider = account.map(Into::into);
        self.ordered(caller, "findings.reconcile", Job::Reconcile { provider, regions, dry_run }).await
    }

    async fn ordered(&self, caller: &Caller, action: &str, job: Job) -> Result<JobView, ApiError> {
        let target = job.target().unwrap_or_else(|| EVERYTHING.to_owned());
        self.submit(caller, action, &target, job).await
    }

    /// Hands a job to the exporter, after the audit log says so.
    pub(super) async fn submit(
        &self,
        caller: &Caller,
        action: &str,
        target: &str,
        job: Job,
    ) -> Result<JobView, ApiError> {
        let entry = entry(self.ports.now(), caller, action.to_owned(), target, BTreeMap::new());
        self.ports.append(&entry).await?;
        self.enqueue(caller, job).await
    }

    /// Hands a job to the exporter.
    pub(super) async fn enqueue(&self, caller: &Caller, job: Job) -> Result<JobView, ApiError> {
        let record = JobRecord::new(Uuid::now_v7().to_string(), job, self.ports.now(), &caller.0);
        self.ports.submit(&record).await?;
        Ok(JobView::of(record))
    }

    /// How a job stands.
    ///
    /// # Errors
    ///
    /// When there is none under this id.
    pub async fn job_of(&self, id: &str) -> Result<JobView, ApiError> {
        self.find_job(id).await.map(|record| self.job_view(record))
    }

    async fn find_job(&self, id: &str) -> Result<JobRecord, ApiError> {
        // Ids of ours only: this becomes a key of the table.
        let ours = |letter: u8| letter.is_ascii_alphanumeric() || b"-.".contains(&letter);
        let is_ours = id.len() <= ID_BYTES_MAX && id.bytes().all(ours);
        let found = if is_ours { self.ports.job_record(id).await? } else { None };
        found.ok_or_else(|| ApiError::JobNotFound(id.chars().take(ID_BYTES_MAX).collect()))
    }

    /// The jobs, newest first.
    ///
    /// # Errors
    ///
    /// When the table does not answer.
    pub async fn jobs(&self, page: &Page) -> Result<List<JobView>, ApiError> {
        Ok(List::of(self.ports.jobs(page).await?, |record| self.job_view(record)))
    }

    /// A job as it is shown. One whose last attempt was aborted failed, too.
    fn job_view(&self, record: JobRecord) -> JobView {
        let state = if record.is_failed(self.ports.now()) { JobState::Failed } else { record.state };
        JobView::of(JobRecord { state, ..record })
    }

    /// Submits a job again whose last attempt failed, and whose message is in the dead-letter queue. A job that is pending stays
    /// as it is.
    ///
    /// # Errors
    ///
    /// When there is no such job, or it is complete.
    pub async fn retry_job(&self, caller: &Caller, id: &str) -> Result<JobView, ApiError> {
        let record = self.find_job(id).await?;
        if record.state.is_final() {
            let state = record.state.as_str();
            let message = format!("job {id} is {state}; only a failed job can be retried");
            return Err(ApiError::JobState { id: record.id, message });
        }
        if !record.is_failed(self.ports.now()) {
            return Ok(self.job_view(record));
        }
        let entry = entry(self.ports.now(), caller, "job.retry".to_owned(), id, BTreeMap::new());
        self.ports.append(&entry).await?;
        match self.ports.retry(&record).await? {
            Some(pending) => Ok(self.job_view(pending)),
            // It was completed, or retried, in the meantime.
            None => self.job_of(id).await,
        }
    }
}

fn replayable(run: &RunReport) -> Result<(), ApiError> {
    if run.status == RunStatus::Running {
        return Err(ApiError::RunState(format!("run {} is still at work", run.run_id)));
    }
    if !run.upload.source.starts_with("s3://") {
        let message = format!(
            "run {0} exported {1}, which only hubctl can reach: hubctl run replay {0} --local",
            run.run_id, run.upload.source
        );
        return Err(ApiError::RunState(message));
    }
    Ok(())
}

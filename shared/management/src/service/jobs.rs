//! Jobs about earlier runs. A job is recorded in the audit log before it is submitted, and its state can be queried afterwards.

use std::collections::BTreeMap;

use asff::{AccountId, RegionName};
use exporter::jobs::{Job, JobRecord, JobState, newer_run};
use exporter::model::approval::Approval;
use exporter::model::integration::ArchiveScope;
use exporter::ports::settings_store::{AuditEntry, Page};
use exporter::report::{RunReport, RunStatus};
use uuid::Uuid;

use super::Service;
use super::resource::entry;
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{JobView, List};

/// Maximum length of a job ID in bytes. It is a UUID, followed by the account if the job was fanned out.
const ID_BYTES_MAX: usize = 128;
/// Number of an account's runs that are searched for a newer scan.
const NEWER_RUNS_MAX: usize = 100;
/// Audit log target of a job for all accounts.
const ALL_TARGETS: &str = "all";

impl<P: Ports> Service<P> {
    /// Submits a replay of a run's upload.
    ///
    /// # Errors
    ///
    /// If the run doesn't exist, or did not export an S3 object.
    pub async fn replay(&self, caller: &Caller, run_id: &str, reason: Option<String>) -> Result<JobView, ApiError> {
        let run = self.run(run_id).await?;
        ensure_replayable(&run)?;
        let job = Job::Replay { run_id: run_id.to_owned(), next_run_ids: Vec::new() };
        self.submit_for(caller, "run.replay", job, reason).await
    }

    /// Submits an approval: a replay that also archives the approved findings.
    ///
    /// # Errors
    ///
    /// If the run doesn't exist or has no findings that this approval covers, or if a newer scan was exported.
    pub async fn approve(
        &self,
        caller: &Caller,
        run_id: &str,
        approval: Approval,
        reason: Option<String>,
    ) -> Result<JobView, ApiError> {
        let run = self.run(run_id).await?;
        if let Some(reason) = approval.reason_without_effect(&run) {
            return Err(ApiError::InvalidRunState(reason));
        }
        self.is_newest(&run, approval).await?;
        ensure_replayable(&run)?;
        // A job that approves only pending findings is serialized without options.
        let pending = approval.pending && approval.unproven;
        let job = Job::Approve { run_id: run_id.to_owned(), pending, unproven: approval.unproven };
        self.submit_for(caller, "run.approve", job, reason).await
    }

    /// Rejects the approval of a run if each account that requires it has a newer scan. The exporter checks this again, but only
    /// here the error message can name the newer run.
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
            let needs_approval = newer.accounts.get(&account).is_some_and(|report| report.is_affected_by(approval));
            let show_command = format!("hubctl run show {}", newer.run_id);
            let command = if needs_approval { newer.approve_command(approval) } else { show_command };
            let message = format!(
                "run {} can't be approved: its scan is no longer the newest of account {account}; that of run {} is",
                run.run_id, newer.run_id
            );
            outdated = Some(ApiError::RunSuperseded { message, command });
        }
        outdated.map_or(Ok(()), Err)
    }

    /// Submits the reactivation of findings that a run archived.
    ///
    /// # Errors
    ///
    /// If the run doesn't exist, or archived nothing.
    pub async fn undo_archive(
        &self,
        caller: &Caller,
        run_id: &str,
        reason: Option<String>,
    ) -> Result<JobView, ApiError> {
        let run = self.run(run_id).await?;
        if run.counts.archived == 0 {
            return Err(ApiError::InvalidRunState(format!("run {run_id} ({}) archived nothing", run.status.as_str())));
        }
        let job = Job::UndoArchive { run_id: run_id.to_owned() };
        self.submit_for(caller, "run.undo_archive", job, reason).await
    }

    /// Submits a redrive of quarantined findings, of one run or all.
    ///
    /// # Errors
    ///
    /// If the run doesn't exist, or has no quarantined findings.
    pub async fn redrive(
        &self,
        caller: &Caller,
        run_id: Option<&str>,
        code: Option<String>,
        reason: Option<String>,
    ) -> Result<JobView, ApiError> {
        if let Some(run_id) = run_id {
            let run = self.run(run_id).await?;
            if run.in_quarantine().is_empty() {
                let message = format!("run {run_id} ({}) has no quarantined findings", run.status.as_str());
                return Err(ApiError::InvalidRunState(message));
            }
        }
        let job = Job::Redrive { run_id: run_id.map(str::to_owned), code };
        self.submit_for(caller, "run.redrive", job, reason).await
    }

    /// Submits a reconciliation of Security Hub with the export state.
    ///
    /// # Errors
    ///
    /// If the job can't be submitted.
    pub async fn reconcile(
        &self,
        caller: &Caller,
        account: Option<AccountId>,
        regions: Vec<RegionName>,
        dry_run: bool,
        reason: Option<String>,
    ) -> Result<JobView, ApiError> {
        let provider = account.map(Into::into);
        self.submit_for(caller, "findings.reconcile", Job::Reconcile { provider, regions, dry_run }, reason).await
    }

    async fn submit_for(
        &self,
        caller: &Caller,
        action: &str,
        job: Job,
        reason: Option<String>,
    ) -> Result<JobView, ApiError> {
        let target = job.target().unwrap_or_else(|| ALL_TARGETS.to_owned());
        self.submit(caller, action, &target, job, reason).await
    }

    /// Records a job in the audit log, then submits it.
    pub(super) async fn submit(
        &self,
        caller: &Caller,
        action: &str,
        target: &str,
        job: Job,
        reason: Option<String>,
    ) -> Result<JobView, ApiError> {
        let entry = entry(self.ports.now(), caller, action.to_owned(), target, BTreeMap::new());
        self.ports.append(&AuditEntry { reason: reason.clone(), ..entry }).await?;
        self.enqueue(caller, job, reason).await
    }

    /// Submits a job.
    pub(super) async fn enqueue(&self, caller: &Caller, job: Job, reason: Option<String>) -> Result<JobView, ApiError> {
        let record = JobRecord::new(Uuid::now_v7().to_string(), job, self.ports.now(), &caller.0).with_reason(reason);
        self.ports.submit(&record).await?;
        Ok(JobView::of(record))
    }

    /// Reads a job, with its report if it has one.
    ///
    /// # Errors
    ///
    /// If the job doesn't exist.
    pub async fn job(&self, id: &str) -> Result<JobView, ApiError> {
        let record = self.find_job(id).await?;
        let has_report = record.job.is_report() && record.state == JobState::Succeeded;
        let view = self.job_view(record);
        if has_report { self.with_report(view).await } else { Ok(view) }
    }

    async fn find_job(&self, id: &str) -> Result<JobRecord, ApiError> {
        // The ID becomes a key of the table, so that only valid IDs are looked up.
        let is_id_char = |letter: u8| letter.is_ascii_alphanumeric() || b"-.".contains(&letter);
        let is_valid = id.len() <= ID_BYTES_MAX && id.bytes().all(is_id_char);
        let found = if is_valid { self.ports.job_record(id).await? } else { None };
        found.ok_or_else(|| ApiError::JobNotFound(id.chars().take(ID_BYTES_MAX).collect()))
    }

    /// The jobs, newest first.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn jobs(&self, page: &Page) -> Result<List<JobView>, ApiError> {
        Ok(List::of(self.ports.jobs(page).await?, |record| self.job_view(record)))
    }

    /// Converts a job to its API representation. A job whose last attempt was aborted counts as failed.
    fn job_view(&self, record: JobRecord) -> JobView {
        let state = if record.is_failed(self.ports.now()) { JobState::Failed } else { record.state };
        JobView::of(JobRecord { state, ..record })
    }

    /// Submits a job again if its last attempt failed and its message is in the dead-letter queue. A pending job is returned
    /// unchanged. The job keeps its original reason; the reason of the retry is saved in the audit log.
    ///
    /// # Errors
    ///
    /// If the job doesn't exist, or is complete.
    pub async fn retry_job(&self, caller: &Caller, id: &str, reason: Option<String>) -> Result<JobView, ApiError> {
        let record = self.find_job(id).await?;
        if record.state.is_final() {
            let state = record.state.as_str();
            let message = format!("job {id} is {state}; only a failed job can be retried");
            return Err(ApiError::InvalidJobState { id: record.id, message });
        }
        if !record.is_failed(self.ports.now()) {
            return Ok(self.job_view(record));
        }
        let entry = entry(self.ports.now(), caller, "job.retry".to_owned(), id, BTreeMap::new());
        self.ports.append(&AuditEntry { reason, ..entry }).await?;
        match self.ports.retry(&record).await? {
            Some(pending) => Ok(self.job_view(pending)),
            // The job was completed or retried in the meantime.
            None => self.job(id).await,
        }
    }
}

fn ensure_replayable(run: &RunReport) -> Result<(), ApiError> {
    if run.status == RunStatus::Running {
        return Err(ApiError::InvalidRunState(format!("run {} is still running", run.run_id)));
    }
    if !run.upload.source.starts_with("s3://") {
        let message = format!(
            "the upload of run {0}, {1}, is available only locally: hubctl run replay {0} --local",
            run.run_id, run.upload.source
        );
        return Err(ApiError::InvalidRunState(message));
    }
    Ok(())
}

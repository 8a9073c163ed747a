//! Runs a job.

use std::sync::Arc;

use asff::AccountId;
use jiff::Timestamp;

use super::approvable::ensure_run_approvable;
use super::error::JobError;
use super::error::RunnerError;
use super::job::Job;
use super::job_report::{report_explanation, report_plan};
use super::reconcile::Reconcile;
use super::record::{JobState, JobStore};
use super::redrive::Redrive;
use super::replay::replay;
use super::runner::{JobRunner, Options};
use crate::model::approval::Approval;
use crate::model::provider::ProviderId;
use crate::model::settings::Settings;
use crate::ports::report_store::read_report;
use crate::ports::{PortError, Ports, Scans};
use crate::report::{RunReport, RunStatus};

/// Runs a job, and returns its runs. If one of them must be retried, the same job must be run again.
///
/// # Errors
///
/// When the job can't be run, or did not lead to a report.
pub async fn run_job<P: Ports + Scans + JobStore>(
    ports: &Arc<P>,
    settings: &Settings,
    job: &Job,
    options: &Options,
) -> Result<Vec<RunReport>, JobError> {
    let runner = JobRunner::new(ports.clone(), settings.clone());
    // Only a job with a single run may continue the record of a run.
    let several = Options { run_id: None, ..options.clone() };
    let options = if job.has_one_run() { options } else { &several };
    Ok(match job {
        Job::Replay { run_id, .. } => vec![replay(ports, settings, run_id, Approval::default(), options).await?],
        Job::Approve { run_id, pending, unproven } => {
            ensure_run_approvable(ports.as_ref(), run_id, Approval::for_job(*pending, *unproven)).await?;
            vec![replay(ports, settings, run_id, Approval::for_job(*pending, *unproven), options).await?]
        }
        Job::UndoArchive { run_id } => {
            cancel_job_of_run(ports.as_ref(), run_id).await?;
            vec![runner.undo_archive(run_id, options).await?]
        }
        Job::Redrive { run_id, code } => {
            runner.redrive(&Redrive { run_id: run_id.clone(), code: code.clone() }, options).await?
        }
        Job::Reconcile { provider, regions, dry_run } => {
            let what = Reconcile { regions: regions.clone(), dry_run: *dry_run };
            let accounts = match provider {
                Some(provider) => accounts_of_provider(ports.as_ref(), provider).await?,
                None => accounts_with_state(ports.as_ref()).await?,
            };
            let mut runs = Vec::new();
            for account in accounts {
                runs.push(runner.reconcile(account, &what, options).await?);
            }
            runs
        }
        Job::Plan { source } => {
            report_plan(ports, settings, source, options).await?;
            Vec::new()
        }
        Job::Explain { finding_id, live } => {
            report_explanation(ports.as_ref(), finding_id, *live, options).await?;
            Vec::new()
        }
        Job::ArchiveAll { provider, deletion_requested_at } => {
            archive_all(ports.as_ref(), &runner, provider, *deletion_requested_at, options).await?
        }
    })
}

async fn archive_all<P: Ports>(
    ports: &P,
    runner: &JobRunner<P>,
    provider: &ProviderId,
    deletion_requested_at: Option<Timestamp>,
    options: &Options,
) -> Result<Vec<RunReport>, JobError> {
    let mut runs = Vec::new();
    let mut rejected = Vec::new();
    let mut transient = None;
    for account in accounts_of_provider(ports, provider).await? {
        match runner.archive_all(account, provider, deletion_requested_at, options).await {
            Ok(run) => {
                let is_out_of_time = run.status == RunStatus::Unfinished;
                runs.push(run);
                if is_out_of_time {
                    break;
                }
            }
            // An account that can't be reached does not prevent others from being archived.
            Err(RunnerError::Rejected(message)) => rejected.push(message),
            Err(error) => transient = transient.or(Some(error)),
        }
    }
    if let Some(error) = transient {
        return Err(error.into());
    }
    // The next attempt finds the rejected accounts again.
    if runs.iter().any(|run| run.status.should_retry()) {
        return Ok(runs);
    }
    let Some(since) = deletion_requested_at else {
        return if rejected.is_empty() { Ok(runs) } else { Err(partly_rejected(rejected.join("; "), runs)) };
    };
    // Findings whose archiving is rejected by Security Hub, or denied in a Region, stay active after any number of
    // retries: the run is then degraded.
    let left = runs.iter().filter(|run| !matches!(run.status, RunStatus::Succeeded | RunStatus::Degraded));
    rejected.extend(left.map(|run| format!("run {} is {}", run.run_id, run.status.as_str())));
    if rejected.is_empty() && !ports.delete_after_archive(provider, since).await? {
        rejected.push("its deletion was canceled, or another request deletes it".to_owned());
    }
    if rejected.is_empty() {
        return Ok(runs);
    }
    let why = format!(
        "the integration of {provider} is not deleted: {}; fix the cause, then run: hubctl integration delete \
         {provider} --archive",
        rejected.join("; ")
    );
    Err(partly_rejected(why, runs))
}

/// The error for a job that can't be run: entirely rejected if it has no runs.
fn partly_rejected(why: String, runs: Vec<RunReport>) -> JobError {
    if runs.is_empty() { JobError::Rejected(why) } else { JobError::PartlyRejected { why, runs } }
}

/// Cancels the job of a run whose archived findings are about to be reactivated: a retry of the job would archive them
/// again.
async fn cancel_job_of_run<P: Ports + JobStore>(ports: &P, run_id: &str) -> Result<(), PortError> {
    let Some(run) = read_report(ports, run_id).await?.filter(|run| run.counts.archived > 0) else { return Ok(()) };
    let Some(id) = &run.job_id else { return Ok(()) };
    let Some(record) = ports.job_record(id).await? else { return Ok(()) };
    // A deletion is canceled by enabling the integration; until then its findings are not reactivated.
    if matches!(record.job, Job::ArchiveAll { .. }) {
        return Ok(());
    }
    let why = format!("a user reactivated the findings that its run {run_id} archived");
    ports.cancel_job(&record.completed(JobState::Canceled, Some(why), ports.now())).await
}

/// All accounts with a state.
///
/// # Errors
///
/// When the state bucket does not respond.
pub async fn accounts_with_state<P: Ports>(ports: &P) -> Result<Vec<AccountId>, PortError> {
    let account = |key: String| key.strip_prefix("state/")?.split('/').next()?.parse().ok();
    let mut accounts: Vec<AccountId> = ports.keys("state/").await?.into_iter().filter_map(account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    Ok(accounts)
}

/// The account itself, or the accounts of an organization that have a state.
pub(super) async fn accounts_of_provider<P: Ports>(
    ports: &P,
    provider: &ProviderId,
) -> Result<Vec<AccountId>, PortError> {
    if let ProviderId::Account(account) = provider {
        return Ok(vec![*account]);
    }
    let mut accounts = Vec::new();
    for account in accounts_with_state(ports).await? {
        let integration = ports.integration(&account).await?;
        if integration.is_some_and(|integration| integration.provider == *provider) {
            accounts.push(account);
        }
    }
    Ok(accounts)
}

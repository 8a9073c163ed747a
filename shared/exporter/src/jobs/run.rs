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
use crate::approval::Approval;
use crate::ports::{PortError, Ports, Scans};
use crate::provider::ProviderId;
use crate::report::{RunReport, RunStatus};
use crate::report_store::read_report;
use crate::settings::Settings;

/// Runs a job. Its runs; one that wants another try asks for the same job again.
///
/// # Errors
///
/// When it can't be run, or came to no report.
pub async fn run_job<P: Ports + Scans + JobStore>(
    ports: &Arc<P>,
    settings: &Settings,
    job: &Job,
    options: &Options,
) -> Result<Vec<RunReport>, JobError> {
    let runner = JobRunner::new(ports.clone(), settings.clone());
    // Only what has one run may continue the record of one.
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
    let mut refused = Vec::new();
    let mut passing = None;
    for account in accounts_of_provider(ports, provider).await? {
        match runner.archive_all(account, provider, deletion_requested_at, options).await {
            Ok(run) => {
                let is_out_of_time = run.status == RunStatus::Unfinished;
                runs.push(run);
                if is_out_of_time {
                    break;
                }
            }
            // One account that can't be reached keeps no other from being archived.
            Err(RunnerError::Rejected(message)) => refused.push(message),
            Err(error) => passing = passing.or(Some(error)),
        }
    }
    if let Some(error) = passing {
        return Err(error.into());
    }
    // The next try finds again what is rejected.
    if runs.iter().any(|run| run.status.should_retry()) {
        return Ok(runs);
    }
    let Some(since) = deletion_requested_at else {
        return if refused.is_empty() { Ok(runs) } else { Err(partly_rejected(refused.join("; "), runs)) };
    };
    // What Security Hub rejects to archive, or a Region denies, stays active whatever is tried: a degraded run says so.
    let left = runs.iter().filter(|run| !matches!(run.status, RunStatus::Succeeded | RunStatus::Degraded));
    refused.extend(left.map(|run| format!("run {} is {}", run.run_id, run.status.as_str())));
    if refused.is_empty() && !ports.delete_after_archive(provider, since).await? {
        refused.push("its removal was canceled, or is left to others".to_owned());
    }
    if refused.is_empty() {
        return Ok(runs);
    }
    let why = format!(
        "the integration of {provider} is not deleted: {}; when that is fixed, hubctl integration delete {provider} \
         --archive goes on",
        refused.join("; ")
    );
    Err(partly_rejected(why, runs))
}

/// What can't be run: all of it, where nothing was done.
fn partly_rejected(why: String, runs: Vec<RunReport>) -> JobError {
    if runs.is_empty() { JobError::Rejected(why) } else { JobError::PartlyRejected { why, runs } }
}

/// Sees to it that the job which a run belongs to is not tried again, when what the run archived is about to be undone:
/// it would archive that again.
async fn cancel_job_of_run<P: Ports + JobStore>(ports: &P, run_id: &str) -> Result<(), PortError> {
    let Some(run) = read_report(ports, run_id).await?.filter(|run| run.counts.archived > 0) else { return Ok(()) };
    let Some(id) = &run.job_id else { return Ok(()) };
    let Some(record) = ports.job_record(id).await? else { return Ok(()) };
    // A removal is canceled by enabling the integration; until then nothing of it is made active again.
    if matches!(record.job, Job::ArchiveAll { .. }) {
        return Ok(());
    }
    let why = format!("a user had what its run {run_id} archived made active again");
    ports.cancel_job(&record.completed(JobState::Canceled, Some(why), ports.now())).await
}

/// All accounts that have a state.
///
/// # Errors
///
/// When the state bucket does not answer.
pub async fn accounts_with_state<P: Ports>(ports: &P) -> Result<Vec<AccountId>, PortError> {
    let account = |key: String| key.strip_prefix("state/")?.split('/').next()?.parse().ok();
    let mut accounts: Vec<AccountId> = ports.keys("state/").await?.into_iter().filter_map(account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    Ok(accounts)
}

/// The account, or the accounts of an organization of which anything was sent.
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

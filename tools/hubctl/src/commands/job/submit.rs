//! Submits jobs to the deployment and waits for them, or runs them on this machine with `--local`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use anyhow::Result;
use aws::{Caller, Cloud};
use exporter::jobs::Options;
use exporter::jobs::{Job, JobError, run_job};
use exporter::model::approval::Approval;
use exporter::model::settings::Settings;
use exporter::ports::settings_store::{Audit as _, AuditEntry};
use exporter::progress::Progress;
use exporter::report::RunReport;
use jiff::Timestamp;
use management::wire::JobView;
use serde_json::json;
use uuid::Uuid;

use super::outcome::Outcome;
pub(crate) use super::outcome::rejection;
use super::wait;
use crate::args::reason::ReasonOption;
use crate::client::{ConnectionArgs, Management, Request, read, segment};
use crate::commands::export::{Work, work};
use crate::config::{Format, Global};
use crate::deployment::{self, Connected};
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::progress::Watch;
use crate::render::run_report;
use crate::render::{Output, text};

/// Target in the audit log of a job that applies to all accounts.
const ALL_TARGETS: &str = "all";

/// Options of a job.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ExecutionOptions {
    /// Return immediately instead of waiting for the job to finish
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    pub(crate) reason: ReasonOption,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// The result of submitting a job.
pub(crate) enum Submitted {
    /// The job is in the deployment's queue; the command does not wait for it.
    Queued(Box<JobView>),
    /// The job was run, at least in part.
    Finished(Outcome),
}

impl ExecutionOptions {
    /// Rejects options that only a deployment supports. `option` selects the local execution.
    pub(crate) fn check_local(&self, option: &str) -> Result<(), Failure> {
        if self.no_wait {
            return Err(misplaced("--no-wait", "the deployment runs").hint(format!("omit {option} or --no-wait")));
        }
        Ok(())
    }

    /// Rejects options that have no effect without a deployment.
    pub(crate) fn check_standalone(&self) -> Result<(), Failure> {
        if self.reason.text.is_some() {
            return Err(misplaced("--reason", "a deployment records").hint("omit it: --state has no audit log"));
        }
        self.check_local("--state")
    }

    /// Rejects options that don't apply to where the job runs.
    pub(crate) fn check(&self, connection_args: &ConnectionArgs) -> Result<(), Failure> {
        if connection_args.local {
            return self.check_local("--local");
        }
        if self.work.has_custom_rate() {
            let hint = "add --local; the deployment's rate limit is a parameter of its template";
            return Err(misplaced("--calls-per-second", "this machine runs").hint(hint));
        }
        Ok(())
    }
}

/// `which`: the jobs that the option applies to.
fn misplaced(option: &str, which: &str) -> Failure {
    Failure::new(Exit::Usage, format!("{option} applies only to jobs that {which}"))
}

/// Submits or runs a job. `retry_command`: the command that repeats it.
pub(crate) fn submit(
    job: &Job,
    retry_command: &str,
    execution: &ExecutionOptions,
    connection_args: &ConnectionArgs,
    global: &Global,
    output: &Output,
) -> Result<Submitted> {
    execution.check(connection_args)?;
    deployment::block_on(async {
        if connection_args.local {
            let connected = deployment::connect(global).await?;
            if !matches!(job, Job::Reconcile { dry_run: true, .. }) {
                record_audit(job, execution.reason.text.clone(), &connected).await?;
            } else if execution.reason.text.is_some() {
                let failure = misplaced("--reason", "change something or that the deployment runs");
                return Err(failure.hint("omit it: a local dry run is not in the audit log").into());
            }
            let origin = Origin::workstation(global, true, connected.state());
            let retry_command = origin.command(retry_command);
            let runs =
                run_locally(job, &retry_command, execution.work.settings(&origin), &connected.cloud, output).await?;
            return Ok(Submitted::Finished(Outcome { runs, refused: Vec::new() }));
        }
        run_remotely(job, execution, &connection_args.connect(global).await?, output).await
    })
}

/// Records a local job in the audit log before it runs. For a job of the deployment, the API does so.
pub(crate) async fn record_audit(job: &Job, reason: Option<String>, connected: &Connected) -> Result<()> {
    let caller = Caller::of(&connected.config).await.map_err(|error| deployment::port(&error))?;
    let entry = AuditEntry {
        id: Uuid::now_v7().to_string(),
        at: Timestamp::now(),
        by: caller.arn,
        action: action(job).to_owned(),
        target: job.target().unwrap_or_else(|| ALL_TARGETS.to_owned()),
        reason,
        changes: BTreeMap::new(),
    };
    connected.cloud.append(&entry).await.map_err(|error| deployment::port(&error))?;
    Ok(())
}

/// Action of a job in the audit log, the same as the API's.
fn action(job: &Job) -> &'static str {
    match job {
        Job::Replay { .. } => "run.replay",
        Job::Approve { .. } => "run.approve",
        Job::UndoArchive { .. } => "run.undo_archive",
        Job::Redrive { .. } => "run.redrive",
        Job::Reconcile { .. } => "findings.reconcile",
        Job::ArchiveAll { .. } => "integration.archive_all",
        Job::Plan { .. } => "upload.plan",
        Job::Explain { .. } => "finding.explain",
    }
}

/// Submits a job to the deployment.
pub(crate) async fn run_remotely(
    job: &Job,
    execution: &ExecutionOptions,
    management: &Management,
    output: &Output,
) -> Result<Submitted> {
    let answer = management.send(request(job, &execution.reason)?).await?;
    let message: JobView = read(&answer.body)?;
    if execution.no_wait {
        return Ok(Submitted::Queued(Box::new(message)));
    }
    let settled = wait::completed(management, message, output).await?;
    if let (Some(why), []) = (settled.refused.first(), settled.runs.as_slice()) {
        return Err(Failure::new(Exit::Error, why).hint("to list jobs: hubctl job list").into());
    }
    Ok(Submitted::Finished(settled))
}

/// A job as a request to the API.
fn request(job: &Job, reason: &ReasonOption) -> Result<Request, Failure> {
    let mut body = reason.body();
    if let Job::Approve { pending, unproven, .. } = job {
        let approval = Approval::for_job(*pending, *unproven);
        let fields = body.get_or_insert_with(|| json!({}));
        fields["pending"] = approval.pending.into();
        fields["unproven"] = approval.unproven.into();
    }
    Ok(Request::post_action_with(path(job)?, body))
}

/// The API's path for a job.
fn path(job: &Job) -> Result<String, Failure> {
    let of_run = |run_id: &str, verb: &str| format!("/runs/{}/{verb}", segment(run_id));
    Ok(match job {
        Job::Replay { run_id, .. } => of_run(run_id, "replay"),
        Job::Approve { run_id, .. } => of_run(run_id, "approve"),
        Job::UndoArchive { run_id } => of_run(run_id, "undo-archive"),
        Job::Redrive { run_id, code } => {
            let location =
                run_id.as_ref().map_or("/quarantine".to_owned(), |run_id| format!("/runs/{}", segment(run_id)));
            let code = code.as_ref().map_or(String::new(), |code| format!("?code={}", segment(code)));
            format!("{location}/redrive{code}")
        }
        Job::Reconcile { provider, regions, dry_run } => {
            let mut address = format!("/findings/reconcile?dry_run={dry_run}");
            if let Some(provider) = provider {
                address.push_str(&format!("&account={provider}"));
            }
            if !regions.is_empty() {
                let names: Vec<_> = regions.iter().map(ToString::to_string).collect();
                address.push_str(&format!("&regions={}", names.join(",")));
            }
            address
        }
        Job::Plan { .. } => "/plan".to_owned(),
        Job::Explain { .. } => "/findings/explain".to_owned(),
        Job::ArchiveAll { provider, .. } => {
            return Err(Failure::new(Exit::Usage, "to archive all findings, delete the integration")
                .hint(format!("hubctl integration delete {provider} --archive")));
        }
    })
}

async fn run_locally(
    job: &Job,
    retry_command: &str,
    settings: Settings,
    cloud: &Arc<Cloud>,
    output: &Output,
) -> Result<Vec<RunReport>> {
    with_progress(retry_command, output, async |options| run_job(cloud, &settings, job, &options).await).await
}

/// Runs a local job with a progress message. `retry_command`: the command that repeats it.
pub(crate) async fn with_progress(
    retry_command: &str,
    output: &Output,
    work: impl AsyncFnOnce(Options) -> Result<Vec<RunReport>, JobError>,
) -> Result<Vec<RunReport>> {
    let progress = Arc::new(Progress::default());
    let seen = progress.clone();
    let look = move || (0, format!("{} sent", text::count(seen.findings_sent())));
    let watch = Watch::begin(output.err_style, None, look);
    let done = tokio::select! {
        done = work(Options { progress, ..Options::default() }) => done,
        _ = tokio::signal::ctrl_c() => {
            drop(watch);
            return Err(Failure::new(Exit::Error, "interrupted; findings in flight may have arrived")
                .hint(format!("the account's lock expires within 15 minutes; then retry: {retry_command}"))
                .into());
        }
    };
    drop(watch);
    done.map_err(|error| failed(&error, retry_command).into())
}

/// The failure of a local job.
pub(crate) fn failed(error: &JobError, retry_command: &str) -> Failure {
    match error {
        JobError::Rejected(message) | JobError::PartlyRejected { why: message, .. } => rejection(message),
        JobError::Locked(message) => Failure::new(Exit::Error, message).hint(retry_command),
        JobError::Unfinished { .. } => Failure::new(Exit::Findings, error.to_string()).hint(retry_command),
        JobError::Failed(error) => work::failed(error, retry_command),
    }
}

/// Reports a submitted job.
pub(crate) fn report_submitted(job: &JobView, output: &mut Output) -> Result<Exit> {
    match output.format {
        Format::Json => output.json(job)?,
        Format::Table => output.line(format!("Submitted. To see its state: hubctl job show {}", job.id))?,
    }
    Ok(Exit::Success)
}

/// Reports the runs of a job. A single run as in `hubctl run show`.
pub(crate) fn conclude(work: &Work, outcome: &Outcome, origin: &Origin, output: &mut Output) -> Result<Exit> {
    let runs: Vec<_> = outcome.runs.iter().map(|run| origin.complete(run)).collect();
    work.save_report(&runs)?;
    match output.format {
        Format::Json => output.json(&runs)?,
        Format::Table if runs.is_empty() => output.note("Nothing to do.")?,
        Format::Table => write_each(&runs, output, |run, output| run_report::write(run, origin, output))?,
    }
    warn(&outcome.refused, output)?;
    Ok(if outcome.refused.is_empty() { exit(&runs) } else { Exit::Error })
}

/// Reports a job with one run.
pub(crate) fn conclude_one(work: &Work, outcome: &Outcome, origin: &Origin, output: &mut Output) -> Result<Exit> {
    match outcome.runs.as_slice() {
        [run] if outcome.refused.is_empty() => work::conclude(work, run, origin, output),
        _ => conclude(work, outcome, origin, output),
    }
}

/// Warns about parts that were not run.
pub(crate) fn warn(refused: &[String], output: &mut Output) -> io::Result<()> {
    refused.iter().try_for_each(|why| output.warning(why, None))
}

/// The most severe exit code of the runs.
pub(super) fn exit(runs: &[RunReport]) -> Exit {
    runs.iter().map(run_report::exit).max_by_key(|exit| exit.severity()).unwrap_or(Exit::Success)
}

/// Writes each run, separated by empty lines.
pub(super) fn write_each(
    runs: &[RunReport],
    output: &mut Output,
    write: impl Fn(&RunReport, &mut Output) -> io::Result<()>,
) -> io::Result<()> {
    for (index, run) in runs.iter().enumerate() {
        if index > 0 {
            output.line("")?;
        }
        write(run, output)?;
    }
    Ok(())
}

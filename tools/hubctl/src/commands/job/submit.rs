//! What an operator jobs about earlier runs: done by the deployment, and waited for, or with `--local` on this machine.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use anyhow::Result;
use aws::{Caller, Cloud};
use exporter::approval::Approval;
use exporter::jobs::Options;
use exporter::jobs::{Job, JobError, run_job};
use exporter::progress::Progress;
use exporter::registry::{Audit as _, AuditEntry};
use exporter::report::RunReport;
use exporter::settings::Settings;
use jiff::Timestamp;
use management::wire::JobView;
use serde_json::json;
use uuid::Uuid;

use super::outcome::Outcome;
use super::wait;
use crate::client::{ConnectionArgs, Management, Request, read, segment};
use crate::commands::export::{Work, work};
use crate::config::{Format, Global};
use crate::deployment::{self, Connected};
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::progress::Watch;
use crate::render::run_report;
use crate::render::{Output, text};

/// What the audit log names as the target of a job that is about everything.
const EVERYTHING: &str = "all";

/// How a job runs.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ExecutionOptions {
    /// Do not wait for the deployment to carry it out
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// The result of submitting a job.
pub(crate) enum Submitted {
    /// It is on the queue of the deployment, and nobody waits for it.
    Queued(JobView),
    /// It was run, or what could be of it.
    Done(Outcome),
}

impl ExecutionOptions {
    /// Makes sure that nothing is asked for that only a deployment can do. `option` says that it is done here.
    pub(crate) fn check_here(&self, option: &str) -> Result<(), Failure> {
        if self.no_wait {
            return Err(misplaced("--no-wait", "the deployment").hint(format!("leave out {option} or --no-wait")));
        }
        Ok(())
    }

    /// Makes sure that what is asked for fits the place where it is done.
    pub(crate) fn check(&self, reach: &ConnectionArgs) -> Result<(), Failure> {
        if reach.local {
            return self.check_here("--local");
        }
        if self.work.has_own_pace() {
            let hint = "add --local; the deployment's pace is the parameter of its template";
            return Err(misplaced("--calls-per-second", "this machine").hint(hint));
        }
        Ok(())
    }
}

fn misplaced(option: &str, place: &str) -> Failure {
    Failure::new(Exit::Usage, format!("{option} is for jobs that {place} runs"))
}

/// Runs a job. `again`: the command that does the same again.
pub(crate) fn submit(
    job: &Job,
    again: &str,
    how: &ExecutionOptions,
    reach: &ConnectionArgs,
    global: &Global,
    output: &Output,
) -> Result<Submitted> {
    how.check(reach)?;
    deployment::block_on(async {
        if reach.local {
            let connected = deployment::connect(global).await?;
            if !matches!(job, Job::Reconcile { dry_run: true, .. }) {
                put_in_trail(job, &connected).await?;
            }
            let origin = Origin::workstation(global, true, connected.state());
            let again = origin.command(again);
            let runs = here(job, &again, how.work.settings(&origin), &connected.cloud, output).await?;
            return Ok(Submitted::Done(Outcome { runs, refused: Vec::new() }));
        }
        by_deployment(job, how, &reach.connect(global).await?, output).await
    })
}

/// Says in the audit log who decides what, before it is done on this machine. The API does so where the deployment does it.
pub(crate) async fn put_in_trail(job: &Job, connected: &Connected) -> Result<()> {
    let caller = Caller::of(&connected.config).await.map_err(|error| deployment::port(&error))?;
    let entry = AuditEntry {
        id: Uuid::now_v7().to_string(),
        at: Timestamp::now(),
        by: caller.arn,
        action: action(job).to_owned(),
        target: job.target().unwrap_or_else(|| EVERYTHING.to_owned()),
        changes: BTreeMap::new(),
    };
    connected.cloud.append(&entry).await.map_err(|error| deployment::port(&error))?;
    Ok(())
}

/// What the audit log calls a job, here as by the API.
fn action(job: &Job) -> &'static str {
    match job {
        Job::Replay { .. } => "run.replay",
        Job::Approve { .. } => "run.approve",
        Job::UndoArchive { .. } => "run.undo_archive",
        Job::Redrive { .. } => "run.redrive",
        Job::Reconcile { .. } => "findings.reconcile",
        Job::ArchiveAll { .. } => "integration.archive_all",
    }
}

/// Leaves a job to the deployment.
pub(crate) async fn by_deployment(
    job: &Job,
    how: &ExecutionOptions,
    management: &Management,
    output: &Output,
) -> Result<Submitted> {
    let answer = management.send(request(job)?).await?;
    let message: JobView = read(&answer.body)?;
    if how.no_wait {
        return Ok(Submitted::Queued(message));
    }
    let settled = wait::settled(management, message, output).await?;
    if let (Some(why), []) = (settled.refused.first(), settled.runs.as_slice()) {
        return Err(Failure::new(Exit::Error, why).hint("hubctl job list shows the jobs").into());
    }
    Ok(Submitted::Done(settled))
}

/// A job as a request to the API.
fn request(job: &Job) -> Result<Request, Failure> {
    let address = address(job)?;
    Ok(match job {
        Job::Approve { pending, unproven, .. } => {
            let approval = Approval::for_job(*pending, *unproven);
            Request::act_with(address, json!({ "pending": approval.pending, "unproven": approval.unproven }))
        }
        _ => Request::act(address),
    })
}

/// Where the API takes a job.
fn address(job: &Job) -> Result<String, Failure> {
    let of_run = |run_id: &str, verb: &str| format!("/runs/{}/{verb}", segment(run_id));
    Ok(match job {
        Job::Replay { run_id, .. } => of_run(run_id, "replay"),
        Job::Approve { run_id, .. } => of_run(run_id, "approve"),
        Job::UndoArchive { run_id } => of_run(run_id, "undo-archive"),
        Job::Redrive { run_id, code } => {
            let place = run_id.as_ref().map_or("/quarantine".to_owned(), |run_id| format!("/runs/{}", segment(run_id)));
            let code = code.as_ref().map_or(String::new(), |code| format!("?code={}", segment(code)));
            format!("{place}/redrive{code}")
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
        Job::ArchiveAll { provider, .. } => {
            return Err(Failure::new(Exit::Usage, "what was sent is archived before its integration is deleted")
                .hint(format!("hubctl integration delete {provider} --archive")));
        }
    })
}

async fn here(
    job: &Job,
    again: &str,
    settings: Settings,
    cloud: &Arc<Cloud>,
    output: &Output,
) -> Result<Vec<RunReport>> {
    watched(again, output, async |options| run_job(cloud, &settings, job, &options).await).await
}

/// Does on this machine what is asked for, while somebody watches. `again`: the command that does the same again.
pub(crate) async fn watched(
    again: &str,
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
            return Err(Failure::new(Exit::Error, "interrupted; what was on its way may have arrived")
                .hint(format!("the account is free within 15 minutes, then go on: {again}"))
                .into());
        }
    };
    drop(watch);
    done.map_err(|error| failed(&error, again).into())
}

/// Why something was not done on this machine.
pub(crate) fn failed(error: &JobError, again: &str) -> Failure {
    match error {
        JobError::Rejected(message) | JobError::PartlyRejected { why: message, .. } => refused(message),
        JobError::Locked(message) => Failure::new(Exit::Error, message).hint(again),
        JobError::Unfinished { .. } => Failure::new(Exit::Findings, error.to_string()).hint(again),
        JobError::Failed(error) => work::failed(error, again),
    }
}

/// A refusal; the command at its end is what to do.
pub(crate) fn refused(message: &str) -> Failure {
    match message.rsplit_once(": hubctl ") {
        Some((why, command)) => Failure::new(Exit::Error, why).hint(format!("hubctl {command}")),
        None => Failure::new(Exit::Error, message),
    }
}

/// Says that the deployment has a job.
pub(crate) fn message(job: &JobView, output: &mut Output) -> Result<Exit> {
    match output.format {
        Format::Json => output.json(job)?,
        Format::Table => output.line(format!("Submitted. Its state: hubctl job show {}", job.id))?,
    }
    Ok(Exit::Success)
}

/// Says what the runs of a job did. A single one as `hubctl run show` does.
pub(crate) fn conclude(work: &Work, outcome: &Outcome, origin: &Origin, output: &mut Output) -> Result<Exit> {
    let runs: Vec<_> = outcome.runs.iter().map(|run| origin.complete(run)).collect();
    work.keep(&runs)?;
    match output.format {
        Format::Json => output.json(&runs)?,
        Format::Table if runs.is_empty() => output.note("There was nothing to do.")?,
        Format::Table => each(&runs, output, |run, output| run_report::write(run, origin, output))?,
    }
    warn(&outcome.refused, output)?;
    Ok(if outcome.refused.is_empty() { exit(&runs) } else { Exit::Error })
}

/// The same of a job that has one run.
pub(crate) fn conclude_one(work: &Work, outcome: &Outcome, origin: &Origin, output: &mut Output) -> Result<Exit> {
    match outcome.runs.as_slice() {
        [run] if outcome.refused.is_empty() => work::conclude(work, run, origin, output),
        _ => conclude(work, outcome, origin, output),
    }
}

/// Says what was not run.
pub(crate) fn warn(refused: &[String], output: &mut Output) -> io::Result<()> {
    refused.iter().try_for_each(|why| output.warning(why, None))
}

/// The gravest of the runs' exit codes.
pub(super) fn exit(runs: &[RunReport]) -> Exit {
    runs.iter().map(run_report::exit).max_by_key(|exit| exit.graveness()).unwrap_or(Exit::Success)
}

/// Writes something of each run, with an empty line between.
pub(super) fn each(
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

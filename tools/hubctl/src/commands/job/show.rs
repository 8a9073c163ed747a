//! `hubctl job show`.

use std::io;

use anyhow::Result;
use exporter::jobs::{JobProgress, JobState};
use exporter::report::RunReport;
use management::wire::JobView;

use super::list::text_style;
use super::submit::{exit, warn, write_each};
use super::wait;
use crate::client::{ConnectionArgs, read, segment};
use crate::commands::{explain, plan};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::run_report;
use crate::render::{Details, Output, TextStyle, text};

/// Show a job with its state and the runs of its last attempt
#[derive(clap::Args, Debug)]
#[command(after_help = "\
With --wait, the exit code is that of the job's runs.

Examples:
  hubctl job show 01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b
  hubctl job show 01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b --wait

JSON: id, job (its type), target (a run, an account, or an organization; null
for all), state (pending, succeeded, rejected, failed, canceled), message,
progress (done, total, regions, updated_at; of a pending job), runs,
next_job_ids, submitted_at, submitted_by, reason, completed_at, and plan (run,
disabled) or explanation (as in `hubctl explain`). With --wait an array of its
runs, as in `hubctl run show`; for a plan or an explanation, the job.")]
pub(crate) struct Args {
    /// Job ID (see `hubctl job list`)
    #[arg(value_name = "JOB", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    job_id: String,

    /// Wait until the job is complete, and show its runs
    #[arg(long)]
    wait: bool,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let origin = Origin::deployment(connection_args, global);
    block_on(async {
        let management = connection_args.connect(global).await?;
        let answer = management.get(format!("/jobs/{}", segment(&args.job_id))).await?;
        let job: JobView = read(&answer.body)?;
        if args.wait {
            if ["plan", "explain"].contains(&job.job.as_str()) {
                let job = wait::reported(&management, job, output).await?;
                match output.format {
                    Format::Json => output.json(&job)?,
                    Format::Table => write_reports(&job, &origin, output)?,
                }
                return Ok(Exit::Success);
            }
            let settled = wait::completed(&management, job, output).await?;
            warn(&settled.refused, output)?;
            match output.format {
                Format::Json => output.json(&settled.runs)?,
                Format::Table => write_runs(&settled.runs, &origin, output)?,
            }
            return Ok(if settled.refused.is_empty() { exit(&settled.runs) } else { Exit::Error });
        }
        match output.format {
            Format::Json => output.json(&answer.body)?,
            Format::Table => {
                output.details(&details(&job, &origin))?;
                write_reports(&job, &origin, output)?;
            }
        }
        Ok(if matches!(job.state, JobState::Rejected | JobState::Failed) { Exit::Error } else { Exit::Success })
    })
}

/// Writes the plan or the explanation of a job that has one.
fn write_reports(job: &JobView, origin: &Origin, output: &mut Output) -> Result<()> {
    if let Some(report) = &job.plan {
        output.line("")?;
        plan::note_disabled(&report.disabled, output)?;
        plan::write_report(&report.run, output)?;
    }
    if let Some(explanation) = &job.explanation {
        output.line("")?;
        explain::write(explanation, origin, output)?;
    }
    Ok(())
}

/// Writes each run in the format of `hubctl run show`.
pub(super) fn write_runs(runs: &[RunReport], origin: &Origin, output: &mut Output) -> io::Result<()> {
    write_each(runs, output, |run, output| run_report::write(run, origin, output))
}

/// The progress of the job, in total and by Region.
fn add_progress(details: &mut Details, progress: &JobProgress) {
    let share = |done: u64, total: Option<u64>| {
        let total = total.map_or(String::new(), |total| format!(" of {}", text::count(total)));
        format!("{}{total}", text::count(done))
    };
    let all = share(progress.done, progress.total);
    details.add(TextStyle::Plain, "Progress", format!("{all} findings at {}", text::time(progress.updated_at)));
    for (name, region) in &progress.regions {
        details.add(TextStyle::Plain, "In Region", format!("{name}: {}", share(region.done, region.total)));
    }
}

fn details(job: &JobView, origin: &Origin) -> Details {
    let mut details = Details::new();
    details.add(TextStyle::Strong, "Job", &job.id);
    details.add(TextStyle::Plain, "Type", &job.job);
    details.add(TextStyle::Plain, "Target", job.target.as_deref().unwrap_or("all"));
    details.add(text_style(job.state), "State", job.state.as_str());
    if let Some(message) = &job.message {
        details.add(TextStyle::Plain, "Message", text::harmless(message));
    }
    if let Some(progress) = &job.progress {
        add_progress(&mut details, progress);
    }
    details.add(TextStyle::Plain, "Submitted", format!("{} by {}", text::time(job.submitted_at), job.submitted_by));
    if let Some(reason) = &job.reason {
        details.add(TextStyle::Plain, "Reason", text::harmless(reason));
    }
    if let Some(at) = job.completed_at {
        details.add(TextStyle::Plain, "Completed", text::time(at));
    }
    if job.state == JobState::Failed {
        details.add(TextStyle::Plain, "To retry", origin.command(&format!("hubctl job retry {}", job.id)));
    }
    for run_id in &job.runs {
        details.add(TextStyle::Plain, "Run", origin.command(&format!("hubctl run show {run_id}")));
    }
    for next in &job.next_job_ids {
        details.add(TextStyle::Plain, "Followed by", origin.command(&format!("hubctl job show {next}")));
    }
    details
}

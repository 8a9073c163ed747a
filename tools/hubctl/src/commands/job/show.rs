//! `hubctl job show`.

use std::io;

use anyhow::Result;
use exporter::jobs::JobState;
use exporter::report::RunReport;
use management::wire::JobView;

use super::list::tone;
use super::submit::{each, exit, warn};
use super::wait;
use crate::client::{ConnectionArgs, read, segment};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::run_report;
use crate::render::{Details, Output, Tone, text};

/// Show a job: its state, and the runs of its last attempt
#[derive(clap::Args, Debug)]
#[command(after_help = "\
With --wait the exit code is that of its runs.

Examples:
  hubctl job show 01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b
  hubctl job show 01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b --wait

JSON: id, job (what it does), about (the run, the account or the organization;
null: all), state (waiting, done, refused, failed, undone), message, runs, then
(jobs that follow it), placed_at, placed_by, settled_at. With --wait an array of
its runs, as `hubctl run show` gives them.")]
pub(crate) struct Args {
    /// The job, as `hubctl job list` names it
    #[arg(value_name = "JOB", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    job_id: String,

    /// Wait until it is complete, and show its runs
    #[arg(long)]
    wait: bool,
}

pub(super) fn run(args: &Args, reach: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let origin = Origin::deployment(reach, global);
    block_on(async {
        let management = reach.connect(global).await?;
        let answer = management.get(format!("/jobs/{}", segment(&args.job_id))).await?;
        let job: JobView = read(&answer.body)?;
        if args.wait {
            let settled = wait::settled(&management, job, output).await?;
            warn(&settled.refused, output)?;
            match output.format {
                Format::Json => output.json(&settled.runs)?,
                Format::Table => write_runs(&settled.runs, &origin, output)?,
            }
            return Ok(if settled.refused.is_empty() { exit(&settled.runs) } else { Exit::Error });
        }
        match output.format {
            Format::Json => output.json(&answer.body)?,
            Format::Table => output.facts(&facts(&job, &origin))?,
        }
        Ok(if matches!(job.state, JobState::Rejected | JobState::Failed) { Exit::Error } else { Exit::Success })
    })
}

/// Writes each run as `hubctl run show` does.
pub(super) fn write_runs(runs: &[RunReport], origin: &Origin, output: &mut Output) -> io::Result<()> {
    each(runs, output, |run, output| run_report::write(run, origin, output))
}

fn facts(job: &JobView, origin: &Origin) -> Details {
    let mut facts = Details::new();
    facts.add(Tone::Strong, "Job", &job.id);
    facts.add(Tone::Plain, "What", &job.job);
    facts.add(Tone::Plain, "About", job.target.as_deref().unwrap_or("all"));
    facts.add(tone(job.state), "State", job.state.as_str());
    if let Some(message) = &job.message {
        facts.add(Tone::Plain, "Why", text::harmless(message));
    }
    facts.add(Tone::Plain, "Submitted", format!("{} by {}", text::time(job.submitted_at), job.submitted_by));
    if let Some(at) = job.completed_at {
        facts.add(Tone::Plain, "Completed", text::time(at));
    }
    if job.state == JobState::Failed {
        facts.add(Tone::Plain, "To retry", origin.command(&format!("hubctl job retry {}", job.id)));
    }
    for run_id in &job.runs {
        facts.add(Tone::Plain, "Run", origin.command(&format!("hubctl run show {run_id}")));
    }
    for next in &job.next_job_ids {
        facts.add(Tone::Plain, "Followed by", origin.command(&format!("hubctl job show {next}")));
    }
    facts
}

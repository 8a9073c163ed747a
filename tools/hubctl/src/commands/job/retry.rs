//! `hubctl job retry`.

use anyhow::Result;
use management::wire::JobView;

use super::submit::{exit, report_submitted, warn};
use super::{show, wait};
use crate::args::reason::ReasonOption;
use crate::client::{ConnectionArgs, Request, read, segment};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::Output;

/// Retry a failed job, whose message is in the dead-letter queue
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Fix the cause first: `hubctl job show JOB` describes it. The job is then
submitted again under the same ID. Work that is complete is not repeated, even
if you also redrive the dead-letter queue. A pending job is unchanged.

The exit code is that of the job's runs, as with `hubctl job show --wait`.

Examples:
  hubctl job retry 01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b
  hubctl job retry 01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b --no-wait

JSON: an array of its runs, as in `hubctl run show`; with --no-wait the job, as
in `hubctl job show`.")]
pub(crate) struct Args {
    /// Job ID (see `hubctl job list`)
    #[arg(value_name = "JOB", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    job_id: String,

    /// Return immediately instead of waiting for the job to finish
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    reason: ReasonOption,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let origin = Origin::deployment(connection_args, global);
    block_on(async {
        let management = connection_args.connect(global).await?;
        let request = Request::post_action_with(format!("/jobs/{}/retry", segment(&args.job_id)), args.reason.body());
        let job: JobView = read(&management.send(request).await?.body)?;
        if args.no_wait {
            return report_submitted(&job, output);
        }
        let complete = wait::completed(&management, job, output).await?;
        warn(&complete.refused, output)?;
        match output.format {
            Format::Json => output.json(&complete.runs)?,
            Format::Table => show::write_runs(&complete.runs, &origin, output)?,
        }
        Ok(if complete.refused.is_empty() { exit(&complete.runs) } else { Exit::Error })
    })
}

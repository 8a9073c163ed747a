//! `hubctl run undo-archive`: reactivates findings that a run archived.

use std::sync::Arc;

use anyhow::Result;
use exporter::jobs::Job;
use exporter::jobs::JobRunner;

use super::RunSource;
use crate::commands::job::outcome::Outcome;
use crate::commands::job::submit::{self, ExecutionOptions, Submitted};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::prompt::Prompt;
use crate::render::{Output, text};
use crate::standalone::{Standalone, StateLocation};

/// Reactivate findings that a run archived
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Sends the archived findings as active again, with their previous status; changes
by analysts are preserved. Findings that a later run sent or archived are
skipped (filtered: modified_since). This is recorded as a run.

The next scan archives findings again that are absent from it. If the scan was
wrong, fix the scanner first, or disable archiving for the account.

Examples:
  hubctl run undo-archive 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl run undo-archive 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --yes --no-wait

JSON: an array with the new run's report, as in `hubctl run show`; with
--no-wait the job, as in `hubctl job show`.")]
pub(crate) struct Args {
    /// Run ID (see `hubctl run list`)
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    execution: ExecutionOptions,
}

pub(super) fn run(args: &Args, source: &RunSource, global: &Global, output: &mut Output) -> Result<Exit> {
    source.check(&args.execution)?;
    if !args.yes {
        let mut prompt = Prompt::at_terminal();
        prompt.require_terminal("whether to undo it", "to confirm in advance, add --yes")?;
        let run = block_on(source.find(&args.run_id, global))?;
        let findings = text::counted(run.counts.archived, "finding", "findings");
        output.note(format!("The run archived {findings}. Each resent finding is an ingestion event."))?;
        if !prompt.confirm("Reactivate them? Type yes:", output)? {
            return Err(Failure::new(Exit::Error, "nothing was sent").into());
        }
    }
    let origin = source.origin(global);
    if let Some(location) = &source.state.location {
        let outcome = standalone(args, location, &origin, global, output)?;
        return submit::conclude(&args.execution.work, &outcome, &origin, output);
    }
    let job = Job::UndoArchive { run_id: args.run_id.clone() };
    let retry_command = format!("hubctl run undo-archive {}", args.run_id);
    match submit::submit(&job, &retry_command, &args.execution, &source.connection_args, global, output)? {
        Submitted::Queued(job) => submit::report_submitted(&job, output),
        Submitted::Finished(outcome) => submit::conclude(&args.execution.work, &outcome, &origin, output),
    }
}

/// Undoes the archive without a deployment, with the settings of the run.
fn standalone(
    args: &Args,
    location: &StateLocation,
    origin: &Origin,
    global: &Global,
    output: &Output,
) -> Result<Outcome> {
    let run_id = &args.run_id;
    let retry_command = origin.command(&format!("hubctl run undo-archive {run_id}"));
    let runs = block_on(async {
        let ports = Arc::new(Standalone::open_as(location, run_id, global).await?);
        let runner = JobRunner::new(ports, args.execution.work.settings(origin));
        let undo = async |options| Ok(vec![runner.undo_archive(run_id, &options).await?]);
        submit::with_progress(&retry_command, output, undo).await
    })?;
    Ok(Outcome { runs, refused: Vec::new() })
}

//! `hubctl run replay`: re-exports a run's upload.

use anyhow::Result;
use exporter::model::approval::Approval;

use super::{RunSource, reexport};
use crate::commands::job::submit::{self, ExecutionOptions, Submitted};
use crate::config::Global;
use crate::exit::Exit;
use crate::render::Output;

/// Re-export a run's upload
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Use it to deliver findings that a run left undelivered. Findings that are
already in Security Hub are not sent again, and an older scan never overwrites a
newer one. To replay the export of a local file, add --local on the same
machine. To replay a standalone export, add --state; the settings are those of
the run.

Examples:
  hubctl run replay 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl run replay 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --state .state

JSON: the report of the new run, as in `hubctl run show`; with --no-wait the
job, as in `hubctl job show`.")]
pub(crate) struct Args {
    /// Run ID (see `hubctl run list`)
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    #[command(flatten)]
    execution: ExecutionOptions,
}

pub(super) fn run(args: &Args, source: &RunSource, global: &Global, output: &mut Output) -> Result<Exit> {
    source.check(&args.execution)?;
    let (run_id, work) = (&args.run_id, &args.execution.work);
    if let Some(location) = &source.state.location {
        return reexport::standalone(run_id, Approval::default(), work, (location, global), output);
    }
    if source.connection_args.local {
        return reexport::local(run_id, Approval::default(), &args.execution, global, output);
    }
    let job = reexport::job(run_id, Approval::default());
    match submit::submit(
        &job,
        &format!("hubctl run replay {run_id}"),
        &args.execution,
        &source.connection_args,
        global,
        output,
    )? {
        Submitted::Queued(job) => submit::report_submitted(&job, output),
        Submitted::Finished(outcome) => submit::conclude_one(work, &outcome, &source.origin(global), output),
    }
}

//! `hubctl run replay`: a run's upload again.

use anyhow::Result;
use exporter::approval::Approval;

use super::{Of, again};
use crate::commands::job::submit::{self, ExecutionOptions, Submitted};
use crate::config::Global;
use crate::exit::Exit;
use crate::render::Output;

/// Export the upload of a run again
#[derive(clap::Args, Debug)]
#[command(after_help = "\
For findings that were left undelivered. It is the same export: what is in
Security Hub already stays as it is, and an older scan overwrites nothing. What
hubctl exported from a file is replayed with --local, where the file is; what it
exported without a deployment with --state, with the settings that the run had.

Examples:
  hubctl run replay 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl run replay 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --state .state

JSON: the report of the new run, as `hubctl run show` gives it; with --no-wait
the job, as `hubctl job show` gives it.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    #[command(flatten)]
    how: ExecutionOptions,
}

pub(super) fn run(args: &Args, of: &Of, global: &Global, output: &mut Output) -> Result<Exit> {
    of.check(&args.how)?;
    let (run_id, work) = (&args.run_id, &args.how.work);
    if let Some(place) = &of.state.place {
        return again::standalone(run_id, Approval::default(), work, (place, global), output);
    }
    if of.reach.local {
        return again::local(run_id, Approval::default(), work, global, output);
    }
    let job = again::job(run_id, Approval::default());
    match submit::submit(&job, &format!("hubctl run replay {run_id}"), &args.how, &of.reach, global, output)? {
        Submitted::Queued(job) => submit::message(&job, output),
        Submitted::Done(outcome) => submit::conclude_one(work, &outcome, &of.origin(global), output),
    }
}

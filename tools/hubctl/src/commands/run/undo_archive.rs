//! `hubctl run undo-archive`: what a run archived is active again.

use std::sync::Arc;

use anyhow::Result;
use exporter::jobs::Job;
use exporter::jobs::JobRunner;

use super::Of;
use crate::commands::job::outcome::Outcome;
use crate::commands::job::submit::{self, ExecutionOptions, Submitted};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::prompt::Prompt;
use crate::render::{Output, text};
use crate::standalone::{Place, Standalone};

/// Make active again what a run archived
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Sends the findings that the run archived again, active, with the status that
they had; what analysts did to them stays. Findings that a later run sent or
archived are left (filtered: modified_since). It is recorded as a run.

The next scan decides again: what it lacks it archives again. If the scan was
wrong, first fix it, or turn archiving off for the account.

Examples:
  hubctl run undo-archive 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl run undo-archive 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --yes --no-wait

JSON: an array of the new run's report, as `hubctl run show` gives it; with
--no-wait the job, as `hubctl job show` gives it.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    how: ExecutionOptions,
}

pub(super) fn run(args: &Args, of: &Of, global: &Global, output: &mut Output) -> Result<Exit> {
    of.check(&args.how)?;
    if !args.yes {
        let mut person = Prompt::at_terminal();
        person.must_be_there("whether to undo it", "add --yes to agree beforehand")?;
        let run = block_on(of.find(&args.run_id, global))?;
        let findings = text::counted(run.counts.archived, "finding", "findings");
        output.note(format!("The run archived {findings}; each that is resent is an ingestion event."))?;
        if !person.agrees("Make them active again? Type yes:", output)? {
            return Err(Failure::new(Exit::Error, "nothing was sent").into());
        }
    }
    let origin = of.origin(global);
    if let Some(place) = &of.state.place {
        let outcome = standalone(args, place, &origin, global, output)?;
        return submit::conclude(&args.how.work, &outcome, &origin, output);
    }
    let job = Job::UndoArchive { run_id: args.run_id.clone() };
    let again = format!("hubctl run undo-archive {}", args.run_id);
    match submit::submit(&job, &again, &args.how, &of.reach, global, output)? {
        Submitted::Queued(job) => submit::message(&job, output),
        Submitted::Done(outcome) => submit::conclude(&args.how.work, &outcome, &origin, output),
    }
}

/// The same without a deployment, with the settings that the run had.
fn standalone(args: &Args, place: &Place, origin: &Origin, global: &Global, output: &Output) -> Result<Outcome> {
    let run_id = &args.run_id;
    let again = origin.command(&format!("hubctl run undo-archive {run_id}"));
    let runs = block_on(async {
        let ports = Arc::new(Standalone::open_as(place, run_id, global).await?);
        let runner = JobRunner::new(ports, args.how.work.settings(origin));
        let undo = async |options| Ok(vec![runner.undo_archive(run_id, &options).await?]);
        submit::watched(&again, output, undo).await
    })?;
    Ok(Outcome { runs, refused: Vec::new() })
}

//! `hubctl quarantine redrive`: what could not be sent is sent again.

use anyhow::Result;
use exporter::jobs::Job;

use crate::client::ConnectionArgs;
use crate::commands::job::submit::{self, ExecutionOptions, Submitted};
use crate::config::{Format, Global};
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::Output;

/// Send what is in quarantine again
#[derive(clap::Args, Debug)]
#[command(after_help = "\
For findings that Security Hub refused and takes by now, and for those that this
release maps and the one before could not. The settings of the account's
integration hold, and nothing is sent over what a newer scan said (filtered:
superseded). What is settled leaves the quarantine; what fails again stays there
with the new reason. It is recorded as a run, one for each run that left
something.

What the quarantine does not hold whole, such as the broken end of a file or the
row of a table, stays; `hubctl run replay RUN` reads the upload again.

Examples:
  hubctl quarantine redrive
  hubctl quarantine redrive 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl quarantine redrive --code InvalidInput

JSON: an array of the new runs' reports, as `hubctl run show` gives them; with
--no-wait the job, as `hubctl job show` gives it.")]
pub(crate) struct Args {
    /// The run that left it there, as `hubctl run list` names it [default: all]
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: Option<String>,

    /// Only what lies there under this code
    #[arg(long, value_name = "CODE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    code: Option<String>,

    #[command(flatten)]
    how: ExecutionOptions,
}

pub(super) fn run(args: &Args, reach: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let job = Job::Redrive { run_id: args.run_id.clone(), code: args.code.clone() };
    let of_run = args.run_id.as_ref().map_or(String::new(), |run_id| format!(" {run_id}"));
    let code = args.code.as_ref().map_or(String::new(), |code| format!(" --code {code}"));
    let again = format!("hubctl quarantine redrive{of_run}{code}");
    match submit::submit(&job, &again, &args.how, reach, global, output)? {
        Submitted::Queued(job) => submit::message(&job, output),
        Submitted::Done(outcome)
            if outcome.runs.is_empty() && outcome.refused.is_empty() && output.format == Format::Table =>
        {
            output.note("Nothing is in quarantine.")?;
            Ok(Exit::Success)
        }
        Submitted::Done(outcome) => {
            submit::conclude(&args.how.work, &outcome, &Origin::deployment(reach, global), output)
        }
    }
}

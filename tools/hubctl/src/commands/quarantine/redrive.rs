//! `hubctl quarantine redrive`: sends quarantined findings again.

use anyhow::Result;
use exporter::jobs::Job;

use crate::client::ConnectionArgs;
use crate::commands::job::submit::{self, ExecutionOptions, Submitted};
use crate::config::{Format, Global};
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::Output;

/// Redrive quarantined findings
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Sends findings again that Security Hub rejected and now accepts, or that an
earlier release could not map. The settings of the account's integration apply,
and findings that a newer scan contains are not sent (filtered: superseded).
Findings with an outcome are removed from the quarantine; findings that fail
again stay, with the new reason. Each run with quarantined findings gets a
redrive run of its own.

Entries that the quarantine can't store completely stay, such as the truncated
end of a file or a CSV row. To read the upload again, run
`hubctl run replay RUN`.

Examples:
  hubctl quarantine redrive
  hubctl quarantine redrive 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl quarantine redrive --code InvalidInput

JSON: an array of the new runs' reports, as in `hubctl run show`; with --no-wait
the job, as in `hubctl job show`.")]
pub(crate) struct Args {
    /// Run ID (see `hubctl run list`) [default: all runs]
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: Option<String>,

    /// Only entries with this error code
    #[arg(long, value_name = "CODE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    code: Option<String>,

    #[command(flatten)]
    execution: ExecutionOptions,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let job = Job::Redrive { run_id: args.run_id.clone(), code: args.code.clone() };
    let of_run = args.run_id.as_ref().map_or(String::new(), |run_id| format!(" {run_id}"));
    let code = args.code.as_ref().map_or(String::new(), |code| format!(" --code {code}"));
    let retry_command = format!("hubctl quarantine redrive{of_run}{code}");
    match submit::submit(&job, &retry_command, &args.execution, connection_args, global, output)? {
        Submitted::Queued(job) => submit::report_submitted(&job, output),
        Submitted::Finished(outcome)
            if outcome.runs.is_empty() && outcome.refused.is_empty() && output.format == Format::Table =>
        {
            output.note("No quarantined findings.")?;
            Ok(Exit::Success)
        }
        Submitted::Finished(outcome) => {
            submit::conclude(&args.execution.work, &outcome, &Origin::deployment(connection_args, global), output)
        }
    }
}

//! `hubctl run show`.

use anyhow::Result;

use crate::commands::run_report;
use crate::config::{Format, Global};
use crate::deployment::{self, port};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Show what a run did with every finding, and what mends what went wrong
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The exit code says how the run ended, so that a pipeline can stop on it.

Example:
  hubctl run show 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b

JSON: run_id, status, reasons, upload, format, file_end, started_at, finished_at,
scanned_at, counts, accounts (each with counts, problem, regions), quarantine.
counts: read = sent + unchanged + filtered + region_unavailable + quarantined +
unreadable + undelivered.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let found = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        let found = connected.cloud.run(&args.run_id).await.map_err(|error| port(&error))?;
        Ok((found, connected.state_bucket))
    });
    let (found, state_bucket) = found?;
    let report = found.ok_or_else(|| {
        Failure::new(Exit::Error, format!("there is no run {}", args.run_id))
            .hint("hubctl run list shows those there are")
    })?;
    match output.format {
        Format::Json => output.json(&report)?,
        Format::Table => run_report::write(&report, &state_bucket, output)?,
    }
    Ok(run_report::exit(&report))
}

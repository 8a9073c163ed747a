//! `hubctl run show`.

use anyhow::Result;
use exporter::report::RunReport;

use crate::commands::integration::shown::read;
use crate::commands::run_report;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::management::{Management, Reach, segment};
use crate::output::Output;

/// Show what a run did with every finding, and what mends what went wrong
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The exit code says how the run ended, so that a pipeline can stop on it.

Example:
  hubctl run show 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b

JSON: run_id, kind (export, undo_archive, redrive, reconcile, withdraw), of (the
run that it is about), order (that it belongs to), status, reasons, upload,
format, file_end, started_at, finished_at, scanned_at, counts, accounts (each
with counts, problem, archive, regions), quarantine, quarantine_left. counts:
read = sent + unchanged + filtered + region_unavailable + quarantined +
unreadable + undelivered. archive says why nothing was archived that should have
been: archive_held waits for `hubctl run approve`.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,
}

pub(super) fn run(args: &Args, reach: &Reach, global: &Global, output: &mut Output) -> Result<Exit> {
    let report = block_on(async { Ok(find(&reach.connect(global).await?, &args.run_id).await?) })?;
    match output.format {
        Format::Json => output.json(&report)?,
        Format::Table => run_report::write(&report, None, output)?,
    }
    Ok(run_report::exit(&report))
}

/// A run that there must be.
pub(in crate::commands) async fn find(management: &Management, run_id: &str) -> Result<RunReport, Failure> {
    read(&management.get(format!("/runs/{}", segment(run_id))).await?.body)
}

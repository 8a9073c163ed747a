//! `hubctl run show`.

use anyhow::Result;
use exporter::report::RunReport;

use super::Of;
use crate::client::{Management, read, segment};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::render::Output;
use crate::render::run_report;

/// Show what a run did with every finding, and what fixes what went wrong
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The exit code says how the run ended, so that a pipeline can stop on it.

Example:
  hubctl run show 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b

JSON: run_id, kind (export, undo_archive, redrive, reconcile, archive_all),
source_run_id (the run that it is about), job_id (of the job that it belongs
to), status, reasons, upload, format, read_status, started_at, finished_at,
scanned_at, counts, accounts (each with counts, problem, archive, unproven,
scan_times, partial_scan, uncovered, regions), quarantine, quarantine_remaining,
pending. counts: read = sent + unchanged + filtered + region_unavailable +
quarantined + malformed + undelivered; beside these absent and unproven, active
findings of earlier scans. archive says why
nothing was archived that should have been: archive_requires_approval waits for
`hubctl run approve`, unproven (by Region, service and reason) for
`hubctl run approve --unproven`.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,
}

pub(super) fn run(args: &Args, of: &Of, global: &Global, output: &mut Output) -> Result<Exit> {
    let origin = of.origin(global);
    let report = origin.complete(&block_on(of.find(&args.run_id, global))?);
    match output.format {
        Format::Json => output.json(&report)?,
        Format::Table => run_report::write(&report, &origin, output)?,
    }
    Ok(run_report::exit(&report))
}

/// A run that there must be.
pub(in crate::commands) async fn find(management: &Management, run_id: &str) -> Result<RunReport, Failure> {
    read(&management.get(format!("/runs/{}", segment(run_id))).await?.body)
}

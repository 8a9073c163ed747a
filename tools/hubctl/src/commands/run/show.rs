//! `hubctl run show`.

use anyhow::Result;
use exporter::report::RunReport;

use super::RunSource;
use crate::client::{Management, read, segment};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::render::Output;
use crate::render::run_report;

/// Show a run's report
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The exit code reflects the run's status, so that a pipeline can stop on it.

Example:
  hubctl run show 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b

JSON: run_id, kind (export, undo_archive, redrive, reconcile, archive_all),
source_run_id (the run that it replays or undoes), job_id, trigger (upload,
replay, approval, job, command), status, reasons, upload, format, read_status,
started_at, finished_at, scanned_at, counts, errors (malformed and quarantined
entries of no account, by Region), accounts (each with integration, counts,
problem, archive, pending_archive, unproven, scan_times, partial_scan,
uncovered, errors, regions), quarantine, quarantine_remaining, pending.
counts: read = sent + unchanged + filtered + region_unavailable + quarantined +
malformed + undelivered; in addition absent and unproven, which are active
findings of earlier scans. archive is the reason why resolved findings were not
archived: for archive_requires_approval run `hubctl run approve`, for unproven
(by Region, service, and reason) `hubctl run approve --unproven`.
pending_archive: the findings to archive by services and by regions (each with
active, proven, absent, passed, muted, results of this scan, earlier), unusual
(services or Regions of which the scan has far fewer results than before), and
with_partial_scope (how many the archive scope partial would archive).")]
pub(crate) struct Args {
    /// Run ID (see `hubctl run list`)
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,
}

pub(super) fn run(args: &Args, source: &RunSource, global: &Global, output: &mut Output) -> Result<Exit> {
    let origin = source.origin(global);
    let report = origin.complete(&block_on(source.find(&args.run_id, global))?);
    match output.format {
        Format::Json => output.json(&report)?,
        Format::Table => run_report::write(&report, &origin, output)?,
    }
    Ok(run_report::exit(&report))
}

/// Reads a run, which must exist.
pub(in crate::commands) async fn find(management: &Management, run_id: &str) -> Result<RunReport, Failure> {
    read(&management.get(format!("/runs/{}", segment(run_id))).await?.body)
}

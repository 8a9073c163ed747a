//! `hubctl run show`.

use anyhow::Result;

use crate::commands::run_report;
use crate::config::{Format, Global};
use crate::deployment;
use crate::exit::Exit;
use crate::output::Output;

/// Show what a run did with every finding, and what mends what went wrong
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The exit code says how the run ended, so that a pipeline can stop on it.

Example:
  hubctl run show 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b

JSON: run_id, kind (export, undo_archive, redrive, reconcile, withdraw), of (the
run that it is about), status, reasons, upload, format, file_end, started_at,
finished_at, scanned_at, counts, accounts (each with counts, problem, archive,
regions), quarantine, quarantine_left. counts: read = sent + unchanged + filtered + region_unavailable +
quarantined + unreadable + undelivered. archive says why nothing was archived
that should have been: archive_held waits for `hubctl run approve`.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let found = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        Ok((connected.find_run(&args.run_id).await?, connected.state()))
    });
    let (report, state) = found?;
    match output.format {
        Format::Json => output.json(&report)?,
        Format::Table => run_report::write(&report, &state, output)?,
    }
    Ok(run_report::exit(&report))
}

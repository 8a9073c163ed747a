//! `hubctl validate`: validates a scan file offline and previews its export.

mod plan;
mod tables;

use std::ops::ControlFlow;

use anyhow::Result;
use asff::AccountId;
use exporter::model::integration::{Integration, IntegrationSettings};
use serde::Serialize;

use self::plan::Plan;
use crate::args::filters::{Filters, changed};
use crate::config::Format;
use crate::exit::Exit;
use crate::render::Output;
use crate::scan::source::Source;
use crate::scan::summary::ScanSummary;
use crate::scan::{self, verdict};

/// Validate a scan file offline and preview the export
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Shows which findings would be sent with an integration's default filters, or
with the filters given here, and which would be repaired, quarantined, or
skipped, and why.

Examples:
  hubctl validate scan.ocsf.json.gz
  hubctl validate scan.csv --all-statuses --severity-min high
  hubctl validate scan.ocsf.json --output json | jq .plan.counts

JSON: scan (source, bytes, format, read_status, prowler_versions, scanned_at,
accounts, regions, statuses, severities, read, mapped, skipped, quarantined,
malformed, repaired, duplicates, collisions, repairs, problems) and plan
(filters, counts, sent).")]
pub(crate) struct Args {
    /// Prowler scan file, optionally compressed; - for standard input
    #[arg(value_name = "FILE", value_parser = Source::parser())]
    source: Source,

    /// Send passed findings as well as failed ones
    #[arg(long, help_heading = "Filters")]
    all_statuses: bool,

    #[command(flatten)]
    filters: Filters,
}

/// The JSON output.
#[derive(Serialize)]
struct Validation<'a> {
    scan: &'a ScanSummary,
    plan: &'a Plan,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<Exit> {
    let mut plan = Plan::new(integration(args)?);
    let summary = scan::summary(&args.source, output.err_style, |item| {
        plan.take(item);
        ControlFlow::Continue(())
    })?;
    if let Some(format) = summary.format {
        plan.filters.format = format;
    }
    match output.format {
        Format::Json => output.json(&Validation { scan: &summary, plan: &plan })?,
        Format::Table => tables::write(&summary, &plan, output)?,
    }
    verdict::rejection(&summary).map_or_else(|| Ok(verdict::exit(&summary)), |rejection| Err(rejection.into()))
}

/// The filters as settings of an integration. The account has no effect.
fn integration(args: &Args) -> Result<Integration> {
    let any: AccountId = "000000000000".parse()?;
    let settings = changed(&IntegrationSettings::default(), &args.filters)?;
    Ok(Integration { settings, ..Integration::new(any) }.with(|settings| settings.only_failed = !args.all_statuses))
}

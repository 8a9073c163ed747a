//! `hubctl validate`: what a file is, and what an export would do with it, without sending anything.

mod plan;
mod tables;

use std::ops::ControlFlow;

use anyhow::Result;
use asff::AccountId;
use exporter::integration::Integration;
use serde::Serialize;

use self::plan::Plan;
use crate::args::filters::Filters;
use crate::config::Format;
use crate::exit::{Exit, Failure};
use crate::render::Output;
use crate::scan::source::Source;
use crate::scan::survey::Survey;
use crate::scan::{self, verdict};

/// Show what a scan file is and what an export would do with it (offline)
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Says what would be sent under an integration's default filters, or under the
filters given here, and what would be repaired, quarantined or skipped, and why.

Examples:
  hubctl validate scan.ocsf.json.gz
  hubctl validate scan.csv --all-statuses --severity-min high
  hubctl validate scan.ocsf.json --output json | jq .plan.counts

JSON: `scan` says what the file is and holds (source, bytes, format,
read_status, prowler_versions, scanned_at, accounts, regions, statuses,
severities, read, mapped, skipped, quarantined, malformed, repaired, duplicates,
collisions, repairs, problems); `plan` what would
become of it (filters, counts, sent).")]
pub(crate) struct Args {
    /// Scan file of Prowler, plain or compressed; - for standard input
    #[arg(value_name = "FILE", value_parser = Source::parser())]
    source: Source,

    /// Findings that passed as well, not only those that failed
    #[arg(long, help_heading = "Filters")]
    all_statuses: bool,

    #[command(flatten)]
    filters: Filters,
}

/// The result, for machines.
#[derive(Serialize)]
struct Validation<'a> {
    scan: &'a Survey,
    plan: &'a Plan,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<Exit> {
    let mut plan = Plan::new(integration(args)?);
    let survey = scan::survey(&args.source, output.err_style, |item| {
        plan.take(item);
        ControlFlow::Continue(())
    })?;
    if let Some(format) = survey.format {
        plan.filters.format = format;
    }
    match output.format {
        Format::Json => output.json(&Validation { scan: &survey, plan: &plan })?,
        Format::Table => tables::write(&survey, &plan, output)?,
    }
    verdict::refusal(&survey).map_or_else(|| Ok(verdict::exit(&survey)), |refusal| Err(refusal.into()))
}

/// The filters as an integration would hold them. The account plays no part in them.
fn integration(args: &Args) -> Result<Integration> {
    let any: AccountId = "000000000000".parse()?;
    let mut integration = Integration { only_failed: !args.all_statuses, ..Integration::new(any) };
    args.filters.apply(&mut integration).map_err(|message| Failure::new(Exit::Usage, message))?;
    Ok(integration)
}

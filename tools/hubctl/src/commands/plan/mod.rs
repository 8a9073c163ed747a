//! `hubctl plan`: predicts what an export would send, archive, and cost. It runs the export on ports that don't write.

mod price;
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use asff::AccountId;
use exporter::export::Options;
use exporter::export::plan::{PlanReport, Planning, disabled_integrations};
use exporter::model::provider::ProviderId;
use exporter::model::upload::Upload;
use exporter::ports::{Ports, Scan};
use exporter::report::RunReport;
use serde_json::json;

use self::price::Plan;
use super::export::{Work, work};
use super::job::wait;
use crate::client::{ConnectionArgs, Request, read};
use crate::config::{Format, Global};
use crate::deployment;
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::render::Output;
use crate::render::run_report;
use crate::scan::source::Source;
use crate::standalone;

/// Show what an export would send, archive, and cost
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Simulates the export without sending or writing anything, based on the export
state of the deployment or of --state. The deployment plans an object in S3, as
a job; a file is planned on this machine with your own credentials, and so is
an object with --local. Findings that Security Hub would reject,
and Regions that are unavailable, show only in the export. A disabled
integration is planned as if it were enabled. The exit code is that of the
export.

Costs are based on the public price: the first 10,000 ingestion events per month
in each account and Region are free, each additional one costs $0.00003.

Examples:
  hubctl plan scan.ocsf.json --stack securityhub-exporter
  hubctl plan s3://scans/scan.ocsf.json --events-this-month 10000
  hubctl plan scan.ocsf.json --standalone --state .prowler-state --archive
  hubctl plan scan.ocsf.json --output json | jq '.regions[].events'

JSON: source, status, scanned_at, counts, events, dollars, all_events and
all_dollars (if every finding were sent), reasons, regions (account, region,
new, changed, reactivated, refresh_due, unchanged, to_archive, adopted, events,
dollars, all_events, all_dollars), and unproven: what would stay active, since
the scan proves nothing about it (account, region, service, reason, findings).")]
pub(crate) struct Args {
    #[arg(help = "Prowler scan file, optionally compressed, or an object: s3://BUCKET/KEY")]
    #[arg(value_name = "FILE|S3-URL", value_parser = Source::parser())]
    source: Source,

    /// Ingestion events that each account and Region already had this month
    #[arg(long, value_name = "EVENTS", default_value_t = 0)]
    events_this_month: u64,

    #[command(flatten)]
    reach: ConnectionArgs,

    #[command(flatten)]
    options: standalone::Options,
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let any_format = args.options.any_format(&args.source);
    let report = deployment::block_on(async {
        if args.options.standalone {
            let standalone = args.options.connect(global).await?;
            let scan = work::open(&args.source, standalone.cloud.as_ref()).await?;
            plan(Arc::new(standalone), scan, any_format, output).await
        } else {
            args.options.check_deployment()?;
            if let (Source::Object(upload), false) = (&args.source, args.reach.local) {
                return by_deployment(upload, args, global, output).await;
            }
            let connected = deployment::connect(global).await?;
            let scan = work::open(&args.source, connected.cloud.as_ref()).await?;
            plan(connected.cloud, scan, any_format, output).await
        }
    })?;
    let plan = Plan::new(&report, args.events_this_month);
    match output.format {
        Format::Json => output.json(&plan)?,
        Format::Table => tables::write(&plan, output)?,
    }
    Ok(run_report::exit(&report))
}

/// Lets the deployment plan the export of an object, as a job.
async fn by_deployment(upload: &Upload, args: &Args, global: &Global, output: &mut Output) -> Result<RunReport> {
    let management = args.reach.connect(global).await?;
    let request = Request::post_action_with("/plan", Some(json!({ "source": upload.url() })));
    let job = read(&management.send(request).await?.body)?;
    let job = wait::reported(&management, job, output).await?;
    let missing = || Failure::new(Exit::Error, format!("the deployment no longer has the plan of job {}", job.id));
    let PlanReport { run, disabled } = *job.plan.ok_or_else(missing)?;
    note_disabled(&disabled, output)?;
    Ok(run)
}

/// Plans the export of a scan on ports that read from the real ones and don't write.
async fn plan<P: Ports>(real: Arc<P>, scan: Scan, any_format: bool, output: &mut Output) -> Result<RunReport> {
    let options = Options { reexport: true, any_format, ..Options::default() };
    let planning = Arc::new(Planning::new(real.clone()));
    let report = work::export(&planning, &Work::unlimited_rate(), &Origin::default(), scan, options, output).await?;
    let disabled = disabled_integrations(real.as_ref(), &report).await.map_err(|error| deployment::port(&error))?;
    note_disabled(&disabled, output)?;
    Ok(report)
}

/// Notes that the plan treats disabled integrations as enabled.
pub(in crate::commands) fn note_disabled(
    disabled: &BTreeMap<AccountId, ProviderId>,
    output: &mut Output,
) -> Result<()> {
    for (account, provider) in disabled {
        output.note(format!(
            "The integration of account {account} is disabled: an upload is exported only after hubctl integration enable \
             {provider} --replay"
        ))?;
    }
    Ok(())
}

/// Shows a plan that the deployment made in the same format as `hubctl plan`.
pub(in crate::commands) fn write_report(run: &RunReport, output: &mut Output) -> Result<()> {
    Ok(tables::write(&Plan::new(run, 0), output)?)
}

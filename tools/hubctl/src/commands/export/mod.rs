//! `hubctl export`: the same export that the function does, from this machine.

mod backfill;
mod body;
pub(crate) mod work;

use anyhow::Result;
use jiff::Timestamp;

pub(crate) use self::work::Work;
use crate::config::Global;
use crate::deployment;
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::Output;
use crate::scan::source::Source;
use crate::standalone;

/// Export a scan into Security Hub, from a file or from S3
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Does what the deployment does on an upload: by the integrations of the accounts
in the scan, into every Region that takes the findings, recorded as a run.
The same scan is exported again, however often; what is there already stays.
A file is exported in the format that it has.

With --standalone there is no deployment: a CI job exports with the options
given here, as whom it calls. What was sent is kept in --state, so that the next
scan sends only what changed and archives only what is gone. Jobs that share
the place keep apart. In it, claims/ and runs/ may be cleared of old files.

Examples:
  hubctl export s3://scans/scan.ocsf.json --stack securityhub-exporter
  hubctl export scan.ocsf.json.gz --stack exporter --report run.json
  hubctl export scan.ocsf.json --standalone --state s3://ci-state/prowler \\
    --archive --severity-min medium --report run.json
  hubctl export scan.ocsf.json --standalone --state .prowler-state \\
    --region eu-west-1 --region us-east-1 --only-failed=false
  hubctl export s3://scans/json-ocsf/ --since 2026-11-01 --once

JSON: the run's report, as `hubctl run show` gives it; with --since an array.")]
pub(crate) struct Args {
    #[arg(help = "Scan file of Prowler, plain or compressed, or an object: s3://BUCKET/KEY")]
    #[arg(value_name = "FILE|S3-URL", value_parser = Source::parser())]
    source: Source,

    /// Do nothing if an earlier run exported this upload
    #[arg(long)]
    once: bool,

    /// Export all scans whose keys begin so, from this day or time on (UTC), the oldest first
    #[arg(long, value_name = "DATE", value_parser = backfill::since)]
    since: Option<Timestamp>,

    #[command(flatten)]
    work: Work,

    #[command(flatten)]
    options: standalone::Options,
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    if let Some(since) = args.since {
        return backfill::run(args, since, global, output);
    }
    let any_format = args.options.any_format(&args.source);
    let options = exporter::export::Options { reexport: !args.once, any_format, ..Default::default() };
    let (report, origin) = deployment::block_on(async {
        if args.options.standalone {
            let origin = Origin::standalone(args.options.place()?, global);
            let standalone = args.options.connect(global).await?;
            let scan = work::open(&args.source, standalone.cloud.as_ref()).await?;
            Ok((work::export(&standalone.into(), &args.work, &origin, scan, options, output).await?, origin))
        } else {
            args.options.check_deployment()?;
            let connected = deployment::connect(global).await?;
            let origin = Origin::workstation(global, args.source.is_here(), connected.state());
            let scan = work::open(&args.source, connected.cloud.as_ref()).await?;
            Ok((work::export(&connected.cloud, &args.work, &origin, scan, options, output).await?, origin))
        }
    })?;
    work::conclude(&args.work, &report, &origin, output)
}

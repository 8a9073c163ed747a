//! `hubctl export`: runs the same export as the function on this machine.

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

/// Export a scan to Security Hub, from a file or from Amazon S3
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Runs the same export as the deployment does for an upload: it uses the settings
of the integrations of the scanned accounts, sends findings to each enabled
Region, and is recorded as a run. Exporting a scan again is safe: findings that
did not change are not sent again. A local file is exported in its own format.

With --standalone no deployment is used: a CI job exports with the options given
here and its own credentials. The export state is stored in --state, so that the
next scan sends only changes and archives findings that are resolved. Concurrent
jobs can share one state. Old files in claims/ and runs/ there can be deleted.

Examples:
  hubctl export s3://scans/scan.ocsf.json --stack securityhub-exporter
  hubctl export scan.ocsf.json.gz --stack exporter --report run.json
  hubctl export scan.ocsf.json --standalone --state s3://ci-state/prowler \\
    --archive --severity-min medium --report run.json
  hubctl export scan.ocsf.json --standalone --state .prowler-state \\
    --region eu-west-1 --region us-east-1 --only-failed=false
  hubctl export s3://scans/json-ocsf/ --since 2026-11-01 --skip-exported

JSON: the run's report, as in `hubctl run show`; with --since an array.")]
pub(crate) struct Args {
    #[arg(help = "Prowler scan file, optionally compressed, or an object: s3://BUCKET/KEY")]
    #[arg(value_name = "FILE|S3-URL", value_parser = Source::parser())]
    source: Source,

    /// Skip uploads that an earlier run exported
    #[arg(long)]
    skip_exported: bool,

    /// Export every scan under the prefix that was modified since this time (UTC), oldest first
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
    let options = exporter::export::Options {
        reexport: !args.skip_exported,
        any_format,
        trigger: exporter::report::RunTrigger::Command,
        ..Default::default()
    };
    let (report, origin) = deployment::block_on(async {
        if args.options.standalone {
            let origin = Origin::standalone(args.options.location()?, global);
            let standalone = args.options.connect(global).await?;
            let scan = work::open(&args.source, standalone.cloud.as_ref()).await?;
            Ok((work::export(&standalone.into(), &args.work, &origin, scan, options, output).await?, origin))
        } else {
            args.options.check_deployment()?;
            let connected = deployment::connect(global).await?;
            let origin = Origin::workstation(global, args.source.is_local_file(), connected.state());
            let scan = work::open(&args.source, connected.cloud.as_ref()).await?;
            Ok((work::export(&connected.cloud, &args.work, &origin, scan, options, output).await?, origin))
        }
    })?;
    work::conclude(&args.work, &report, &origin, output)
}

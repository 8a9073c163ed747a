//! `hubctl run replay`: a run's upload once more, from this machine.

use std::path::PathBuf;

use anyhow::Result;
use exporter::export::Options;
use exporter::order::Order;
use exporter::ports::Scan;
use exporter::report::{RunKind, RunReport};
use exporter::upload::Upload;

use crate::commands::export::{Work, work};
use crate::commands::orders::{self, Remote};
use crate::config::Global;
use crate::deployment::{self, Connected};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::scan::source::Source;

/// Export the upload of a run once more
#[derive(clap::Args, Debug)]
#[command(after_help = "\
For findings that were left undelivered. It is the same export on this machine,
or with --remote by the deployment: what is in Security Hub already stays as it
is, and an older scan overwrites nothing.

Example:
  hubctl run replay 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b

JSON: the report of the new run, as `hubctl run show` gives it; with --remote
ordered.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    #[command(flatten)]
    remote: Remote,

    #[command(flatten)]
    work: Work,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    if args.remote.remote {
        let order = Order::Replay { run_id: args.run_id.clone(), then: Vec::new() };
        deployment::block_on(async {
            let connected = deployment::connect(global).await?;
            let earlier = connected.find_run(&args.run_id).await?;
            is_export(&earlier)?;
            orders::place(&order, &connected).await
        })?;
        return orders::placed(&order, output);
    }
    let (report, state) = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        let earlier = connected.find_run(&args.run_id).await?;
        let scan = open_again(&earlier, &connected).await?;
        let options = Options { again: true, ..Options::default() };
        let report = work::export(&connected.cloud, &args.work, scan, options, output).await?;
        Ok((report, connected.state()))
    })?;
    work::conclude(&args.work, &report, &state, output)
}

/// Opens what a run exported, if it still is what it was.
pub(super) async fn open_again(run: &RunReport, connected: &Connected) -> Result<Scan> {
    is_export(run)?;
    let name = &run.upload.source;
    let source = match name.strip_prefix("s3://").and_then(|address| address.split_once('/')) {
        Some((bucket, key)) => Source::Object(Upload::new(bucket, key)),
        None => Source::File(PathBuf::from(name)),
    };
    let scan = work::open(&source, connected.cloud.as_ref()).await?;
    if scan.info.etag == run.upload.etag {
        return Ok(scan);
    }
    let message = format!("{name} was written anew since run {} exported it", run.run_id);
    Err(Failure::new(Exit::Error, message).hint(format!("to export what is there now: hubctl export {name}")).into())
}

fn is_export(run: &RunReport) -> Result<(), Failure> {
    if run.kind == RunKind::Export {
        return Ok(());
    }
    let message = format!("run {} exported no upload, it is of the kind {}", run.run_id, run.kind.as_str());
    Err(Failure::new(Exit::Usage, message).hint("hubctl run list shows the uploads"))
}

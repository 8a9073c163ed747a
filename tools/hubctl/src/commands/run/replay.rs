//! `hubctl run replay`: a run's upload once more.

use std::path::PathBuf;

use anyhow::Result;
use exporter::approval::Approval;
use exporter::export::Options;
use exporter::order::Order;
use exporter::ports::Scan;
use exporter::report::{RunKind, RunReport};
use exporter::upload::Upload;

use crate::commands::export::{Work, work};
use crate::commands::order::give::{self, Given, How};
use crate::config::Global;
use crate::deployment::{self, Connected};
use crate::exit::{Exit, Failure};
use crate::management::Reach;
use crate::output::Output;
use crate::scan::source::Source;

/// Export the upload of a run once more
#[derive(clap::Args, Debug)]
#[command(after_help = "\
For findings that were left undelivered. It is the same export: what is in
Security Hub already stays as it is, and an older scan overwrites nothing. What
hubctl exported from a file is replayed with --local, where the file is.

Example:
  hubctl run replay 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b

JSON: the report of the new run, as `hubctl run show` gives it; with --no-wait
the order, as `hubctl order show` gives it.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: &Args, reach: &Reach, global: &Global, output: &mut Output) -> Result<Exit> {
    if reach.local {
        args.how.check(reach)?;
        return here(&args.run_id, false, &args.how.work, global, output);
    }
    let order = Order::Replay { run_id: args.run_id.clone(), then: Vec::new() };
    match give::give(&order, &format!("hubctl run replay {}", args.run_id), &args.how, reach, global, output)? {
        Given::Placed(order) => give::placed(&order, output),
        Given::Done(outcome) => give::conclude_one(&args.how.work, &outcome, output),
    }
}

/// Exports what a run exported once more on this machine, also where that is a file.
pub(super) fn here(run_id: &str, approved: bool, work: &Work, global: &Global, output: &mut Output) -> Result<Exit> {
    let (report, state) = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        let earlier = connected.find_run(run_id).await?;
        let scan = open_again(&earlier, &connected).await?;
        let run_id = run_id.to_owned();
        let order = if approved {
            Order::Approve { run_id, pending: false, unproven: false }
        } else {
            Order::Replay { run_id, then: Vec::new() }
        };
        give::put_in_trail(&order, &connected).await?;
        let approval = Approval { pending: approved, unproven: false };
        let options = Options { again: true, approval, ..Options::default() };
        let report = work::export(&connected.cloud, work, scan, options, output).await?;
        Ok((report, connected.state()))
    })?;
    work::conclude(work, &report, Some(&state), output)
}

/// Opens what a run exported, if it still is what it was.
async fn open_again(run: &RunReport, connected: &Connected) -> Result<Scan> {
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

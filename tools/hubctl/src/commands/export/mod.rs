//! `hubctl export`: the same export that the function does, from this machine.

mod body;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use exporter::export::{ExportError, Exporter, Options};
use exporter::ports::{OpenError, Scan, Scans};
use exporter::progress::Progress;
use exporter::report::RunReport;
use exporter::settings::Settings;

use super::run_report;
use crate::config::{Format, Global};
use crate::deployment::{self, Connected, port};
use crate::exit::{Exit, Failure};
use crate::output::{Output, text};
use crate::progress::Watch;
use crate::scan::source::Source;

/// Export a scan into Security Hub, from a file or from S3
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Does what the deployment does on an upload: by the integrations of the accounts
in the scan, into every Region that takes the findings, recorded as a run.
The same scan is exported again, however often; what is there already stays.

Examples:
  hubctl export s3://scans/json-ocsf/scan.ocsf.json --stack securityhub-exporter
  hubctl export scan.ocsf.json.gz --stack securityhub-exporter --report run.json

JSON: the run's report, as `hubctl run show` gives it.")]
pub(crate) struct Args {
    #[arg(help = "Scan file of Prowler, plain or compressed, or an object: s3://BUCKET/KEY")]
    #[arg(value_name = "FILE|S3-URL", value_parser = Source::parser())]
    source: Source,

    /// Do nothing if an earlier run exported this upload
    #[arg(long)]
    once: bool,

    /// Write the run's report to a file as well, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// BatchImportFindings calls a second for each account and Region, where your quota is another; 0 is no limit
    #[arg(long, value_name = "CALLS", default_value_t = Settings::default().import_calls_per_second)]
    calls_per_second: u32,

    /// Calls at once after a pause, where your quota is another
    #[arg(long, value_name = "CALLS", default_value_t = Settings::default().import_calls_burst)]
    calls_burst: u32,
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let report = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        let scan = open(&args.source, &connected).await?;
        let report = export(args, &connected, scan, output).await?;
        Ok((report, connected))
    });
    let (report, connected) = report?;
    if let Some(path) = &args.report {
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(path, json).with_context(|| format!("failed to write {}", path.display()))?;
    }
    match output.format {
        Format::Json => output.json(&report)?,
        Format::Table => run_report::write(&report, &connected.state_bucket, output)?,
    }
    Ok(run_report::exit(&report))
}

/// Opens the scan as a stream that ends with an error on Ctrl-C, so that the run is wound up and its claim given back.
async fn open(source: &Source, connected: &Connected) -> Result<Scan> {
    let scan = match source {
        Source::Object(upload) => connected.cloud.open(upload).await.map_err(|error| not_opened(&error))?,
        Source::File(path) => body::of_file(path).await?,
        Source::Stdin => {
            return Err(Failure::new(Exit::Usage, "an export needs a file or an object, by which the run is known")
                .hint("write standard input to a file first")
                .into());
        }
    };
    Ok(Scan { body: body::until_interrupted(scan.body), ..scan })
}

fn not_opened(error: &OpenError) -> Failure {
    match error {
        OpenError::NotFound { url } => {
            Failure::new(Exit::Error, error.to_string()).hint(format!("aws s3 ls {url} shows what is there"))
        }
        OpenError::Failed(error) => port(error),
    }
}

async fn export(args: &Args, connected: &Connected, scan: Scan, output: &Output) -> Result<RunReport> {
    let settings = Settings {
        import_calls_per_second: args.calls_per_second,
        import_calls_burst: args.calls_burst,
        ..Settings::default()
    };
    let progress = Arc::new(Progress::default());
    let seen = progress.clone();
    let watch = Watch::begin(output.err_style, Some(scan.info.bytes), move || {
        let (read, sent) = (text::count(seen.findings_read()), text::count(seen.findings_sent()));
        (seen.bytes_read(), format!("{read} read, {sent} sent"))
    });
    let options = Options { again: !args.once, progress, ..Options::default() };
    let source = scan.info.source.clone();
    let exported = Exporter::new(connected.cloud.clone(), settings).export(scan, options).await;
    drop(watch);
    exported.map_err(|error| failed(&error, &source).into())
}

fn failed(error: &ExportError, source: &str) -> Failure {
    match error {
        ExportError::Held { run_id, .. } => Failure::new(Exit::Error, error.to_string())
            .hint(format!("wait until it is done: hubctl run show {run_id}")),
        ExportError::Port(error) => {
            let failure = port(error);
            match failure.hint {
                Some(_) => failure,
                None => failure.hint(format!("try again, nothing is sent twice: hubctl export {source}")),
            }
        }
        ExportError::Unbalanced { .. } => Failure::new(Exit::Error, error.to_string())
            .hint("this is a defect of the exporter: please report it, with the run's report"),
    }
}

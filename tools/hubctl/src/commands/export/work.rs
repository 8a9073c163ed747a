//! The steps that all local exports have in common: open the scan, export it with a progress bar, and report the result.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use exporter::export::{ExportError, Exporter, Options};
use exporter::model::settings::Settings;
use exporter::ports::{OpenError, Ports, Scan, Scans};
use exporter::progress::Progress;
use exporter::report::RunReport;

use super::body;
use crate::config::Format;
use crate::deployment::port;
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::progress::Watch;
use crate::render::run_report;
use crate::render::{Output, text};
use crate::scan::source::Source;
use crate::shell::quoted;

/// Options of a local export.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Work {
    /// Also write the run's report to a file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Rate limit of BatchImportFindings per account and Region, in calls per second; 0 for unlimited
    #[arg(long, value_name = "CALLS", default_value_t = Settings::default().import_calls_per_second)]
    calls_per_second: u32,

    /// Burst size of the rate limit
    #[arg(long, value_name = "CALLS", default_value_t = Settings::default().import_calls_burst)]
    calls_burst: u32,
}

impl Work {
    /// Without a rate limit, for an export that makes no calls.
    pub(crate) fn unlimited_rate() -> Self {
        Self { report: None, calls_per_second: 0, calls_burst: Settings::default().import_calls_burst }
    }
}

impl Work {
    /// Settings of the exporter.
    pub(crate) fn settings(&self, origin: &Origin) -> Settings {
        Settings {
            command_options: origin.options().to_owned(),
            import_calls_per_second: self.calls_per_second,
            import_calls_burst: self.calls_burst,
            ..Settings::default()
        }
    }

    /// Whether a rate limit other than the default is set.
    pub(crate) fn has_custom_rate(&self) -> bool {
        let usual = Settings::default();
        (self.calls_per_second, self.calls_burst) != (usual.import_calls_per_second, usual.import_calls_burst)
    }

    /// Writes the result to the file of `--report`, if given.
    pub(crate) fn save_report(&self, result: &impl serde::Serialize) -> Result<()> {
        let Some(path) = &self.report else { return Ok(()) };
        let json = serde_json::to_vec_pretty(result)?;
        std::fs::write(path, json).with_context(|| format!("failed to write {}", path.display()))
    }
}

/// Opens the scan as a stream that fails on Ctrl-C, so that the run completes and its upload lock is released.
pub(crate) async fn open(source: &Source, scans: &impl Scans) -> Result<Scan> {
    let scan = match source {
        Source::Object(upload) => scans.open(upload).await.map_err(|error| not_opened(&error))?,
        Source::File(path) => body::of_file(path).await?,
        Source::Stdin => {
            return Err(Failure::new(Exit::Usage, "an export requires a file or an object, which identifies the run")
                .hint("write standard input to a file first")
                .into());
        }
    };
    Ok(until_interrupted(scan))
}

/// A scan whose stream fails on Ctrl-C.
pub(crate) fn until_interrupted(scan: Scan) -> Scan {
    Scan { body: body::until_interrupted(scan.body), ..scan }
}

fn not_opened(error: &OpenError) -> Failure {
    match error {
        OpenError::NotFound { url } => {
            Failure::new(Exit::Error, error.to_string()).hint(format!("to list it: aws s3 ls {url}"))
        }
        OpenError::Failed(error) => port(error),
    }
}

/// Exports a scan.
pub(crate) async fn export<P: Ports>(
    ports: &Arc<P>,
    work: &Work,
    origin: &Origin,
    scan: Scan,
    options: Options,
    output: &Output,
) -> Result<RunReport> {
    let progress = Arc::new(Progress::default());
    let seen = progress.clone();
    let watch = Watch::begin(output.err_style, Some(scan.info.bytes), move || {
        let (read, sent) = (text::count(seen.findings_read()), text::count(seen.findings_sent()));
        (seen.bytes_read(), format!("{read} read, {sent} sent"))
    });
    let exported = export_silently(ports, &work.settings(origin), origin, scan, Options { progress, ..options }).await;
    drop(watch);
    exported
}

/// Exports a scan without a progress bar.
pub(crate) async fn export_silently<P: Ports>(
    ports: &Arc<P>,
    settings: &Settings,
    origin: &Origin,
    scan: Scan,
    options: Options,
) -> Result<RunReport> {
    let source = scan.info.source.clone();
    let exported = Exporter::new(ports.clone(), settings.clone()).export(scan, options).await;
    // Without a deployment, all settings are options, which are not stored.
    let retry_command = if origin.is_standalone() {
        "the same command".to_owned()
    } else {
        origin.command(&format!("hubctl export {}", quoted(&source)))
    };
    exported.map_err(|error| failed(&error, &retry_command).into())
}

pub(crate) fn failed(error: &ExportError, retry_command: &str) -> Failure {
    match error {
        ExportError::InProgress { run_id, .. } => Failure::new(Exit::Error, error.to_string()).hint(format!(
            "wait until run {run_id} completes; if it was killed, its locks expire within 15 minutes, or 30 in a deployment with \
                 FunctionTimeoutSeconds=1800"
        )),
        ExportError::Port(error) => {
            let failure = port(error);
            match failure.hint {
                Some(_) => failure,
                None => failure.hint(format!("retry, findings are not sent twice: {retry_command}")),
            }
        }
        ExportError::Unbalanced { .. } => Failure::new(Exit::Error, error.to_string())
            .hint("this is an internal error: please report it, with the run's report"),
    }
}

/// Reports the outcome of every finding.
pub(crate) fn conclude(work: &Work, report: &RunReport, origin: &Origin, output: &mut Output) -> Result<Exit> {
    let report = &origin.complete(report);
    work.save_report(report)?;
    match output.format {
        Format::Json => output.json(report)?,
        Format::Table => run_report::write(report, origin, output)?,
    }
    Ok(run_report::exit(report))
}

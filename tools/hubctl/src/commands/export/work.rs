//! What every export from this machine does: open the scan, export it while somebody watches, say how it ended.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use exporter::export::{ExportError, Exporter, Options};
use exporter::ports::{OpenError, Ports, Scan, Scans};
use exporter::progress::Progress;
use exporter::report::RunReport;
use exporter::settings::Settings;

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

/// How an export from this machine works.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Work {
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

impl Work {
    /// For an export that calls nobody: no pace holds it up.
    pub(crate) fn unpaced() -> Self {
        Self { report: None, calls_per_second: 0, calls_burst: Settings::default().import_calls_burst }
    }
}

impl Work {
    /// How the exporter is to behave towards the service, and what its reports name.
    pub(crate) fn settings(&self, origin: &Origin) -> Settings {
        Settings {
            command_options: origin.options().to_owned(),
            import_calls_per_second: self.calls_per_second,
            import_calls_burst: self.calls_burst,
            ..Settings::default()
        }
    }

    /// Whether it is to keep another pace than most.
    pub(crate) fn has_own_pace(&self) -> bool {
        let usual = Settings::default();
        (self.calls_per_second, self.calls_burst) != (usual.import_calls_per_second, usual.import_calls_burst)
    }

    /// Writes the result to the file that is asked for, if one is.
    pub(crate) fn keep(&self, result: &impl serde::Serialize) -> Result<()> {
        let Some(path) = &self.report else { return Ok(()) };
        let json = serde_json::to_vec_pretty(result)?;
        std::fs::write(path, json).with_context(|| format!("failed to write {}", path.display()))
    }
}

/// Opens the scan as a stream that ends with an error on Ctrl-C, so that the run is wound up and its claim given back.
pub(crate) async fn open(source: &Source, scans: &impl Scans) -> Result<Scan> {
    let scan = match source {
        Source::Object(upload) => scans.open(upload).await.map_err(|error| not_opened(&error))?,
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
    let source = scan.info.source.clone();
    let exported =
        Exporter::new(ports.clone(), work.settings(origin)).export(scan, Options { progress, ..options }).await;
    drop(watch);
    // Without a deployment the command has all the settings in its options, which only its caller knows.
    let again = if origin.is_standalone() {
        "the same command".to_owned()
    } else {
        origin.command(&format!("hubctl export {}", quoted(&source)))
    };
    exported.map_err(|error| failed(&error, &again).into())
}

pub(crate) fn failed(error: &ExportError, again: &str) -> Failure {
    match error {
        ExportError::InProgress { run_id, .. } => Failure::new(Exit::Error, error.to_string()).hint(format!(
            "run {run_id} ends soon; if it was killed, its locks expire within 15 minutes, or 30 in a deployment with \
                 FunctionTimeoutSeconds=1800"
        )),
        ExportError::Port(error) => {
            let failure = port(error);
            match failure.hint {
                Some(_) => failure,
                None => failure.hint(format!("try again, nothing is sent twice: {again}")),
            }
        }
        ExportError::Unbalanced { .. } => Failure::new(Exit::Error, error.to_string())
            .hint("this is a defect of the exporter: please report it, with the run's report"),
    }
}

/// Says what became of every finding.
pub(crate) fn conclude(work: &Work, report: &RunReport, origin: &Origin, output: &mut Output) -> Result<Exit> {
    let report = &origin.complete(report);
    work.keep(report)?;
    match output.format {
        Format::Json => output.json(report)?,
        Format::Table => run_report::write(report, origin, output)?,
    }
    Ok(run_report::exit(report))
}

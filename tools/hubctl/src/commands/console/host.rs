//! The ports of the console: hubctl's client, and its commands on this machine.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use exporter::explain::Explanation;
use exporter::export::Options;
use exporter::export::plan::{PlanError, PlanReport, plan};
use exporter::model::provider::ProviderId;
use exporter::model::settings::Settings;
use exporter::ports::Scan;
use exporter::report::RunReport;
use tokio::sync::RwLock;
use web_console::ports::Reply;
use web_console::{Api, DeploymentCheck, ExportSource, Permissions, Unavailable, Workbench};

use crate::args::role::ExternalId;
use crate::client::Management;
use crate::commands::doctor::{self, Finding, Health};
use crate::commands::explain::locally;
use crate::commands::export::work::{export_silently, failed, open, until_interrupted};
use crate::commands::permissions::{document, policy::TemplateFormat};
use crate::config::Global;
use crate::deployment::connect;
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::scan::source::Source;

/// Bytes of the states that a plan would write and keeps in memory, at most: about four million findings.
const PLAN_BYTES_MAX: usize = 512 << 20;

/// The ports.
pub(super) struct Host {
    management: Arc<Management>,
    global: Global,
    /// Each export that is in progress holds it for reading.
    exporting: Arc<RwLock<()>>,
}

impl Host {
    pub(super) fn new(management: Arc<Management>, global: &Global) -> Self {
        Self { management, global: global.clone(), exporting: Arc::default() }
    }

    /// Whether an export is in progress.
    pub(super) fn is_exporting(&self) -> bool {
        self.exporting.try_write().is_err()
    }

    /// Waits until no export is in progress.
    pub(super) async fn exported(&self) {
        let _none = self.exporting.write().await;
    }
}

impl Api for Host {
    fn call(&self, request: http::Request<Bytes>) -> Reply<http::Response<Bytes>> {
        let management = self.management.clone();
        Box::pin(async move { management.pass(request).await.map_err(unavailable) })
    }
}

impl Workbench for Host {
    fn permissions(&self, request: Permissions) -> Reply<String> {
        let management = self.management.clone();
        Box::pin(async move {
            let wrong = |message: &str| Failure::new(Exit::Usage, message);
            let work = async {
                let id: ProviderId = request.provider.parse()?;
                let external_id = request.external_id.as_deref().map(str::parse::<ExternalId>);
                let external_id = external_id.transpose().map_err(wrong)?;
                let form = request.form.parse::<TemplateFormat>().map_err(|_| wrong("unknown format"))?;
                document(&management, id, external_id, form).await
            };
            work.await.map_err(|error: anyhow::Error| unavailable(failure_of(error)))
        })
    }

    fn inspect(&self) -> Reply<Vec<DeploymentCheck>> {
        let global = self.global.clone();
        Box::pin(async move {
            let found = on_a_thread(move || async move { doctor::inspect(&global).await }).await?;
            Ok(found.into_iter().map(check).collect())
        })
    }

    fn plan(&self, scan: Scan) -> Reply<PlanReport> {
        let global = self.global.clone();
        Box::pin(on_a_thread(move || async move {
            let connected = connect(&global).await?;
            let options = Options { reexport: true, any_format: true, ..Options::default() };
            let planned = plan(connected.cloud, &Settings::default(), scan, options, Some(PLAN_BYTES_MAX)).await;
            planned.map_err(|error| not_planned(&error).into())
        }))
    }

    fn explain(&self, finding_id: String, live: bool) -> Reply<Explanation> {
        let global = self.global.clone();
        Box::pin(on_a_thread(move || async move { locally(&global, &finding_id, live).await }))
    }

    fn export(&self, source: ExportSource) -> Reply<RunReport> {
        let (global, exporting) = (self.global.clone(), self.exporting.clone());
        Box::pin(async move {
            let _exporting = exporting.read_owned().await;
            on_a_thread(move || async move { export(&global, source).await }).await
        })
    }
}

/// Runs work on a separate thread, since the futures of some of it are not `Send`.
async fn on_a_thread<T: Send + 'static, F: Future<Output = Result<T>>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<T, Unavailable> {
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(work())).await;
    done.map_err(anyhow::Error::from).flatten().map_err(|error| unavailable(failure_of(error)))
}

fn not_planned(error: &PlanError) -> Failure {
    match error {
        PlanError::TooLarge => Failure::new(Exit::Error, "the scan is too large for a plan in the console")
            .hint("hubctl plan FILE plans it without a limit"),
        PlanError::Failed(error) => failed(error, "plan it again"),
    }
}

/// Exports a scan as `hubctl export` does.
async fn export(global: &Global, source: ExportSource) -> Result<RunReport> {
    let connected = connect(global).await?;
    let is_local_file = matches!(source, ExportSource::File(_));
    let scan = match source {
        ExportSource::File(scan) => until_interrupted(scan),
        ExportSource::Object { url, etag } => {
            let object = Source::parse(url.into()).map_err(|error| Failure::new(Exit::Usage, error))?;
            let scan = open(&object, connected.cloud.as_ref()).await?;
            require_planned(&scan, &etag)?;
            scan
        }
    };
    let origin = Origin::workstation(global, is_local_file, connected.state());
    let settings = Settings { command_options: origin.options().to_owned(), ..Settings::default() };
    let options = Options { reexport: true, any_format: is_local_file, ..Options::default() };
    export_silently(&connected.cloud, &settings, &origin, scan, options).await
}

/// Fails if an object is not the one that was planned.
fn require_planned(scan: &Scan, etag: &str) -> Result<(), Failure> {
    if scan.info.etag == etag {
        return Ok(());
    }
    let message = format!("{} was replaced after it was planned", scan.info.source);
    Err(Failure::new(Exit::Error, message).hint("plan it again"))
}

/// A check of the deployment, as the console shows it.
fn check(finding: Finding) -> DeploymentCheck {
    let is_well = match finding.status {
        Health::Ok => Some(true),
        Health::Bad => Some(false),
        Health::Unknown => None,
    };
    let Finding { check, message, remediation, .. } = finding;
    DeploymentCheck { check: check.to_owned(), is_well, message, remediation }
}

fn failure_of(error: anyhow::Error) -> Failure {
    error.downcast::<Failure>().unwrap_or_else(|error| Failure::new(Exit::Error, error.to_string()))
}

fn unavailable(failure: Failure) -> Unavailable {
    let is_denied = failure.exit == Exit::Credentials;
    Unavailable { is_denied, message: failure.message, remediation: failure.hint }
}

#[cfg(test)]
mod tests {
    use exporter::model::upload::UploadInfo;
    use futures::StreamExt as _;

    use super::*;

    #[test]
    fn an_object_that_was_replaced_is_not_exported() {
        let info = UploadInfo { etag: "a".to_owned(), ..UploadInfo::default() };
        let scan = Scan { info, body: futures::stream::empty().boxed() };
        assert!(require_planned(&scan, "a").is_ok() && require_planned(&scan, "b").is_err());
    }
}

//! Replaces the commands of hubctl, with results for the sample data. Plans and exports are those of the exporter, over the ports
//! in memory.

use std::sync::Arc;

use exporter::explain::{Explanation, FindingName, explain};
use exporter::export::plan::{PlanReport, plan};
use exporter::export::{Exporter, Options};
use exporter::jobs::EXPLAINED_RUNS_MAX;
use exporter::model::settings::Settings;
use exporter::model::upload::Upload;
use exporter::ports::{Runs as _, Scan, Scans as _};
use exporter::report::RunReport;
use exporter::testing::InMemory;
use web_console::ports::Reply;
use web_console::{DeploymentCheck, ExportSource, Permissions, Unavailable, Workbench};

/// The commands that run on this machine.
pub(crate) struct Bench {
    pub(crate) memory: Arc<InMemory>,
}

fn unavailable(error: &impl ToString) -> Unavailable {
    Unavailable { is_denied: false, message: error.to_string(), remediation: None }
}

impl Workbench for Bench {
    fn permissions(&self, request: Permissions) -> Reply<String> {
        Box::pin(async move { Ok(format!("# {} of {}\n", request.form, request.provider)) })
    }

    fn inspect(&self) -> Reply<Vec<DeploymentCheck>> {
        let check = |check: &str, is_well, message: &str, remediation: Option<&str>| DeploymentCheck {
            check: check.to_owned(),
            is_well,
            message: message.to_owned(),
            remediation: remediation.map(str::to_owned),
        };
        let redrive = "aws sqs start-message-move-task --region eu-west-1 --source-arn \
                       arn:aws:sqs:eu-west-1:111122223333:securityhub-exporter-dead-letters";
        let checks = vec![
            check("scan bucket", Some(true), "EventBridge notifications are enabled on acme-prowler-scans", None),
            check("dead-letter queue", Some(false), "2 uploads failed after all retries", Some(redrive)),
            check("alarms", None, "access denied", Some("your credentials lack the permission to read it")),
        ];
        Box::pin(async move { Ok(checks) })
    }

    fn plan(&self, scan: Scan) -> Reply<PlanReport> {
        let memory = self.memory.clone();
        let options = Options { reexport: true, any_format: true, ..Options::default() };
        Box::pin(async move {
            plan(memory, &Settings::default(), scan, options, None).await.map_err(|error| unavailable(&error))
        })
    }

    fn explain(&self, finding_id: String, live: bool) -> Reply<Explanation> {
        let memory = self.memory.clone();
        Box::pin(async move {
            let name = FindingName::parse(&finding_id).ok_or_else(|| unavailable(&"not the ID of a finding"))?;
            let runs =
                memory.newest_runs(name.account, EXPLAINED_RUNS_MAX).await.map_err(|error| unavailable(&error))?;
            explain(memory.as_ref(), &finding_id, name, &runs, live).await.map_err(|error| unavailable(&error))
        })
    }

    fn export(&self, source: ExportSource) -> Reply<RunReport> {
        let memory = self.memory.clone();
        Box::pin(async move {
            let (scan, any_format) = match source {
                ExportSource::File(scan) => (scan, true),
                ExportSource::Object { url, .. } => {
                    let object = url.strip_prefix("s3://").and_then(|address| address.split_once('/'));
                    let (bucket, key) = object.unwrap_or_default();
                    (memory.open(&Upload::new(bucket, key)).await.map_err(|error| unavailable(&error))?, false)
                }
            };
            let options = Options { reexport: true, any_format, ..Options::default() };
            Exporter::new(memory, Settings::default()).export(scan, options).await.map_err(|error| unavailable(&error))
        })
    }
}

//! Exports the upload of a run again from S3.

use std::sync::Arc;

use super::error::JobError;
use super::runner::Options;
use crate::export::{self, ExportError, Exporter};
use crate::model::approval::Approval;
use crate::model::settings::Settings;
use crate::model::upload::Upload;
use crate::ports::report_store::read_report;
use crate::ports::{OpenError, Ports, Scans};
use crate::report::pending_findings::PendingFindings;
use crate::report::{RunKind, RunReport, RunTrigger};

/// Exports the upload of a run again.
pub(super) async fn replay<P: Ports + Scans>(
    ports: &Arc<P>,
    settings: &Settings,
    run_id: &str,
    approval: Approval,
    options: &Options,
) -> Result<RunReport, JobError> {
    let rejected = |message: String| JobError::Rejected(message);
    let earlier = read_report(ports.as_ref(), run_id).await?;
    let earlier = earlier.ok_or_else(|| rejected(format!("run {run_id} has no report; export its upload again")))?;
    if earlier.kind != RunKind::Export {
        return Err(rejected(format!("run {run_id} is not an export (kind {})", earlier.kind.as_str())));
    }
    let source = &earlier.upload.source;
    let (bucket, key) = source
        .strip_prefix("s3://")
        .and_then(|address| address.split_once('/'))
        .ok_or_else(|| rejected(format!("run {run_id} exported {source}, which is not in S3")))?;
    let (requester, etag) = (earlier.upload.requester.clone(), Some(earlier.upload.etag.clone()));
    let scan = match ports.open(&Upload { requester, etag, ..Upload::new(bucket, key) }).await {
        Ok(scan) => scan,
        Err(not_found @ OpenError::NotFound { .. }) => return Err(rejected(not_found.to_string())),
        Err(OpenError::Failed(error)) => return Err(error.into()),
    };
    if scan.info.etag != earlier.upload.etag {
        return Err(rejected(format!("{source} has changed since run {run_id} exported it")));
    }
    options.progress.expect(earlier.counts.read + earlier.findings_to_approve(approval));
    for (region, findings) in earlier.regions_to_approve(approval) {
        options.progress.expect_in(region, findings);
    }
    let exporter = Exporter::new(ports.clone(), settings.clone());
    let approved_run = (approval != Approval::default()).then(|| earlier.run_id.clone());
    if earlier.findings_to_approve(approval) > 0
        && PendingFindings::open(ports.as_ref(), &earlier.run_id).await?.is_none()
    {
        let message = format!(
            "the list of findings of run {0} has expired; export its upload again: hubctl run replay {0}",
            earlier.run_id
        );
        return Err(rejected(message));
    }
    let Options { job_id, run_id, deadline, progress } = options.clone();
    let trigger = RunTrigger::of_reexport(approval);
    let options = export::Options {
        reexport: true,
        approval,
        approved_run,
        any_format: false,
        trigger,
        job_id,
        run_id,
        deadline,
        progress,
    };
    exporter.export(scan, options).await.map_err(|error| match error {
        locked @ ExportError::InProgress { .. } => JobError::Locked(locked.to_string()),
        error => error.into(),
    })
}

//! Jobs that report what an export would do, or what is known about a finding. They change nothing. Therefore they are recorded
//! in the list of jobs, but not in the audit log.

use exporter::explain::FindingName;
use exporter::jobs::{Job, JobReport};

use super::Service;
use super::runs::{REPORT_BYTES_MAX, truncate_report};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::JobView;

/// Maximum length of an object's S3 URI in bytes: a bucket name has
/// at most 63 (S3 User Guide, "Bucket naming rules"), a key 1,024.
const SOURCE_BYTES_MAX: usize = 1_100;
/// Maximum length of a finding's Id in bytes (service model of Security Hub).
const FINDING_ID_BYTES_MAX: usize = 512;

impl<P: Ports> Service<P> {
    /// Submits a plan of the export of an uploaded scan.
    ///
    /// # Errors
    ///
    /// If `source` is not the URI of an S3 object, or the job can't be submitted.
    pub async fn plan(&self, caller: &Caller, source: String) -> Result<JobView, ApiError> {
        let object = source.strip_prefix("s3://").and_then(|address| address.split_once('/'));
        let is_object = object.is_some_and(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
        if !is_object || source.len() > SOURCE_BYTES_MAX || source.chars().any(char::is_control) {
            let message = format!("must be an object, as s3://BUCKET/KEY, of at most {SOURCE_BYTES_MAX} bytes");
            return Err(ApiError::field("source", message));
        }
        self.enqueue(caller, Job::Plan { source }, None).await
    }

    /// Submits an explanation of a finding.
    ///
    /// # Errors
    ///
    /// If `finding_id` is not the Id of a Prowler finding, or the job can't be submitted.
    pub async fn explain(&self, caller: &Caller, finding_id: String, live: bool) -> Result<JobView, ApiError> {
        let is_ours = finding_id.len() <= FINDING_ID_BYTES_MAX && FindingName::parse(&finding_id).is_some();
        if !is_ours || finding_id.chars().any(char::is_control) {
            let message = "must be the Id of a Prowler finding: prowler-CHECK-ACCOUNT-REGION-HASH";
            return Err(ApiError::field("finding_id", message));
        }
        self.enqueue(caller, Job::Explain { finding_id, live }, None).await
    }

    /// Adds the report to a job. A very large plan is truncated to the maximum size of a response: Regions and accounts without
    /// problems are omitted, and the plan states that.
    pub(super) async fn with_report(&self, view: JobView) -> Result<JobView, ApiError> {
        let Some(JobReport { plan, explanation }) = self.ports.job_report(&view.id).await? else { return Ok(view) };
        let plan = plan.map(|mut plan| {
            plan.run = truncate_report(plan.run, REPORT_BYTES_MAX);
            Box::new(plan)
        });
        Ok(JobView { plan, explanation: explanation.map(Box::new), ..view })
    }
}

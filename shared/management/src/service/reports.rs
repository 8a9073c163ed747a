//! Jobs that report: what an export would do, and what is known of a finding. They change nothing, so that the audit log does not have
//! them; the list of jobs does.

use exporter::explain::FindingName;
use exporter::jobs::{Job, JobReport};

use super::Service;
use super::runs::{REPORT_BYTES_MAX, truncate_report};
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::JobView;

/// Bytes of an object's URI at most: a bucket's name has 63 (S3 User Guide, "Bucket naming rules"), a key 1,024.
const SOURCE_BYTES_MAX: usize = 1_100;
/// Bytes of a finding's Id at most (service model of Security Hub).
const FINDING_ID_BYTES_MAX: usize = 512;

impl<P: Ports> Service<P> {
    /// Submits a plan of the export of an uploaded scan.
    ///
    /// # Errors
    ///
    /// If it is not the URI of an object in S3, or the job can't be submitted.
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
    /// If it is not the Id of a Prowler finding, or the job can't be submitted.
    pub async fn explain(&self, caller: &Caller, finding_id: String, live: bool) -> Result<JobView, ApiError> {
        let is_ours = finding_id.len() <= FINDING_ID_BYTES_MAX && FindingName::parse(&finding_id).is_some();
        if !is_ours || finding_id.chars().any(char::is_control) {
            let message = "must be the Id of a Prowler finding: prowler-CHECK-ACCOUNT-REGION-HASH";
            return Err(ApiError::field("finding_id", message));
        }
        self.enqueue(caller, Job::Explain { finding_id, live }, None).await
    }

    /// A job with its report, in so many bytes as an answer may have: of a very large plan, Regions and accounts without problems are
    /// left out, and it says so.
    pub(super) async fn with_report(&self, view: JobView) -> Result<JobView, ApiError> {
        let Some(JobReport { plan, explanation }) = self.ports.job_report(&view.id).await? else { return Ok(view) };
        let plan = plan.map(|mut plan| {
            plan.run = truncate_report(plan.run, REPORT_BYTES_MAX);
            Box::new(plan)
        });
        Ok(JobView { plan, explanation: explanation.map(Box::new), ..view })
    }
}

//! Jobs that report and change nothing: a plan, or the explanation of a finding. Their report is an object next to the
//! reports of runs, so that it may be larger than an item of the table, and is deleted at the same time.
//!
//! Guarantees: such a job sends nothing to Security Hub, writes no state, acquires no lock, and is not recorded as a
//! run. It may run twice.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::JobError;
use super::runner::Options;
use crate::explain::{Explanation, FindingName, explain};
use crate::export;
use crate::export::plan::{PlanError, PlanReport, plan};
use crate::model::settings::Settings;
use crate::model::upload::Upload;
use crate::ports::report_store::{read_json, save_json};
use crate::ports::{Objects, OpenError, PortError, Ports, Scans};

/// Number of the account's last runs that an explanation searches.
pub const EXPLAINED_RUNS_MAX: usize = 20;
/// Maximum number of bytes of the states that a plan would write and holds in memory: those of about a million
/// findings. A function has 1,769 MB by default.
const PLAN_BYTES_MAX: usize = 128 << 20;

/// The report of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobReport {
    /// The report of a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanReport>,
    /// The report of an explanation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

impl JobReport {
    /// The key of a job's report.
    pub fn key(job_id: &str) -> String {
        format!("runs/{job_id}/job.json")
    }
}

/// Reads a job's report. `None` if it has none, or if it was deleted.
///
/// # Errors
///
/// When the state bucket does not respond, or the report can't be parsed.
pub async fn read_job_report(ports: &impl Objects, job_id: &str) -> Result<Option<JobReport>, PortError> {
    read_json(ports, &JobReport::key(job_id)).await
}

/// Plans the export of an object of S3, and stores the plan.
pub(super) async fn report_plan<P: Ports + Scans>(
    ports: &Arc<P>,
    settings: &Settings,
    source: &str,
    options: &Options,
) -> Result<(), JobError> {
    let id = require_id(options)?;
    let local = local_command(source);
    let object = source.strip_prefix("s3://").and_then(|address| address.split_once('/'));
    let (bucket, key) = object.ok_or_else(|| JobError::Rejected(format!("{source} is not an object in S3")))?;
    let scan = match ports.open(&Upload::new(bucket, key)).await {
        Ok(scan) => scan,
        Err(not_found @ OpenError::NotFound { .. }) => return Err(JobError::Rejected(not_found.to_string())),
        // The object is most likely in another bucket, which the function can't read. A failed job would raise an alarm
        // without use, so the job is rejected.
        Err(OpenError::Failed(error)) => {
            return Err(JobError::Rejected(format!("{error}; to plan it with your own credentials: {local}")));
        }
    };
    let Options { deadline, progress, .. } = options.clone();
    let options = export::Options { reexport: true, deadline, progress, ..export::Options::default() };
    let planned = plan(ports.clone(), settings, scan, options, Some(PLAN_BYTES_MAX)).await;
    let mut plan = planned.map_err(|error| match error {
        PlanError::TooLarge => JobError::Rejected(format!("{error}: {local}")),
        PlanError::Failed(error) => JobError::Failed(error),
    })?;
    if plan.is_incomplete() {
        plan.run
            .reasons
            .push(format!("deadline exceeded before the plan was complete; to plan without a time limit: {local}"));
    }
    save(ports.as_ref(), id, &JobReport { plan: Some(plan), ..JobReport::default() }).await
}

/// The command that plans on the operator's machine. Any principal that can upload scans chooses their keys; therefore
/// a key that a shell would interpret is not part of a command to copy.
fn local_command(source: &str) -> String {
    let is_plain = source.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:=+@,".contains(&byte));
    format!("hubctl plan {} --local", if is_plain { source } else { "S3-URL" })
}

/// Explains a finding, and stores the explanation.
pub(super) async fn report_explanation<P: Ports>(
    ports: &P,
    finding_id: &str,
    live: bool,
    options: &Options,
) -> Result<(), JobError> {
    let id = require_id(options)?;
    let name = FindingName::parse(finding_id);
    let name = name.ok_or_else(|| JobError::Rejected("it is not the ID of a Prowler finding".to_owned()))?;
    let runs = ports.newest_runs(name.account, EXPLAINED_RUNS_MAX).await?;
    let explanation = explain(ports, finding_id, name, &runs, live).await?;
    save(ports, id, &JobReport { explanation: Some(explanation), ..JobReport::default() }).await
}

async fn save(ports: &impl Objects, id: &str, report: &JobReport) -> Result<(), JobError> {
    Ok(save_json(ports, &JobReport::key(id), report).await?)
}

/// The ID of the job, under which its report is stored.
fn require_id(options: &Options) -> Result<&str, JobError> {
    let id = options.job_id.as_deref().filter(|id| !id.contains('/'));
    id.ok_or_else(|| JobError::Rejected("a job that reports requires an ID: submit it through the API".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_a_shell_would_interpret_is_not_in_a_command() {
        assert_eq!(local_command("s3://b/a/scan-1.json"), "hubctl plan s3://b/a/scan-1.json --local");
        for key in ["a b", "a;id", "$(id)", "`id`", "a'b", "a\nb"] {
            assert_eq!(local_command(&format!("s3://b/{key}")), "hubctl plan S3-URL --local", "{key}");
        }
    }
}

//! Reports of jobs about the sample data.

use exporter::explain::{Explanation, ExportedState, FindingName, RunNote};
use exporter::export::plan::PlanReport;
use exporter::jobs::{Job, JobReport};
use jiff::Timestamp;
use serde_json::json;

use super::{RUN, ago, sample_plan};

/// The report of a plan or an explanation.
pub(crate) fn report(job: &Job, now: Timestamp) -> Option<JobReport> {
    match job {
        Job::Plan { source } => {
            let plan = PlanReport { run: sample_plan(source, now).ok()?, disabled: [].into() };
            Some(JobReport { plan: Some(plan), ..JobReport::default() })
        }
        Job::Explain { finding_id, .. } => {
            let explanation = explanation(finding_id, FindingName::parse(finding_id)?, now);
            Some(JobReport { explanation: Some(explanation), ..JobReport::default() })
        }
        _ => None,
    }
}

fn explanation(id: &str, name: FindingName, now: Timestamp) -> Explanation {
    let (first_seen, last_sent) = (ago(now, 60 * 24 * 60), ago(now, 20 * 60));
    let exported_state = ExportedState {
        region: name.region,
        state: "active".to_owned(),
        status: "FAILED".to_owned(),
        archived_as: None,
        absent: None,
        first_seen,
        last_sent,
        updated_at: last_sent,
        content: "0123456789abcdef".to_owned(),
        sent_by: Some(RUN.to_owned()),
        finding: json!({ "Id": id, "Title": "<script>alert(1)</script>" }),
    };
    let note = "sent, because its severity changed".to_owned();
    Explanation {
        id: id.to_owned(),
        name,
        exported_state: vec![exported_state],
        quarantine: Vec::new(),
        runs: vec![RunNote { run_id: RUN.to_owned(), started_at: last_sent, note }],
        stays_active: None,
        security_hub: Vec::new(),
        notes: Vec::new(),
    }
}

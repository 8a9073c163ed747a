//! Stands for the commands of hubctl: what they would say of the sample data.

use std::time::Duration;

use exporter::explain::{Explanation, FindingName, KnownState, RunNote};
use exporter::report::RunReport;
use exporter::upload::Upload;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use web_console::ports::Reply;
use web_console::{DeploymentCheck, Permissions, Unavailable, Workbench};

use crate::sample::{RUN, sample_plan};

/// The commands of this machine.
pub(crate) struct Bench;

impl Workbench for Bench {
    fn permissions(&self, request: Permissions) -> Reply<String> {
        Box::pin(async move { Ok(format!("# {} of {}\n", request.form, request.provider)) })
    }

    fn explain(&self, id: String, name: FindingName, _: bool) -> Reply<Explanation> {
        let now = Timestamp::now();
        let known = KnownState {
            region: name.region,
            state: "active",
            status: "FAILED",
            archived_as: None,
            absent: None,
            first_seen: now - SignedDuration::from_hours(24 * 60),
            last_sent: now - SignedDuration::from_hours(20),
            updated_at: now - SignedDuration::from_hours(20),
            content: "0123456789abcdef".to_owned(),
            sent_by: Some(RUN.to_owned()),
            finding: json!({ "Id": id, "Title": "<script>alert(1)</script>" }),
        };
        let said = "sent, because its severity changed".to_owned();
        let runs = vec![RunNote { run_id: RUN.to_owned(), started_at: now - SignedDuration::from_hours(20), said }];
        let quarantine = Vec::new();
        Box::pin(async move {
            Ok(Explanation {
                id,
                name,
                known: vec![known],
                quarantine,
                runs,
                stays_active: None,
                live: Vec::new(),
                notes: Vec::new(),
            })
        })
    }

    fn plan(&self, upload: Upload) -> Reply<RunReport> {
        let report = sample_plan(&upload.url(), Timestamp::now());
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            report.map_err(|error| Unavailable { is_denied: false, message: error, remediation: None })
        })
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
}

//! Replaces the commands of hubctl, with results for the sample data.

use web_console::ports::Reply;
use web_console::{DeploymentCheck, Permissions, Workbench};

/// The commands that run on this machine.
pub(crate) struct Bench;

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
}

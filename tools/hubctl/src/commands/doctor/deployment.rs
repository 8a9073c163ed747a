//! The checks of the deployment itself: does an upload reach the function, does it work, does anybody hear of it if not.

use aws::{Deployment, Inspector, Resource, RuleState, SdkConfig};
use exporter::ports::PortError;
use serde::Serialize;

use crate::deployment::port;
use crate::exit::Exit;

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: &'static str,
    /// How it stands.
    pub(super) status: Health,
    /// What was found.
    pub(super) message: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    /// As it should be.
    Well,
    /// It could not be looked at.
    Unknown,
    /// Uploads, checks or news do not come through.
    Bad,
}

impl Finding {
    pub(super) fn is_bad(&self) -> bool {
        self.status == Health::Bad
    }

    fn well(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Health::Well, message: message.into(), mend: None }
    }

    fn bad(check: &'static str, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, status: Health::Bad, message: message.into(), mend: Some(mend.into()) }
    }

    fn unknown(check: &'static str, error: &PortError) -> Self {
        let mend = match port(error).exit {
            Exit::Credentials => "your credentials lack the permission to read it",
            _ => "look again in a while; the service's own console shows the same",
        };
        Self { check, status: Health::Unknown, message: error.to_string(), mend: Some(mend.to_owned()) }
    }
}

/// Looks at all parts of a deployment, each by itself.
pub(super) async fn inspect(config: &SdkConfig, stack: Option<&str>, parts: &Deployment) -> Vec<Finding> {
    let region = config.region().map_or("REGION", |region| region.as_ref());
    let inspector = Inspector::new(config);
    let mut findings = vec![bucket(&inspector, parts, region).await];
    match inspector.resources(stack.unwrap_or_default()).await {
        Ok(resources) => findings.extend(by_resources(&inspector, &resources, parts, region).await),
        Err(error) => findings.push(Finding::unknown("stack", &error)),
    }
    for function in [Some(&parts.export_function_name), parts.check_function_name.as_ref()].into_iter().flatten() {
        findings.push(self::function(&inspector, function, region).await);
        findings.push(mapping(&inspector, function, region).await);
    }
    findings.push(match inspector.messages(&parts.queue_url).await {
        Ok(waiting) => Finding::well("queue", format!("{waiting} uploads wait or are being exported")),
        Err(error) => Finding::unknown("queue", &error),
    });
    let dead_letters = [
        ("dead letters", "uploads or jobs", Some(&parts.dead_letter_queue_url)),
        ("dead letters of checks", "checks or mails", parts.check_dead_letter_queue_url.as_ref()),
    ];
    for (check, what, url) in dead_letters {
        if let Some(url) = url {
            findings.push(dead(check, what, url, inspector.messages(url).await, region));
        }
    }
    findings
}

async fn bucket(inspector: &Inspector, parts: &Deployment, region: &str) -> Finding {
    const CHECK: &str = "scan bucket";
    let bucket = &parts.scan_bucket;
    match inspector.bucket_tells(bucket).await {
        Ok(true) => Finding::well(CHECK, format!("{bucket} tells EventBridge of uploads")),
        Ok(false) => Finding::bad(
            CHECK,
            format!("{bucket} does not tell EventBridge of uploads: none is exported"),
            // The call replaces all notifications, so what there is goes along.
            format!(
                "aws s3api put-bucket-notification-configuration --region {region} --bucket {bucket} \
                 --notification-configuration \"$(aws s3api get-bucket-notification-configuration --region {region} \
                 --bucket {bucket} | jq '. + {{EventBridgeConfiguration: {{}}}}')\""
            ),
        ),
        Err(error) => Finding::unknown(CHECK, &error),
    }
}

async fn by_resources(inspector: &Inspector, resources: &[Resource], parts: &Deployment, region: &str) -> Vec<Finding> {
    let named = |logical: &str| resources.iter().find(|resource| resource.logical == logical);
    let mut findings = Vec::new();
    if let Some(resource) = named("ScanUploadedRule") {
        findings.push(rule(inspector.rule(&resource.physical).await, &resource.physical, &parts.scan_bucket, region));
    }
    if let Some(resource) = named("CheckConnectionsSchedule") {
        findings.push(schedule(inspector.schedule(&resource.physical).await, &resource.physical, region));
    }
    let alarms: Vec<String> =
        resources.iter().filter(|found| found.logical.ends_with("Alarm")).map(|found| found.physical.clone()).collect();
    match inspector.alarms(&alarms).await {
        Ok(states) => {
            let ringing: Vec<_> = states.into_iter().filter(|alarm| alarm.in_alarm).collect();
            if ringing.is_empty() {
                findings.push(Finding::well("alarms", format!("none of {} is in alarm", alarms.len())));
            }
            findings.extend(
                ringing
                    .into_iter()
                    .map(|alarm| Finding::bad("alarms", format!("{} is in alarm", alarm.name), alarm.description)),
            );
        }
        Err(error) => findings.push(Finding::unknown("alarms", &error)),
    }
    findings
}

fn rule(state: Result<RuleState, PortError>, name: &str, bucket: &str, region: &str) -> Finding {
    const CHECK: &str = "upload rule";
    match state {
        Ok(rule) if !rule.enabled => Finding::bad(
            CHECK,
            format!("{name} is switched off: no upload is exported"),
            format!("aws events enable-rule --region {region} --name {name}"),
        ),
        Ok(rule) if !rule.pattern.contains(&format!("\"{bucket}\"")) => Finding::bad(
            CHECK,
            format!("{name} does not wait for uploads to {bucket}: somebody changed its pattern"),
            "sam build && sam deploy",
        ),
        Ok(_) => Finding::well(CHECK, format!("{name} is on and waits for uploads to {bucket}")),
        Err(error) => Finding::unknown(CHECK, &error),
    }
}

fn schedule(state: Result<(bool, String), PortError>, name: &str, region: &str) -> Finding {
    const CHECK: &str = "check schedule";
    match state {
        Ok((true, when)) => Finding::well(CHECK, format!("connections are checked by {when}")),
        Ok((false, _)) => Finding::bad(
            CHECK,
            format!("{name} is switched off: nobody notices a Region that is lost"),
            // Only an update can switch it on, and it replaces everything.
            format!(
                "aws scheduler get-schedule --region {region} --name {name} | jq '{{Name, GroupName, ScheduleExpression, \
                 ScheduleExpressionTimezone, FlexibleTimeWindow, Target, State: \"ENABLED\"}}' > schedule.json && aws \
                 scheduler update-schedule --region {region} --cli-input-json file://schedule.json"
            ),
        ),
        Err(error) => Finding::unknown(CHECK, &error),
    }
}

async fn function(inspector: &Inspector, name: &str, region: &str) -> Finding {
    const CHECK: &str = "function";
    match inspector.function(name).await {
        Ok(found) if found.state == "Failed" || found.last_update == "Failed" => Finding::bad(
            CHECK,
            format!(
                "{name} does not work: {}",
                found.reason.unwrap_or_else(|| "the service does not say why".to_owned())
            ),
            format!(
                "aws lambda get-function-configuration --region {region} --function-name {name}; then sam build && sam deploy"
            ),
        ),
        Ok(found) => Finding::well(CHECK, format!("{name} is {}", found.state.to_lowercase())),
        Err(error) => Finding::unknown(CHECK, &error),
    }
}

async fn mapping(inspector: &Inspector, function: &str, region: &str) -> Finding {
    const CHECK: &str = "queue to function";
    let mappings = match inspector.mappings(function).await {
        Ok(mappings) => mappings,
        Err(error) => return Finding::unknown(CHECK, &error),
    };
    let off =
        mappings.iter().find(|(_, state)| !["Enabled", "Enabling", "Updating", "Creating"].contains(&state.as_str()));
    match (mappings.is_empty(), off) {
        (true, _) => Finding::bad(CHECK, format!("no queue invokes {function}"), "sam build && sam deploy"),
        (false, None) => Finding::well(CHECK, format!("{function} takes from its queue")),
        (false, Some((uuid, state))) => Finding::bad(
            CHECK,
            format!("{function} does not take from its queue ({state})"),
            format!("aws lambda update-event-source-mapping --region {region} --uuid {uuid} --enabled"),
        ),
    }
}

fn dead(check: &'static str, what: &str, url: &str, found: Result<u64, PortError>, region: &str) -> Finding {
    match found {
        Ok(0) => Finding::well(check, "none"),
        Ok(count) => Finding::bad(
            check,
            format!("{count} {what} were given up; each is kept until 14 days after it arrived"),
            format!(
                "aws sqs receive-message --region {region} --queue-url {url} --max-number-of-messages 10 \
                 --visibility-timeout 0  # shows which; the alarm's description says how they are sent again"
            ),
        ),
        Err(error) => Finding::unknown(check, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> PortError {
        PortError { action: "read it".to_owned(), message: "AccessDenied".to_owned() }
    }

    #[test]
    fn a_rule_is_well_only_if_it_is_on_and_waits_for_the_bucket() {
        let state = |enabled, pattern: &str| Ok(RuleState { enabled, pattern: pattern.to_owned() });
        let of = |state| rule(state, "r", "scans", "eu-west-1");
        assert_eq!(of(state(true, r#"{"detail":{"bucket":{"name":["scans"]}}}"#)).status, Health::Well);
        assert!(
            of(state(false, r#"["scans"]"#))
                .mend
                .unwrap()
                .contains("aws events enable-rule --region eu-west-1 --name r")
        );
        assert!(of(state(true, r#"["scans-of-others"]"#)).is_bad());
        let denied = of(Err(failed()));
        assert_eq!(denied.status, Health::Unknown);
        assert!(denied.mend.unwrap().contains("permission"));
        let odd = of(Err(PortError { message: "unexpected type".to_owned(), ..failed() }));
        assert!(!odd.mend.unwrap().contains("permission"), "nothing is guessed");
    }

    #[test]
    fn dead_letters_are_bad_and_say_how_to_look_at_them() {
        assert_eq!(dead("dead letters", "uploads", "https://q", Ok(0), "eu-west-1").status, Health::Well);
        let found = dead("dead letters", "uploads", "https://q", Ok(3), "eu-west-1");
        assert!(found.is_bad() && found.message.starts_with("3 uploads"));
        assert!(found.mend.unwrap().starts_with("aws sqs receive-message --region eu-west-1 --queue-url https://q"));
    }

    #[test]
    fn a_schedule_that_is_off_is_switched_on_by_one_command() {
        assert_eq!(schedule(Ok((true, "rate(1 hour)".to_owned())), "s", "eu-west-1").status, Health::Well);
        let off = schedule(Ok((false, String::new())), "s", "eu-west-1");
        assert!(off.is_bad() && off.mend.unwrap().contains("aws scheduler update-schedule --region eu-west-1"));
    }
}

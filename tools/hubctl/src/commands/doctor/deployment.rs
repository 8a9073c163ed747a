//! Checks of the deployment: whether uploads reach the function, whether the function works, and whether anyone is notified if
//! not.

use aws::{AlarmState, Deployment, Inspector, Resource, RuleState, SdkConfig};
use exporter::ports::PortError;
use serde::Serialize;

use crate::deployment::port;
use crate::exit::Exit;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Name of the check.
    pub(crate) check: &'static str,
    /// Health.
    pub(crate) status: Health,
    /// Description of the result.
    pub(crate) message: String,
    /// Remediation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remediation: Option<String>,
}

/// Health of a part of the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
    /// No problem found.
    Ok,
    /// The check could not be run.
    Unknown,
    /// Uploads, checks, or notifications don't work.
    Bad,
}

impl Finding {
    pub(super) fn is_bad(&self) -> bool {
        self.status == Health::Bad
    }

    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Health::Ok, message: message.into(), remediation: None }
    }

    pub(super) fn bad(check: &'static str, message: impl Into<String>, remediation: impl Into<String>) -> Self {
        Self { check, status: Health::Bad, message: message.into(), remediation: Some(remediation.into()) }
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.status == Health::Unknown
    }

    /// The check could not be run; or the resource doesn't exist, according to the service's error code.
    pub(super) fn unknown(check: &'static str, error: &PortError) -> Self {
        if NOT_FOUND_CODES.iter().any(|sign| error.message.contains(sign)) {
            return Self::bad(check, format!("deleted: {error}"), "sam build && sam deploy");
        }
        let remediation = match port(error).exit {
            Exit::Credentials => "your credentials lack the permission to read it",
            _ => "retry later, or see the service's own console",
        };
        Self { check, status: Health::Unknown, message: error.to_string(), remediation: Some(remediation.to_owned()) }
    }
}

/// Error codes for a resource that doesn't exist.
const NOT_FOUND_CODES: [&str; 4] =
    ["ResourceNotFoundException", "NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket"];

/// Checks all parts of a deployment independently.
pub(super) async fn inspect(config: &SdkConfig, stack: Option<&str>, parts: &Deployment) -> Vec<Finding> {
    let region = config.region().map_or("REGION", |region| region.as_ref());
    let inspector = Inspector::new(config);
    let mut findings = vec![bucket(&inspector, parts, region).await];
    match inspector.resources(stack.unwrap_or_default()).await {
        Ok(resources) => findings.extend(by_resources(&inspector, &resources, parts, region).await),
        Err(error) => findings.push(Finding::unknown("stack", &error)),
    }
    let (exports, checks) = (Some(&parts.export_function_name), parts.check_function_name.as_ref());
    for function in [exports, checks, parts.manage_function_name.as_ref()].into_iter().flatten() {
        findings.push(self::function(&inspector, function, region).await);
        let reserved = inspector.concurrency(function).await;
        findings.extend(concurrency(function, reserved, region));
    }
    for function in [exports, checks].into_iter().flatten() {
        findings.push(mapping(&inspector, function, region).await);
    }
    if let Some(topic) = &parts.notification_topic_arn {
        findings.push(email(inspector.subscriptions(topic).await, topic, region));
    }
    findings.push(match inspector.messages(&parts.queue_url).await {
        Ok(waiting) => Finding::ok("queue", format!("{waiting} uploads queued or in progress")),
        Err(error) => Finding::unknown("queue", &error),
    });
    let dead_letters = [
        ("dead-letter queue", "uploads or jobs", Some(&parts.dead_letter_queue_url)),
        ("check dead-letter queue", "checks or emails", parts.check_dead_letter_queue_url.as_ref()),
    ];
    for (check, what, url) in dead_letters {
        if let Some(url) = url {
            findings.push(dead_letter_finding(check, what, url, inspector.messages(url).await, region));
        }
    }
    findings
}

async fn bucket(inspector: &Inspector, parts: &Deployment, region: &str) -> Finding {
    const CHECK: &str = "scan bucket";
    let bucket = &parts.scan_bucket;
    match inspector.bucket_sends_events(bucket).await {
        Ok(true) => Finding::ok(CHECK, format!("{bucket} sends events to EventBridge")),
        Ok(false) => Finding::bad(
            CHECK,
            format!("{bucket} doesn't send events to EventBridge: uploads are not exported"),
            // The call replaces all notifications, so the existing ones are included.
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
    if let Some(Resource { physical, .. }) = named("ScanUploadedRule") {
        findings.push(rule(inspector.rule(physical).await, physical, &parts.scan_bucket, region));
        findings.push(targets(inspector.targets(physical).await, physical, &parts.queue_url));
    }
    if let Some(resource) = named("CheckConnectionsSchedule") {
        findings.push(schedule(inspector.schedule(&resource.physical).await, &resource.physical, region));
    }
    let alarms: Vec<String> =
        resources.iter().filter(|found| found.logical.ends_with("Alarm")).map(|found| found.physical.clone()).collect();
    findings.extend(self::alarms(&alarms, inspector.alarms(&alarms).await));
    findings
}

/// The stack's alarms that are in the ALARM state, and those that were deleted.
fn alarms(names: &[String], states: Result<Vec<AlarmState>, PortError>) -> Vec<Finding> {
    const CHECK: &str = "alarms";
    let states = match states {
        Ok(states) => states,
        Err(error) => return vec![Finding::unknown(CHECK, &error)],
    };
    let missing = names.iter().filter(|name| states.iter().all(|alarm| alarm.name != **name));
    let missing: Vec<_> = missing
        .map(|name| {
            Finding::bad(CHECK, format!("{name} was deleted: it sends no notifications"), "sam build && sam deploy")
        })
        .collect();
    let ringing = states.iter().filter(|alarm| alarm.in_alarm);
    let ringing =
        ringing.map(|alarm| Finding::bad(CHECK, format!("{} is in alarm", alarm.name), alarm.description.clone()));
    let findings: Vec<_> = ringing.chain(missing).collect();
    match (findings.is_empty(), names.len()) {
        (true, 0) => {
            vec![Finding::bad(CHECK, "the stack has no alarms: failures are not reported", "sam build && sam deploy")]
        }
        (true, count) => vec![Finding::ok(CHECK, format!("none of {count} in alarm"))],
        _ => findings,
    }
}

/// Whether the rule sends uploads to the queue that invokes the function.
fn targets(found: Result<Vec<String>, PortError>, rule: &str, queue_url: &str) -> Finding {
    const CHECK: &str = "upload target";
    let queue = queue_url.rsplit('/').next().unwrap_or_default();
    match found {
        Ok(targets) if targets.iter().any(|arn| arn.rsplit(':').next() == Some(queue)) => {
            Finding::ok(CHECK, format!("{rule} sends uploads to {queue}"))
        }
        Ok(_) => Finding::bad(
            CHECK,
            format!("{rule} doesn't send uploads to {queue}: uploads are not exported"),
            "sam build && sam deploy",
        ),
        Err(error) => Finding::unknown(CHECK, &error),
    }
}

/// A function whose reserved concurrency is 0, or for which the concurrency can't be read.
fn concurrency(function: &str, reserved: Result<Option<i32>, PortError>, region: &str) -> Option<Finding> {
    const CHECK: &str = "concurrency";
    match reserved {
        Ok(Some(0)) => Some(Finding::bad(
            CHECK,
            format!("{function} never runs: its reserved concurrency is 0"),
            format!("aws lambda delete-function-concurrency --region {region} --function-name {function}"),
        )),
        Ok(_) => None,
        Err(error) => Some(Finding::unknown(CHECK, &error)),
    }
}

/// Whether email subscriptions are confirmed.
fn email(found: Result<Vec<(String, bool)>, PortError>, topic: &str, region: &str) -> Finding {
    const CHECK: &str = "email";
    let subscribed = match found {
        Ok(subscribed) => subscribed,
        Err(error) => return Finding::unknown(CHECK, &error),
    };
    let waiting: Vec<_> = subscribed.iter().filter(|(_, is_confirmed)| !is_confirmed).map(|(to, _)| to).collect();
    let confirmed = subscribed.len() - waiting.len();
    match waiting.first() {
        None if confirmed > 0 => Finding::ok(CHECK, format!("{confirmed} confirmed")),
        Some(to) => Finding::bad(
            CHECK,
            format!("{to} has not confirmed the subscription: no email is sent to it"),
            format!(
                "open the link in the email from AWS Notifications, valid for 3 days; to get another: aws sns subscribe --region \
                 {region} --topic-arn {topic} --protocol email --notification-endpoint {to}"
            ),
        ),
        None => Finding::bad(
            CHECK,
            "the topic has no subscriptions",
            format!(
                "aws sns subscribe --region {region} --topic-arn {topic} --protocol email --notification-endpoint EMAIL"
            ),
        ),
    }
}

fn rule(state: Result<RuleState, PortError>, name: &str, bucket: &str, region: &str) -> Finding {
    const CHECK: &str = "upload rule";
    match state {
        Ok(rule) if !rule.enabled => Finding::bad(
            CHECK,
            format!("{name} is disabled: uploads are not exported"),
            format!("aws events enable-rule --region {region} --name {name}"),
        ),
        Ok(rule) if !rule.pattern.contains(&format!("\"{bucket}\"")) => Finding::bad(
            CHECK,
            format!("{name} doesn't match uploads to {bucket}: its pattern was modified"),
            "sam build && sam deploy",
        ),
        Ok(_) => Finding::ok(CHECK, format!("{name} is enabled and matches uploads to {bucket}")),
        Err(error) => Finding::unknown(CHECK, &error),
    }
}

fn schedule(state: Result<(bool, String), PortError>, name: &str, region: &str) -> Finding {
    const CHECK: &str = "check schedule";
    match state {
        Ok((true, when)) => Finding::ok(CHECK, format!("connections are checked at {when}")),
        Ok((false, _)) => Finding::bad(
            CHECK,
            format!("{name} is disabled: unavailable Regions are not detected"),
            // Only an update can enable it, and it replaces all properties.
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
            format!("{name} failed: {}", found.reason.unwrap_or_else(|| "no reason returned".to_owned())),
            format!(
                "aws lambda get-function-configuration --region {region} --function-name {name}; then sam build && sam deploy"
            ),
        ),
        Ok(found) => Finding::ok(CHECK, format!("{name} is {}", found.state.to_lowercase())),
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
        (false, None) => Finding::ok(CHECK, format!("the queue invokes {function}")),
        (false, Some((uuid, state))) => Finding::bad(
            CHECK,
            format!("the queue doesn't invoke {function} (event source mapping: {state})"),
            format!("aws lambda update-event-source-mapping --region {region} --uuid {uuid} --enabled"),
        ),
    }
}

fn dead_letter_finding(
    check: &'static str,
    what: &str,
    url: &str,
    found: Result<u64, PortError>,
    region: &str,
) -> Finding {
    match found {
        Ok(0) => Finding::ok(check, "none"),
        Ok(count) => Finding::bad(
            check,
            format!("{count} messages ({what}) in the dead-letter queue; each is kept for 14 days after it arrived"),
            format!(
                "aws sqs receive-message --region {region} --queue-url {url} --max-number-of-messages 10 \
                 --visibility-timeout 0  # shows which; the alarm's description has the command that redrives them"
            ),
        ),
        Err(error) => Finding::unknown(check, &error),
    }
}

#[cfg(test)]
mod tests;

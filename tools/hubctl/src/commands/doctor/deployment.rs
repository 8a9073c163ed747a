//! The checks of the deployment itself: does an upload reach the function, does it work, does anybody hear of it if not.

use aws::{AlarmState, Deployment, Inspector, Resource, RuleState, SdkConfig};
use exporter::ports::PortError;
use serde::Serialize;

use crate::deployment::port;
use crate::exit::Exit;

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) check: &'static str,
    /// How it stands.
    pub(crate) status: Health,
    /// What was found.
    pub(crate) message: String,
    /// What fixes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remediation: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
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

    pub(super) fn well(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Health::Well, message: message.into(), remediation: None }
    }

    pub(super) fn bad(check: &'static str, message: impl Into<String>, remediation: impl Into<String>) -> Self {
        Self { check, status: Health::Bad, message: message.into(), remediation: Some(remediation.into()) }
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.status == Health::Unknown
    }

    /// It could not be looked at; or there is nothing to look at, which the service says.
    pub(super) fn unknown(check: &'static str, error: &PortError) -> Self {
        if GONE.iter().any(|sign| error.message.contains(sign)) {
            return Self::bad(check, format!("it is gone: {error}"), "sam build && sam deploy");
        }
        let remediation = match port(error).exit {
            Exit::Credentials => "your credentials lack the permission to read it",
            _ => "look again in a while; the service's own console shows the same",
        };
        Self { check, status: Health::Unknown, message: error.to_string(), remediation: Some(remediation.to_owned()) }
    }
}

/// What the services say of something that is not there.
const GONE: [&str; 4] = ["ResourceNotFoundException", "NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket"];

/// Looks at all parts of a deployment, each by itself.
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
        findings.push(mails(inspector.subscriptions(topic).await, topic, region));
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

/// The alarms that the stack has: those that ring, and those that nobody would hear.
fn alarms(names: &[String], states: Result<Vec<AlarmState>, PortError>) -> Vec<Finding> {
    const CHECK: &str = "alarms";
    let states = match states {
        Ok(states) => states,
        Err(error) => return vec![Finding::unknown(CHECK, &error)],
    };
    let missing = names.iter().filter(|name| states.iter().all(|alarm| alarm.name != **name));
    let missing: Vec<_> = missing
        .map(|name| Finding::bad(CHECK, format!("{name} is gone: nobody is told"), "sam build && sam deploy"))
        .collect();
    let ringing = states.iter().filter(|alarm| alarm.in_alarm);
    let ringing =
        ringing.map(|alarm| Finding::bad(CHECK, format!("{} is in alarm", alarm.name), alarm.description.clone()));
    let findings: Vec<_> = ringing.chain(missing).collect();
    match (findings.is_empty(), names.len()) {
        (true, 0) => vec![Finding::bad(CHECK, "the stack has none: nobody is told", "sam build && sam deploy")],
        (true, count) => vec![Finding::well(CHECK, format!("none of {count} is in alarm"))],
        _ => findings,
    }
}

/// Whether the rule puts uploads on the queue that the function takes from.
fn targets(found: Result<Vec<String>, PortError>, rule: &str, queue_url: &str) -> Finding {
    const CHECK: &str = "upload target";
    let queue = queue_url.rsplit('/').next().unwrap_or_default();
    match found {
        Ok(targets) if targets.iter().any(|arn| arn.rsplit(':').next() == Some(queue)) => {
            Finding::well(CHECK, format!("{rule} puts uploads on {queue}"))
        }
        Ok(_) => Finding::bad(
            CHECK,
            format!("{rule} does not put uploads on {queue}: none is exported"),
            "sam build && sam deploy",
        ),
        Err(error) => Finding::unknown(CHECK, &error),
    }
}

/// A function that may not run, or of which that is not known.
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

/// Whether anybody gets the mails.
fn mails(found: Result<Vec<(String, bool)>, PortError>, topic: &str, region: &str) -> Finding {
    const CHECK: &str = "mails";
    let subscribed = match found {
        Ok(subscribed) => subscribed,
        Err(error) => return Finding::unknown(CHECK, &error),
    };
    let waiting: Vec<_> = subscribed.iter().filter(|(_, is_confirmed)| !is_confirmed).map(|(to, _)| to).collect();
    let confirmed = subscribed.len() - waiting.len();
    match waiting.first() {
        None if confirmed > 0 => Finding::well(CHECK, format!("{confirmed} confirmed")),
        Some(to) => Finding::bad(
            CHECK,
            format!("{to} did not confirm the subscription: it gets no mail"),
            format!(
                "the link in the mail from AWS Notifications, valid for 3 days; to get another: aws sns subscribe --region \
                 {region} --topic-arn {topic} --protocol email --notification-endpoint {to}"
            ),
        ),
        None => Finding::bad(
            CHECK,
            "nobody is subscribed to the topic",
            format!(
                "aws sns subscribe --region {region} --topic-arn {topic} --protocol email --notification-endpoint MAIL"
            ),
        ),
    }
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
mod tests;

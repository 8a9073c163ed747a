//! Requirements of AWS services for `template.yaml` that neither a linter checks nor the local emulator enforces.
//!
//! Tags of CloudFormation are read as their values: `!GetAtt Queue.Arn` is `Queue.Arn`.

#![expect(clippy::unwrap_used, reason = "a broken tree is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;

use serde_json::Value;

/// `MessageRetentionPeriod` of SQS, in seconds (API reference, `SetQueueAttributes`).
const QUEUE_RETENTION_SECONDS: RangeInclusive<u64> = 60..=1_209_600;
/// `MaximumEventAgeInSeconds` of a rule's or a schedule's target (API references, `RetryPolicy`).
const TARGET_AGE_SECONDS: RangeInclusive<u64> = 60..=86_400;
/// `MaximumRetryAttempts` of a rule's or a schedule's target.
const TARGET_RETRIES: RangeInclusive<u64> = 0..=185;
/// `MaximumEventAgeInSeconds` of a function's asynchronous invocations (API reference, `PutFunctionEventInvokeConfig`).
const EVENT_AGE_SECONDS: RangeInclusive<u64> = 60..=21_600;
/// `MaximumRetryAttempts` of a function's asynchronous invocations.
const EVENT_RETRIES: RangeInclusive<u64> = 0..=2;
/// `MaximumConcurrency` of an event source mapping (API reference, `ScalingConfig`).
const CONCURRENCY: RangeInclusive<u64> = 2..=1000;
/// `ServiceTimeout` of a custom resource, in seconds (CloudFormation, `AWS::CloudFormation::CustomResource`).
const SERVICE_TIMEOUT_SECONDS: RangeInclusive<u64> = 1..=3600;

fn template() -> Value {
    let text = fs::read_to_string(tidy::root().join("template.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap();
    let of_kind = resources.iter().filter(|(_, resource)| resource["Type"].as_str().unwrap().starts_with(kind));
    of_kind.map(|(name, resource)| (name.as_str(), &resource["Properties"])).collect()
}

/// The resource of a reference: `Queue` of `Queue.Arn`.
fn named(reference: &Value) -> &str {
    reference.as_str().unwrap().trim_end_matches(".Arn")
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

/// The statements of all policies of a resource, including those with a condition.
fn statements(properties: &Value) -> Vec<&Value> {
    let inline = properties["Policies"].as_array().into_iter().flatten().map(|policy| &policy["PolicyDocument"]);
    let own = properties.get("PolicyDocument");
    let all = inline.chain(own).flat_map(|document| list(&document["Statement"]));
    all.flat_map(|statement| match statement.get("Fn::If") {
        Some(condition) => condition.as_array().unwrap()[1..].iter().filter(|part| part.is_object()).collect(),
        None => vec![statement],
    })
    .collect()
}

/// Whether a role's policies allow an action on a resource of the template.
fn role_allows(template: &Value, role: &Value, action: &str, resource: &str) -> bool {
    statements(&template["Resources"][named(role)]["Properties"]).iter().any(|statement| {
        statement["Effect"] == "Allow"
            && list(&statement["Action"]).iter().any(|allowed| *allowed == action)
            && list(&statement["Resource"]).iter().any(|allowed| named(allowed) == resource)
    })
}

/// Whether the policy of a queue or a topic allows `EventBridge` to send to it for a rule.
fn bridge_may_send(template: &Value, target: &str, action: &str, rule: &str) -> bool {
    let policies =
        of_type(template, "AWS::SQS::QueuePolicy").into_iter().chain(of_type(template, "AWS::SNS::TopicPolicy"));
    let of_target = policies.filter(|(_, policy)| {
        list(&policy["Queues"]).iter().chain(&list(&policy["Topics"])).any(|of| of.as_str() == Some(target))
    });
    of_target.flat_map(|(_, policy)| statements(policy)).any(|statement| {
        let condition = &statement["Condition"];
        statement["Effect"] == "Allow"
            && statement["Principal"]["Service"] == "events.amazonaws.com"
            && statement["Action"] == action
            && named(&statement["Resource"]) == target
            && (condition["ArnEquals"]["aws:SourceArn"] == format!("{rule}.Arn")
                || condition["StringEquals"]["aws:SourceAccount"] == "AWS::AccountId")
    })
}

#[track_caller]
fn assert_retries(policy: &Value, age: RangeInclusive<u64>, retries: RangeInclusive<u64>) {
    assert!(age.contains(&policy["MaximumEventAgeInSeconds"].as_u64().unwrap()));
    assert!(retries.contains(&policy["MaximumRetryAttempts"].as_u64().unwrap()));
}

#[test]
fn queues_are_standard_and_dead_letters_are_retained_as_long() {
    let template = template();
    for (name, queue) in of_type(&template, "AWS::SQS::Queue").into_iter().filter(|(name, _)| !name.ends_with("Policy"))
    {
        // A dead-letter queue must have the same type as its queue, and EventBridge and Lambda write to standard queues only.
        assert!(queue.get("FifoQueue").is_none(), "{name}");
        let retention = queue["MessageRetentionPeriod"].as_u64().unwrap();
        assert!(QUEUE_RETENTION_SECONDS.contains(&retention), "{name}");
        if let Some(policy) = queue.get("RedrivePolicy") {
            // SQS counts a message's age from its first queue, so that dead letters would be retained for a shorter time.
            let letters = &template["Resources"][named(&policy["deadLetterTargetArn"])];
            assert_eq!(letters["Type"], "AWS::SQS::Queue", "{name}");
            assert!(letters["Properties"]["MessageRetentionPeriod"].as_u64().unwrap() >= retention, "{name}");
        }
    }
}

#[test]
fn a_rule_may_write_to_its_targets_and_their_dead_letter_queues() {
    let template = template();
    let rules = of_type(&template, "AWS::Events::Rule");
    assert_eq!(rules.len(), 2);
    for (rule, properties) in rules {
        for target in properties["Targets"].as_array().unwrap() {
            let to = named(&target["Arn"]);
            let is_topic = template["Resources"][to]["Type"] == "AWS::SNS::Topic";
            let action = if is_topic { "sns:Publish" } else { "sqs:SendMessage" };
            assert!(bridge_may_send(&template, to, action, rule), "{rule} to {to}");
            let letters = named(&target["DeadLetterConfig"]["Arn"]);
            assert!(bridge_may_send(&template, letters, "sqs:SendMessage", rule), "{rule} to {letters}");
            if let Some(policy) = target.get("RetryPolicy") {
                assert_retries(policy, TARGET_AGE_SECONDS, TARGET_RETRIES);
            }
        }
    }
}

#[test]
fn a_schedule_has_a_role_for_its_target_and_its_dead_letter_queue() {
    let template = template();
    let schedules = of_type(&template, "AWS::Scheduler::Schedule");
    assert_eq!(schedules.len(), 1);
    for (name, schedule) in schedules {
        let target = &schedule["Target"];
        let role = &target["RoleArn"];
        let trust = &template["Resources"][named(role)]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
        assert_eq!(trust["Principal"]["Service"], "scheduler.amazonaws.com", "{name}");
        assert!(role_allows(&template, role, "lambda:InvokeFunction", named(&target["Arn"])), "{name}");
        assert!(role_allows(&template, role, "sqs:SendMessage", named(&target["DeadLetterConfig"]["Arn"])), "{name}");
        assert_retries(&target["RetryPolicy"], TARGET_AGE_SECONDS, TARGET_RETRIES);
    }
}

#[test]
fn lambda_may_poll_the_queue_of_each_function() {
    let template = template();
    let mut polled = 0;
    for (name, function) in of_type(&template, "AWS::Serverless::Function") {
        for (_, event) in function["Events"].as_object().into_iter().flatten() {
            let settings = &event["Properties"];
            for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] {
                assert!(
                    role_allows(&template, &function["Role"], action, named(&settings["Queue"])),
                    "{name}: {action}"
                );
            }
            let parameter = settings["ScalingConfig"]["MaximumConcurrency"].as_str().unwrap();
            for bound in ["MinValue", "Default", "MaxValue"] {
                assert!(CONCURRENCY.contains(&template["Parameters"][parameter][bound].as_u64().unwrap()), "{name}");
            }
            polled += 1;
        }
    }
    assert_eq!(polled, 2);
}

#[test]
fn asynchronous_invocations_have_valid_limits_and_a_failure_queue() {
    let template = template();
    let functions = of_type(&template, "AWS::Serverless::Function");
    let configured =
        functions.iter().filter_map(|(name, function)| Some((name, function, function.get("EventInvokeConfig")?)));
    let mut seen = 0;
    for (name, function, config) in configured {
        assert_retries(config, EVENT_AGE_SECONDS, EVENT_RETRIES);
        if let Some(failed) = config["DestinationConfig"].get("OnFailure") {
            let queue = named(&failed["Destination"]);
            assert!(role_allows(&template, &function["Role"], "sqs:SendMessage", queue), "{name}");
        }
        seen += 1;
    }
    assert_eq!(seen, 2, "the schedule and CloudFormation invoke asynchronously");
}

#[test]
fn a_cloudformation_request_is_processed_in_time_or_not_at_all() {
    let template = template();
    let resources = of_type(&template, "Custom::");
    assert_eq!(resources.len(), 2);
    for (name, resource) in resources {
        let function = &template["Resources"][named(&resource["ServiceToken"])]["Properties"];
        let seconds = resource["ServiceTimeout"].as_u64().unwrap();
        assert!(SERVICE_TIMEOUT_SECONDS.contains(&seconds), "{name}");
        assert!(seconds > function["Timeout"].as_u64().unwrap(), "{name}: a complete invocation must respond in time");
        assert!(function["EventInvokeConfig"]["MaximumEventAgeInSeconds"].as_u64().unwrap() <= seconds, "{name}");
    }
}

#[test]
fn the_topic_has_no_key_that_eventbridge_can_not_use() {
    let template = template();
    for (name, topic) in of_type(&template, "AWS::SNS::Topic").into_iter().filter(|(name, _)| !name.ends_with("Policy"))
    {
        // The key policy of alias/aws/sns can't be changed, and does not allow EventBridge.
        assert!(!topic["KmsMasterKeyId"].to_string().contains("alias/aws"), "{name}");
    }
}

#[test]
fn one_key_encrypts_all_stored_data() {
    let template = template();
    let key_of = |kind: &str, resource: &Value| {
        let bucket = &resource["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        match kind {
            "AWS::S3::Bucket" => bucket["ServerSideEncryptionByDefault"]["KMSMasterKeyID"].clone(),
            "AWS::DynamoDB::Table" => resource["SSESpecification"]["KMSMasterKeyId"].clone(),
            "AWS::Logs::LogGroup" => resource["KmsKeyId"].clone(),
            _ => resource["KmsMasterKeyId"].clone(),
        }
    };
    let mut stores = 0;
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let is_store = ["S3::Bucket", "DynamoDB::Table", "Logs::LogGroup", "SQS::Queue", "SNS::Topic"];
        if is_store.iter().any(|store| kind == format!("AWS::{store}")) {
            let expected = serde_json::json!(["HasKmsKey", "KmsKeyArn", "AWS::NoValue"]);
            assert_eq!(key_of(kind, &resource["Properties"]), expected, "{name}");
            stores += 1;
        }
    }
    assert_eq!(stores, 11);
    let manage = &template["Resources"]["ManageIntegrationsFunction"]["Properties"]["Environment"]["Variables"];
    assert_eq!(manage["SECRET_KMS_KEY_ARN"], "KmsKeyArn");
}

#[test]
fn a_role_can_use_the_key_only_through_services_that_it_can_call() {
    let template = template();
    let encrypted = BTreeSet::from(["dynamodb", "s3", "secretsmanager", "sqs"]);
    for (name, role) in of_type(&template, "AWS::IAM::Role") {
        let statements = statements(role);
        let actions = statements.iter().flat_map(|statement| list(&statement["Action"]));
        let called: BTreeSet<&str> =
            actions.map(|action| action.as_str().unwrap().split(':').next().unwrap()).collect();
        let key = statements.iter().find(|statement| statement["Sid"] == "UseKmsKey").unwrap();
        assert_eq!(key["Action"], serde_json::json!(["kms:Decrypt", "kms:GenerateDataKey"]), "{name}");
        let via = list(&key["Condition"]["StringEquals"]["kms:ViaService"]);
        let via: BTreeSet<&str> = via.iter().map(|via| via.as_str().unwrap().split('.').next().unwrap()).collect();
        assert_eq!(via, called.intersection(&encrypted).copied().collect(), "{name}");
    }
}

#[test]
fn an_email_uses_fields_that_the_events_have() {
    let template = template();
    let target = &template["Resources"]["NotificationRule"]["Properties"]["Targets"][0];
    let paths = target["InputTransformer"]["InputPathsMap"].as_object().unwrap();
    let text = target["InputTransformer"]["InputTemplate"].as_str().unwrap();
    // EventBridge rejects a rule whose template uses a variable that is not in the map.
    let named = text.split('<').skip(1).map(|rest| rest.split('>').next().unwrap());
    assert_eq!(named.collect::<BTreeSet<_>>(), paths.keys().map(String::as_str).collect());
    let samples = tidy::root().join("events/emitted");
    for sample in fs::read_dir(samples).unwrap() {
        let sample: Value = serde_json::from_slice(&fs::read(sample.unwrap().path()).unwrap()).unwrap();
        for path in paths.values().map(|path| path.as_str().unwrap()) {
            let pointer = path.replace('$', "").replace('.', "/");
            assert!(sample.pointer(&pointer).is_some(), "an event has no {path}");
        }
    }
}

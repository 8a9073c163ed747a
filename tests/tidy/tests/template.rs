//! Requirements for `template.yaml` for any values of its parameters that no linter checks.
//!
//! Tags of CloudFormation are read as their values: `!Ref Name` is `Name`, `!If [Condition, a, b]` a list of three.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken tree is a failed test")]

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

/// Ratio of a queue's visibility timeout to the timeout of the function that Lambda polls it for, as AWS recommends.
const VISIBILITY_TIMEOUTS: u64 = 6;

fn template() -> Value {
    let text = fs::read_to_string(tidy::root().join("template.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap();
    let of_kind = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, resource)| (name.as_str(), &resource["Properties"])).collect()
}

/// All possible values of an expression: a number, a parameter, a column of a mapping, or a condition with these.
fn numbers(template: &Value, expression: &Value) -> BTreeSet<u64> {
    match expression {
        Value::Number(number) => [number.as_u64().unwrap()].into(),
        Value::String(name) => {
            let parameter = &template["Parameters"][name];
            let bounds = ["Default", "MinValue", "MaxValue"].iter().filter_map(|bound| parameter[*bound].as_u64());
            let allowed = parameter["AllowedValues"].as_array().into_iter().flatten().filter_map(Value::as_u64);
            let found: BTreeSet<u64> = bounds.chain(allowed).collect();
            assert!(!found.is_empty(), "{name} is not a parameter with a number");
            found
        }
        Value::Array(parts) => match parts.as_slice() {
            [map, _, column] if template["Mappings"].get(map.as_str().unwrap()).is_some() => {
                let rows = template["Mappings"][map.as_str().unwrap()].as_object().unwrap().values();
                rows.map(|row| row[column.as_str().unwrap()].as_u64().unwrap()).collect()
            }
            [_, yes, no] => numbers(template, yes).union(&numbers(template, no)).copied().collect(),
            other => panic!("not a number: {other:?}"),
        },
        other => panic!("not a number: {other}"),
    }
}

fn largest(template: &Value, expression: &Value) -> u64 {
    numbers(template, expression).into_iter().max().unwrap()
}

#[test]
fn messages_outlive_all_receives_and_reach_the_dead_letter_queue() {
    let template = template();
    let queues = of_type(&template, "AWS::SQS::Queue");
    assert!(queues.len() >= 4);
    for (name, queue) in queues.into_iter().filter(|(_, queue)| queue.get("RedrivePolicy").is_some()) {
        let retention = numbers(&template, &queue["MessageRetentionPeriod"]).into_iter().min().unwrap();
        let tries = largest(&template, &queue["RedrivePolicy"]["maxReceiveCount"]);
        let visibility = largest(&template, &queue["VisibilityTimeout"]);
        assert!(retention > tries * visibility, "{name}: {retention} s for {tries} tries, {visibility} s apart");
    }
}

#[test]
fn a_visibility_timeout_is_six_function_timeouts() {
    let template = template();
    for (name, function) in of_type(&template, "AWS::Serverless::Function") {
        let queues =
            function["Events"].as_object().into_iter().flatten().map(|(_, event)| &event["Properties"]["Queue"]);
        for queue in queues {
            let queue = queue.as_str().unwrap().trim_end_matches(".Arn");
            let visibility = &template["Resources"][queue]["Properties"]["VisibilityTimeout"];
            if let Some(fixed) = visibility.as_u64() {
                assert_eq!(fixed, VISIBILITY_TIMEOUTS * largest(&template, &function["Timeout"]), "{name}");
                continue;
            }
            // With a mapping, which has a row for each allowed timeout.
            assert_eq!(visibility[2][0], "QueueVisibility", "{name}");
            let allowed =
                template["Parameters"][function["Timeout"].as_str().unwrap()]["AllowedValues"].as_array().unwrap();
            let rows = template["Mappings"]["QueueVisibility"].as_object().unwrap();
            assert_eq!(rows.len(), allowed.len());
            for seconds in allowed.iter().map(|allowed| allowed.as_u64().unwrap()) {
                assert_eq!(rows[&seconds.to_string()]["Seconds"], VISIBILITY_TIMEOUTS * seconds, "{name}");
            }
        }
    }
}

#[test]
fn a_custom_visibility_timeout_is_enough_for_a_long_invocation() {
    let template = template();
    let rule = &template["Rules"]["VisibilityOutlastsLongInvocations"];
    let values = |list: &Value| -> Vec<u64> {
        list.as_array().unwrap().iter().map(|value| value.as_str().unwrap().parse().unwrap()).collect()
    };
    let timeouts = numbers(&template, &Value::from("FunctionTimeoutSeconds"));
    let long: Vec<u64> = timeouts.into_iter().filter(|seconds| *seconds > 900).collect();
    assert_eq!(values(&rule["RuleCondition"][0]), long);
    for visibility in values(&rule["Assertions"][0]["Assert"][0]) {
        assert!(visibility == 0 || visibility >= VISIBILITY_TIMEOUTS * long[long.len() - 1]);
    }
}

#[test]
fn lambda_drops_no_log_line_of_a_function() {
    let template = template();
    let functions = of_type(&template, "AWS::Serverless::Function");
    assert_eq!(functions.len(), 3);
    for (name, function) in functions {
        let logging = &function["LoggingConfig"];
        assert_eq!(
            (&logging["LogFormat"], &logging["ApplicationLogLevel"]),
            (&"JSON".into(), &"TRACE".into()),
            "{name}"
        );
    }
}

#[test]
fn recursive_loops_are_allowed_only_for_the_export_function() {
    let template = template();
    for (name, function) in of_type(&template, "AWS::Serverless::Function") {
        let may_loop = function.get("RecursiveLoop").is_some_and(|setting| setting[1] == "Allow");
        assert_eq!(may_loop, name == "ExportFindingsFunction", "{name}");
    }
}

#[test]
fn every_parameter_is_in_a_group() {
    let template = template();
    let groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].as_array().unwrap();
    let listed = groups.iter().flat_map(|group| group["Parameters"].as_array().unwrap());
    let listed: BTreeSet<&str> = listed.map(|name| name.as_str().unwrap()).collect();
    let parameters = template["Parameters"].as_object().unwrap();
    assert_eq!(listed, parameters.keys().map(String::as_str).collect());
}

#[test]
fn export_findings_may_read_what_the_rule_sends_and_nothing_else() {
    let template = template();
    let rule = &template["Resources"]["ScanUploadedRule"]["Properties"]["EventPattern"]["detail"]["object"]["key"][0];
    let sent = rule["wildcard"].as_str().unwrap();
    let policy = &template["Resources"]["ExportFindingsRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    let statements = policy["Statement"].as_array().unwrap();
    let reads = statements.iter().find(|statement| statement["Sid"] == "ReadScans").unwrap();
    let resources = reads["Resource"].as_array().unwrap();
    assert_eq!(resources.len(), 1);
    let (_, readable) = resources[0][0].as_str().unwrap().split_once("${Bucket}/").unwrap();
    assert_eq!(sent.strip_suffix("${ScanKeySuffix}").unwrap(), readable);
    // In a rule and in a policy, these are not what they are in a key.
    let pattern = template["Parameters"]["ScanKeyPrefix"]["AllowedPattern"].as_str().unwrap();
    let (_, characters) = pattern.split_once('[').unwrap();
    let (characters, _) = characters.split_once(']').unwrap();
    assert!(!characters.contains(['*', '?', '$', '\\']), "{characters}");
}

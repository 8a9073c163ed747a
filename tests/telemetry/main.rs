//! The dashboard, the alarms, and the saved queries of `template.yaml` use exactly the metrics and fields that the functions
//! emit.
//!
//! Tags of CloudFormation are read as their values: `!Ref Name` is `Name`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken template is a failed test")]

mod emitted;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use runtime::metrics::NAMESPACE;
use serde_json::Value;

use self::emitted::{CHECK, EXPORT, logged, metrics, properties};

/// The metrics of a function, by its name in the template.
type Metrics = BTreeMap<String, BTreeSet<String>>;

/// Maximum number of characters of an alarm's description (`CloudWatch` API reference, `PutMetricAlarm`).
const DESCRIPTION_CHARS_MAX: usize = 1024;
/// The name of a stack, and the suffix that CloudFormation adds to the names of its resources.
const STACK: &str = "securityhub-exporter";
const NAME_END: &str = "-A1B2C3D4E5F6";

/// The value of a reference in an alarm's description, in a Region with a long name.
fn resolved(reference: &str) -> String {
    let (name, attribute) = reference.split_once('.').unwrap_or((reference, ""));
    match (name, attribute) {
        ("AWS::Region", _) => "ap-southeast-1".to_owned(),
        ("AWS::StackName", _) => STACK.to_owned(),
        (_, "Arn") => format!("arn:aws:sqs:ap-southeast-1:123456789012:{STACK}-{name}{NAME_END}"),
        ("Queue" | "DeadLetterQueue", _) => {
            format!("https://sqs.ap-southeast-1.amazonaws.com/123456789012/{STACK}-Export{name}{NAME_END}")
        }
        _ if name.ends_with("LogGroup") => format!("/aws/lambda/{STACK}-check-connections"),
        _ => format!("{STACK}-{name}{NAME_END}"),
    }
}

fn template() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap();
    let found: Vec<_> = resources.iter().filter(|(_, resource)| resource["Type"] == kind).collect();
    assert!(!found.is_empty(), "no {kind}");
    found.into_iter().map(|(name, resource)| (name.as_str(), &resource["Properties"])).collect()
}

fn dashboard(template: &Value) -> Value {
    let [(_, dashboard)] = of_type(template, "AWS::CloudWatch::Dashboard").try_into().unwrap();
    serde_json::from_str(dashboard["DashboardBody"].as_str().unwrap()).unwrap()
}

/// The rows of all graphs of the dashboard: namespace, metric, dimension, value, options.
fn rows(dashboard: &Value) -> Vec<Vec<Value>> {
    let widgets = dashboard["widgets"].as_array().unwrap().iter();
    let rows = widgets.filter_map(|widget| widget["properties"]["metrics"].as_array()).flatten();
    rows.map(|row| row.as_array().unwrap().clone()).filter(|row| row[0].is_string()).collect()
}

fn shown(template: &Value) -> Metrics {
    let mut shown = Metrics::new();
    for row in rows(&dashboard(template)).into_iter().filter(|row| row[0] == NAMESPACE) {
        assert_eq!(row[2], "FunctionName", "{row:?}");
        let function = row[3].as_str().unwrap().trim_matches(['$', '{', '}']);
        shown.entry(function.to_owned()).or_default().insert(row[1].as_str().unwrap().to_owned());
    }
    shown
}

fn alarmed(template: &Value) -> Metrics {
    let mut alarmed = Metrics::new();
    let alarms = of_type(template, "AWS::CloudWatch::Alarm");
    for (name, alarm) in alarms.into_iter().filter(|(_, alarm)| alarm["Namespace"] == NAMESPACE) {
        let [dimension] = alarm["Dimensions"].as_array().unwrap().as_slice() else { panic!("{name}: one dimension") };
        assert_eq!(dimension["Name"], "FunctionName", "{name}");
        let metrics = alarmed.entry(dimension["Value"].as_str().unwrap().to_owned()).or_default();
        metrics.insert(alarm["MetricName"].as_str().unwrap().to_owned());
    }
    alarmed
}

#[test]
fn the_dashboard_shows_exactly_the_emitted_metrics() {
    assert_eq!(shown(&template()), metrics());
}

#[test]
fn each_alarm_watches_a_metric_that_its_function_emits() {
    let (alarmed, metrics) = (alarmed(&template()), metrics());
    assert_eq!(alarmed.keys().collect::<Vec<_>>(), [CHECK, EXPORT]);
    for (function, names) in alarmed {
        assert!(names.is_subset(&metrics[&function]), "{function}: {names:?}");
    }
}

#[test]
fn the_dashboard_has_existing_resources_and_all_alarms() {
    let template = template();
    let [(_, body)] = of_type(&template, "AWS::CloudWatch::Dashboard").try_into().unwrap();
    let body = body["DashboardBody"].as_str().unwrap();
    let named = body.split("${").skip(1).map(|rest| rest.split('}').next().unwrap().split('.').next().unwrap());
    for name in named.filter(|name| !name.starts_with("AWS::")) {
        assert!(template["Resources"].get(name).is_some(), "{name}");
    }
    let widgets = dashboard(&template)["widgets"].as_array().unwrap().clone();
    let listed = widgets.iter().filter_map(|widget| widget["properties"]["alarms"].as_array()).flatten();
    let listed: BTreeSet<String> = listed.map(|arn| arn.as_str().unwrap().to_owned()).collect();
    let alarms = of_type(&template, "AWS::CloudWatch::Alarm").into_iter();
    assert_eq!(listed, alarms.map(|(name, _)| format!("${{{name}.Arn}}")).collect());
}

/// The strings in double quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// Whether a text is a dotted field of a log line, such as `run.id`.
fn is_field(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|letter| letter.is_ascii_lowercase() || b"._".contains(&letter))
}

#[test]
fn saved_queries_use_fields_that_the_functions_log() {
    let template = template();
    let (properties, logged) = (properties(), logged());
    let queries = of_type(&template, "AWS::Logs::QueryDefinition");
    assert!(queries.len() >= 5);
    for (name, query) in queries {
        let function = match query["LogGroupNames"][0].as_str().unwrap() {
            "ExportFindingsLogGroup" => EXPORT,
            "CheckConnectionsLogGroup" => CHECK,
            other => panic!("{name}: {other}"),
        };
        let text = query["QueryString"].as_str().unwrap();
        let text: String = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        // Outside of quotes, a capitalized name is a property or a metric; the keywords of the language are in lowercase.
        let outside: String = text.split('"').step_by(2).collect();
        let words = outside.split(|letter: char| !letter.is_ascii_alphanumeric());
        for word in words.filter(|word| word.starts_with(|letter: char| letter.is_ascii_uppercase())) {
            assert!(properties[function].contains(word), "{name}: no line has {word}");
        }
        // Within quotes, a name with dots is a field. A regular expression escapes the dots.
        let unescaped = text.replace('\\', "");
        let fields: Vec<&str> = quoted(&unescaped).filter(|text| is_field(text)).collect();
        for field in &fields {
            assert!(logged[function].contains(*field), "{name}: no line has {field}");
        }
        assert!(!fields.is_empty() || outside.contains("RunDuration") || outside.contains("RunStatus"), "{name}");
    }
}

#[test]
fn alarms_have_commands_and_fields_that_the_functions_log() {
    let template = template();
    let logged: BTreeSet<String> = logged().into_values().flatten().collect();
    for (name, alarm) in of_type(&template, "AWS::CloudWatch::Alarm") {
        let text = &alarm["AlarmDescription"];
        let text = text.as_str().or_else(|| text[0].as_str()).unwrap();
        let mut long = String::new();
        for (index, part) in text.split("${").enumerate() {
            let (reference, rest) = if index == 0 { ("", part) } else { part.split_once('}').unwrap() };
            long += &if index == 0 { String::new() } else { resolved(reference) };
            long += rest;
        }
        assert!(long.len() <= DESCRIPTION_CHARS_MAX, "{name}: {} characters", long.len());
        assert!(text.contains("\n1. See") && text.contains("\n2. "), "{name} has no steps");
        for field in quoted(text).filter(|text| is_field(text)) {
            assert!(logged.contains(field), "{name}: no line has {field}");
        }
    }
}

#[test]
fn the_parameter_states_the_number_of_metrics_per_integration() {
    let text = template()["Parameters"]["IntegrationMetrics"]["Description"].as_str().unwrap().to_owned();
    let of_integration = emitted::of_integration();
    for (function, what) in [(CHECK, "of its connection checks"), (EXPORT, "of its exports")] {
        let expected = format!("{} {what}", of_integration[function].len());
        assert!(text.contains(&expected), "{expected}: {text}");
    }
}

//! Reads the data of earlier releases: Region states, items of the table, reports, and messages of the queues. Each directory
//! next to this file has the data of one release on a local stack (`local/record_release.py`), and is never changed.
//!
//! A test of `exporter::state` verifies that the state of a later release is rejected because of its format.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a file that can't be read is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use exporter::connection::Connection;
use exporter::jobs::JobRecord;
use exporter::model::integration::Integration;
use exporter::model::provider::Provider;
use exporter::notifications::Notified;
use exporter::ports::settings_store::AuditEntry;
use exporter::report::{HistoryEntry, IntegrationRun, RunReport};
use exporter::state::{StateReader, StateStep};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Partitions of the table whose items have one value, with its attribute.
const VALUES: [(&str, &str); 9] = [
    ("audit", "entry"),
    ("connection", "connection"),
    ("history", "entry"),
    ("integration", "settings"),
    ("integration_run", "entry"),
    ("job", "record"),
    ("provider", "settings"),
    ("run", "summary"),
    ("notification", "notified"),
];
/// Partitions whose items have only attributes, which the adapters read individually.
const PLAIN: [&str; 3] = ["account", "request", "upload#"];

fn releases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("upgrade");
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let releases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    assert!(!releases.is_empty(), "no release is recorded");
    releases
}

fn json_of(release: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(release.join(name)).unwrap()).unwrap()
}

/// The path of the first value of `before` that is missing in `after`.
fn lost(before: &Value, after: &Value, path: &str) -> Option<String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before.iter().find_map(|(key, value)| {
            let path = format!("{path}/{key}");
            after.get(key).map_or(Some(path.clone()), |after| lost(value, after, &path))
        }),
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            let mut pairs = before.iter().zip(after).enumerate();
            pairs.find_map(|(place, (before, after))| lost(before, after, &format!("{path}/{place}")))
        }
        (Value::Number(before), Value::Number(after)) if before.as_f64() == after.as_f64() => None,
        _ => (before != after).then(|| path.to_owned()),
    }
}

/// Deserializes a value as the current type, and asserts that no field is lost.
#[track_caller]
fn read<T: DeserializeOwned + Serialize>(value: &Value, place: &str) -> T {
    let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{place}: {error}"));
    let lost = lost(value, &serde_json::to_value(&read).unwrap(), "");
    assert_eq!(lost, None, "{place}: a field is read and not written");
    read
}

#[test]
fn items_of_the_table_are_read_completely() {
    for release in releases() {
        let items = json_of(&release, "table.json");
        let mut seen = Vec::new();
        for item in items.as_array().unwrap() {
            let (partition, key) = (item["pk"].as_str().unwrap(), &item["sk"]);
            let place = format!("{} {partition} {key}", release.display());
            let Some((_, attribute)) = VALUES.iter().find(|(name, _)| *name == partition) else {
                let is_plain = PLAIN.iter().any(|name| partition.starts_with(name));
                assert!(is_plain, "{place}: an unknown partition");
                continue;
            };
            let value = &item[*attribute];
            match partition {
                "audit" => drop(read::<AuditEntry>(value, &place)),
                "connection" => drop(read::<Connection>(value, &place)),
                "integration" => drop(read::<Integration>(value, &place)),
                "job" => drop(read::<JobRecord>(value, &place)),
                "provider" => drop(read::<Provider>(value, &place)),
                "history" => drop(read::<HistoryEntry>(value, &place)),
                "integration_run" => drop(read::<IntegrationRun>(value, &place)),
                "run" => drop(read::<RunReport>(value, &place)),
                _ => drop(read::<Notified>(value, &place)),
            }
            seen.push(partition.to_owned());
        }
        for (partition, _) in VALUES {
            assert!(seen.iter().any(|seen| seen == partition), "{}: no item of {partition}", release.display());
        }
    }
}

#[test]
fn states_are_read_completely() {
    for release in releases() {
        let states = fs::read_dir(release.join("state")).unwrap().map(|entry| entry.unwrap().path());
        let mut entries = 0;
        for path in states {
            let (mut reader, place) = (StateReader::new().unwrap(), path.display());
            reader.feed(Bytes::from(fs::read(&path).unwrap()));
            reader.end_of_input();
            loop {
                match reader.step().unwrap_or_else(|error| panic!("{place}: {error}")) {
                    StateStep::Entry(entry) => {
                        let finding: Value = serde_json::from_slice(&entry.json).unwrap();
                        assert!(finding["Id"].is_string() && finding["ProductArn"].is_string(), "{place}: {finding}");
                        entries += 1;
                    }
                    StateStep::Done => break,
                    StateStep::NeedInput => panic!("{place} has no end"),
                }
            }
            let header = reader.header().unwrap();
            assert!(path.ends_with(format!("{}.zst", header.region)), "{place}: {}", header.region);
            assert!(!header.tail.checks.is_empty(), "{place}");
        }
        assert!(entries > 100, "{}: {entries} entries", release.display());
    }
}

#[test]
fn reports_are_read_completely() {
    for release in releases() {
        for report in json_of(&release, "reports.json").as_array().unwrap() {
            let report: RunReport = read(report, &release.display().to_string());
            assert!(report.counts.is_balanced() && report.counts.read > 0, "{}", report.run_id);
        }
    }
}

#[test]
fn messages_of_the_queues_are_parsed() {
    for release in releases() {
        let messages = json_of(&release, "messages.json");
        let bodies = |queue: &str| messages[queue].as_array().unwrap().clone();
        let record = |body: &Value| json!({ "messageId": "m", "eventSource": "aws:sqs", "body": body.to_string() });
        for body in bodies("export") {
            let parsed = export_findings::event::parse(&json!({ "Records": [record(&body)] })).unwrap();
            let export_findings::event::Invocation::Queue(parsed) = parsed else { panic!("{body}: not a queue") };
            let [message] = parsed.try_into().unwrap();
            assert!(message.task.is_ok(), "{body}: {:?}", message.task);
        }
        for body in bodies("check") {
            let parsed = check_connections::event::parse(&json!({ "Records": [record(&body)] })).unwrap();
            assert!(parsed[0].queued && parsed[0].round > 0, "{body}: {parsed:?}");
        }
    }
}

#[test]
fn a_lost_field_is_detected() {
    let before = json!({ "a": [{ "b": 1 }], "c": "d" });
    assert_eq!(lost(&before, &json!({ "a": [{ "b": 1.0 }], "c": "d", "e": 2 }), ""), None);
    assert_eq!(lost(&before, &json!({ "a": [{}], "c": "d" }), "").as_deref(), Some("/a/0/b"));
    assert_eq!(lost(&before, &json!({ "a": [], "c": "d" }), "").as_deref(), Some("/a"));
}

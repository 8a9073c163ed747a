//! The metrics, properties, and log fields that the functions emit, from their own code.

use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;

use check_connections::batch::Report;
use check_connections::telemetry::{batch_metrics, log_check, not_checked, not_listed};
use export_findings::metrics::{integration_metrics, run_metrics};
use export_findings::telemetry::{log_quarantine, log_run};
use exporter::report::{AccountReport, RunReport, RunStatus};
use runtime::logs::capture::written;
use runtime::metrics::Sample;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

/// The functions' names in the template.
pub(crate) const EXPORT: &str = "ExportFindingsFunction";
pub(crate) const CHECK: &str = "CheckConnectionsFunction";
const ACCOUNT: &str = "123456789012";

/// Names by function.
type Names = BTreeMap<String, BTreeSet<String>>;

/// A run with all values that metrics and log lines require.
fn run() -> RunReport {
    let upload = json!({ "source": "s3://b/k", "etag": "e", "bytes": 1 });
    let mut run = RunReport::new(
        "r1".to_owned(),
        serde_json::from_value(upload).unwrap(),
        "2026-11-23T08:00:00Z".parse().unwrap(),
    );
    run.status = RunStatus::Degraded;
    run.counts.quarantined.insert("InvalidInput".to_owned(), 1);
    run.quarantine = Some(RunReport::quarantine_key("r1"));
    let account = AccountReport { uncovered: Some(Vec::new()), ..AccountReport::default() };
    run.accounts.insert(ACCOUNT.parse().unwrap(), account);
    run
}

/// A connection check that found a problem.
fn check() -> Report {
    let problem = json!({ "reason": "r", "message": "m", "remediation": "f" });
    let at = "2026-11-23T08:00:00Z";
    let connection = json!({
        "account": ACCOUNT, "provider": ACCOUNT, "status": "disconnected", "checked_at": at, "problem": problem,
        "regions": {},
    });
    serde_json::from_value(json!({ "connection": connection, "took_ms": 1, "events": [], "export_due_at": at }))
        .unwrap()
}

/// All samples that a function emits, with the dimensions of the function and of an integration.
fn samples() -> BTreeMap<String, Vec<Sample>> {
    let mut check = batch_metrics("f", [check()].iter(), true);
    check.extend([not_checked("f", 1), not_listed("f", 1)]);
    let mut export = vec![run_metrics("f", &run())];
    export.extend(integration_metrics("f", &run(), &[(ACCOUNT.parse().unwrap(), ACCOUNT.parse().unwrap())].into()));
    [(EXPORT.to_owned(), export), (CHECK.to_owned(), check)].into()
}

/// Names of the metrics with these dimensions, from the lines that CloudWatch reads.
fn in_dimensions(dimensions: &[&str]) -> Names {
    let names = |samples: &Vec<Sample>| {
        let lines = samples.iter().flat_map(|sample| sample.lines(UNIX_EPOCH));
        let directives = lines.map(|line| line["_aws"]["CloudWatchMetrics"][0].clone());
        let counted =
            directives.filter(|directive| directive["Dimensions"].as_array().unwrap().contains(&json!(dimensions)));
        let metrics = counted.flat_map(|directive| directive["Metrics"].as_array().unwrap().clone());
        metrics.map(|metric| metric["Name"].as_str().unwrap().to_owned()).collect()
    };
    samples().iter().map(|(function, samples)| (function.clone(), names(samples))).collect()
}

/// Metrics of each function for the whole deployment.
pub(crate) fn metrics() -> Names {
    in_dimensions(&["FunctionName"])
}

/// Additional metrics for each integration.
pub(crate) fn of_integration() -> Names {
    in_dimensions(&["FunctionName", "Integration"])
}

fn keys(line: &Value) -> impl Iterator<Item = String> {
    line.as_object().unwrap().keys().cloned()
}

/// Fields of the log lines with metrics.
pub(crate) fn properties() -> Names {
    let fields = |samples: &Vec<Sample>| {
        let lines: Vec<Value> = samples.iter().flat_map(|sample| sample.lines(UNIX_EPOCH)).collect();
        lines.iter().flat_map(keys).collect()
    };
    samples().iter().map(|(function, samples)| (function.clone(), fields(samples))).collect()
}

/// Fields of the other log lines.
pub(crate) fn logged() -> Names {
    let export = written(LevelFilter::INFO, "export_findings", || {
        log_run(&run());
        log_quarantine(&run());
    });
    let check = written(LevelFilter::INFO, "check_connections", || log_check(&check()));
    assert!(!export.is_empty() && !check.is_empty(), "nothing was logged");
    let fields = |lines: Vec<Value>| lines.iter().flat_map(keys).collect();
    [(EXPORT.to_owned(), fields(export)), (CHECK.to_owned(), fields(check))].into()
}
